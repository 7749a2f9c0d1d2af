/*
 * Plays one test of an end-to-end suite: becomes each process of its chain, then does its steps.
 *
 * What to do comes in the variable E2E_PLAY as lines of fields separated by 0x1f; every process takes the
 * lines that are left to it and hands the rest on, as the generator upstream does. Lines:
 *
 *   process EXEPATH NAME ARG0 UID GID CAPS TTY ENV ARG...
 *       run the rest as a child; TTY 1: with a terminal of its own; ENV: K=V joined by 0x1e
 *   script TEXT                             /bin/sh -c TEXT, and wait
 *   file NAME PATH | directory NAME PATH    make it if it is not there, open it, remove it at the end
 *   pipe NAME | event NAME | epoll NAME | signalfd NAME | inotify NAME | memfd NAME LABEL
 *   clientserver NAME FAMILY TYPE ADDRESS PORT
 *   resource_process NAME EXEPATH NAME ARG0 ARG...
 *   call NAME SYSCALL ARG...                ARG: number, $resource.field, "text, @sockaddr in hexadecimal,
 *                                           %how:flags:mode:resolve, or *size for a buffer
 *   after TEXT                              as script, when all is done
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST 64
#define SEPARATOR '\x1f'

struct value {
    char name[128];
    long value;
};

static struct value values[MOST];
static int values_used;
static char *removed[MOST]; /* paths to remove at the end */
static int removed_used;
static pid_t children[MOST];
static int children_used;

static void fail(const char *what, ...)
{
    va_list arguments;
    int number = errno;
    va_start(arguments, what);
    fprintf(stderr, "actor: ");
    vfprintf(stderr, what, arguments);
    fprintf(stderr, ": %s\n", strerror(number));
    va_end(arguments);
    exit(3);
}

static void remember(const char *resource, const char *field, long value)
{
    if (values_used == MOST)
        fail("too many values");
    snprintf(values[values_used].name, sizeof(values[0].name), "%s%s%s", resource, *field ? "." : "", field);
    values[values_used++].value = value;
}

static long recall(const char *name)
{
    for (int i = 0; i < values_used; i++)
        if (!strcmp(values[i].name, name))
            return values[i].value;
    errno = ENOENT;
    fail("nothing is called %s", name);
    return -1;
}

static int split(char *line, char **fields)
{
    int count = 0;
    while (line && count < MOST - 1) {
        fields[count++] = line;
        line = strchr(line, SEPARATOR);
        if (line)
            *line++ = 0;
    }
    fields[count] = NULL;
    return count;
}

static void make_parents(const char *path)
{
    char copy[4096];
    snprintf(copy, sizeof(copy), "%s", path);
    for (char *at = copy + 1; *at; at++) {
        if (*at == '/') {
            *at = 0;
            if (mkdir(copy, 0755) == 0 && removed_used < MOST)
                removed[removed_used++] = strdup(copy);
            *at = '/';
        }
    }
}

static void copy_file(const char *from, const char *to)
{
    char buffer[65536];
    ssize_t got;
    int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
    if (in < 0 || out < 0)
        fail("cannot copy %s to %s", from, to);
    while ((got = read(in, buffer, sizeof(buffer))) > 0)
        if (write(out, buffer, got) != got)
            fail("cannot write %s", to);
    fchmod(out, 0755);
    close(in);
    close(out);
}

static void shell(const char *text)
{
    pid_t pid = fork();
    if (pid == 0) {
        unsetenv("E2E_PLAY");
        execl("/bin/sh", "sh", "-c", text, NULL);
        _exit(127);
    }
    int status;
    waitpid(pid, &status, 0);
    if (status)
        fprintf(stderr, "actor: script ended with status %d: %s\n", WEXITSTATUS(status), text);
}

/* Becomes another user, with these capabilities kept over the exec. */
static void become(int uid, int gid, unsigned long long caps)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];

    if (uid >= 0) {
        if (uid)
            prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
        if (syscall(SYS_setresgid, gid, gid, gid) || syscall(SYS_setresuid, uid, uid, uid))
            fail("cannot become user %d", uid);
    }
    if (syscall(SYS_capget, &head, data))
        return;
    unsigned long long permitted = data[0].permitted | (unsigned long long)data[1].permitted << 32;
    if (uid <= 0 && caps == ~0ULL)
        return;
    if (uid <= 0 && getuid() == 0)
        prctl(PR_SET_SECUREBITS, 1, 0, 0, 0); /* SECBIT_NOROOT: root gets only what it is given */
    permitted &= caps;
    data[0].permitted = data[0].effective = data[0].inheritable = permitted;
    data[1].permitted = data[1].effective = data[1].inheritable = permitted >> 32;
    syscall(SYS_capset, &head, data);
    for (int cap = 0; cap < 64; cap++)
        if (permitted >> cap & 1)
            prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0);
}

static void take_terminal(void)
{
    int terminal, leader = posix_openpt(O_RDWR | O_NOCTTY);
    setsid();
    if (leader < 0 || grantpt(leader) || unlockpt(leader) || (terminal = open(ptsname(leader), O_RDWR)) < 0 ||
        ioctl(terminal, TIOCSCTTY, 0))
        fail("cannot take a terminal");
}

static void run(char **field, int count, char *rest)
{
    char own[4096], path[4096];
    ssize_t length = readlink("/proc/self/exe", own, sizeof(own) - 1);
    if (length < 0)
        fail("who am I");
    own[length] = 0;
    const char *deleted = strstr(own, " (deleted)");
    const char *real = field[1], *name = field[2];
    if (deleted)
        snprintf(own, sizeof(own), "/proc/self/exe");

    int memory = -1;
    if (!strncmp(real, "memfd:", 6)) {
        memory = memfd_create(name, 0);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", memory);
        copy_file(own, path);
    } else {
        make_parents(real);
        unlink(real);
        copy_file(own, real);
        removed[removed_used++] = strdup(real);
        snprintf(path, sizeof(path), "%s", real);
        if (*name) {
            char *slash = strrchr(path, '/');
            snprintf(slash + 1, sizeof(path) - (slash + 1 - path), "%s", name);
            if (strcmp(path, real)) {
                unlink(path);
                if (symlink(real, path))
                    fail("cannot link %s", path);
                removed[removed_used++] = strdup(path);
            }
        }
    }

    char *arguments[MOST] = {field[3]};
    for (int i = 9; i < count; i++)
        arguments[i - 8] = field[i];
    pid_t pid = fork();
    if (pid == 0) {
        if (atoi(field[7]))
            take_terminal();
        for (char *pair = strtok(field[8], "\x1e"); pair; pair = strtok(NULL, "\x1e"))
            putenv(strdup(pair));
        setenv("E2E_PLAY", rest, 1);
        become(atoi(field[4]), atoi(field[5]), strtoull(field[6], NULL, 16));
        execv(path, arguments);
        fail("cannot execute %s", path);
    }
    int status;
    waitpid(pid, &status, 0);
    while (removed_used) {
        const char *last = removed[--removed_used];
        if (unlink(last))
            rmdir(last);
    }
    exit(WIFEXITED(status) ? WEXITSTATUS(status) : 4);
}

static void make_file(char **field, int is_directory)
{
    make_parents(field[2]);
    int is_new = access(field[2], F_OK) != 0, descriptor;
    if (is_directory) {
        if (is_new && mkdir(field[2], 0755))
            fail("cannot make %s", field[2]);
        descriptor = open(field[2], O_RDONLY | O_DIRECTORY);
    } else {
        descriptor = open(field[2], is_new ? O_RDWR | O_CREAT : O_RDONLY, 0644);
    }
    if (descriptor < 0)
        fail("cannot open %s", field[2]);
    if (is_new)
        removed[removed_used++] = strdup(field[2]);
    remember(field[1], "fd", descriptor);
}

static void make_connection(char **field)
{
    struct sockaddr_storage address = {};
    socklen_t length;
    int family = atoi(field[2]), type = atoi(field[3]);
    if (family == AF_UNIX) {
        struct sockaddr_un *un = (void *)&address;
        un->sun_family = AF_UNIX;
        snprintf(un->sun_path, sizeof(un->sun_path), "%s", field[4]);
        removed[removed_used++] = strdup(field[4]);
        length = sizeof(*un);
    } else if (family == AF_INET) {
        struct sockaddr_in *in = (void *)&address;
        in->sin_family = AF_INET;
        in->sin_port = htons(atoi(field[5]));
        inet_pton(AF_INET, field[4], &in->sin_addr);
        length = sizeof(*in);
    } else {
        struct sockaddr_in6 *in6 = (void *)&address;
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(atoi(field[5]));
        inet_pton(AF_INET6, field[4], &in6->sin6_addr);
        length = sizeof(*in6);
    }
    int server = socket(family, type, 0), one = 1;
    setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (server < 0 || bind(server, (void *)&address, length))
        fail("cannot serve at %s:%s", field[4], field[5]);
    if (type == SOCK_STREAM && listen(server, 16))
        fail("cannot listen at %s:%s", field[4], field[5]);
    int client = socket(family, type, 0);
    if (client < 0 || connect(client, (void *)&address, length))
        fail("cannot connect to %s:%s", field[4], field[5]);
    remember(field[1], "server.fd", server);
    remember(field[1], "client.fd", client);
}

static void make_process(char **field, int count)
{
    char own[4096], path[4096];
    ssize_t length = readlink("/proc/self/exe", own, sizeof(own) - 1);
    own[length > 0 ? length : 0] = 0;
    make_parents(field[2]);
    copy_file(own, field[2]);
    removed[removed_used++] = strdup(field[2]);
    snprintf(path, sizeof(path), "%s", field[2]);
    if (*field[3]) {
        char *slash = strrchr(path, '/');
        snprintf(slash + 1, sizeof(path) - (slash + 1 - path), "%s", field[3]);
        if (strcmp(path, field[2])) {
            unlink(path);
            if (symlink(field[2], path) == 0)
                removed[removed_used++] = strdup(path);
        }
    }
    char *arguments[MOST] = {field[4]};
    for (int i = 5; i < count; i++)
        arguments[i - 4] = field[i];
    pid_t pid = fork();
    if (pid == 0) {
        setenv("E2E_PLAY", "wait\x1f", 1);
        execv(path, arguments);
        _exit(127);
    }
    children[children_used++] = pid;
    remember(field[1], "pid", pid);
}

static long argument(char *text)
{
    static char buffers[8][4096];
    static int used;
    if (*text == '$')
        return recall(text + 1);
    if (*text == '"')
        return (long)(text + 1);
    char *buffer = buffers[used++ & 7];
    if (*text == '*')
        return (long)buffer;
    if (*text == '@') {
        for (int i = 0; text[1 + 2 * i] && text[2 + 2 * i]; i++) {
            unsigned byte;
            sscanf(text + 1 + 2 * i, "%2x", &byte);
            buffer[i] = byte;
        }
        return (long)buffer;
    }
    if (*text == '%') {
        unsigned long long how[3] = {};
        sscanf(text, "%%how:%llu:%llu:%llu", &how[0], &how[1], &how[2]);
        memcpy(buffer, how, sizeof(how));
        return (long)buffer;
    }
    return strtol(text, NULL, 0);
}

static void call(char **field, int count)
{
    long arguments[6] = {};
    for (int i = 3; i < count && i < 9; i++)
        arguments[i - 3] = argument(field[i]);
    long result = syscall(atol(field[2]), arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
                          arguments[5]);
    if (result < 0)
        fprintf(stderr, "actor: step %s: %s\n", field[1], strerror(errno));
    remember(field[1], "ret", result);
    remember(field[1], "fd", result);
}

int main(void)
{
    char *play = getenv("E2E_PLAY"), *after = NULL;
    if (!play || !strncmp(play, "wait", 4)) {
        pause();
        return 0;
    }
    play = strdup(play);
    while (play && *play) {
        char *next = strchr(play, '\n'), *field[MOST];
        if (next)
            *next++ = 0;
        int count = split(play, field);
        const char *what = field[0];
        if (!strcmp(what, "process"))
            run(field, count, next ? next : "");
        else if (!strcmp(what, "script"))
            shell(field[1]);
        else if (!strcmp(what, "after"))
            after = field[1];
        else if (!strcmp(what, "file") || !strcmp(what, "directory"))
            make_file(field, *what == 'd');
        else if (!strcmp(what, "pipe")) {
            int ends[2];
            if (pipe(ends))
                fail("pipe");
            remember(field[1], "readEnd.fd", ends[0]);
            remember(field[1], "writeEnd.fd", ends[1]);
        } else if (!strcmp(what, "event"))
            remember(field[1], "fd", eventfd(0, 0));
        else if (!strcmp(what, "epoll"))
            remember(field[1], "fd", epoll_create1(0));
        else if (!strcmp(what, "inotify"))
            remember(field[1], "fd", inotify_init1(0));
        else if (!strcmp(what, "memfd"))
            remember(field[1], "fd", memfd_create(field[2], 0));
        else if (!strcmp(what, "signalfd")) {
            sigset_t set;
            sigemptyset(&set);
            sigaddset(&set, SIGUSR1);
            remember(field[1], "fd", signalfd(-1, &set, 0));
        } else if (!strcmp(what, "clientserver"))
            make_connection(field);
        else if (!strcmp(what, "resource_process"))
            make_process(field, count);
        else if (!strcmp(what, "call"))
            call(field, count);
        play = next;
    }
    if (after)
        shell(after);
    for (int i = 0; i < children_used; i++) {
        kill(children[i], SIGKILL);
        waitpid(children[i], NULL, 0);
    }
    while (removed_used) {
        const char *last = removed[--removed_used];
        if (unlink(last))
            rmdir(last);
    }
    return 0;
}
