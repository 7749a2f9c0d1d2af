/*
 * A program that makes exactly the system calls it says, and no other.
 *
 * It has no C library, hence no calls of its own before main or at exit; every
 * mode ends without returning. tests/kernel/test_*.py know each sequence.
 */
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

#define CALLS 22
#define THREADS 16
#define STACK_BYTES 4096

static const int sequence[CALLS] = {39, 110, 102, 104, 107, 108, 111, 186, 39,  39,  110,
                                    24, 102, 102, 102, 104, 186, 107, 24, 108, 110, 39};
static char stacks[THREADS][STACK_BYTES] __attribute__((aligned(16)));
static char **arguments, **environment;
static long rounds;

static inline long call(long number, long a, long b, long c, long d)
{
    long result;
    register long r10 asm("r10") = d;
    asm volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
    return result;
}

static long number(const char *text)
{
    long value = 0;
    for (; text && *text >= '0' && *text <= '9'; text++)
        value = 10 * value + *text - '0';
    return value;
}

static int same(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

static void leave(void)
{
    for (;;)
        call(SYS_exit, 0, 0, 0, 0);
}

static void make_sequence(long times)
{
    for (long round = 0; round < times; round++)
        for (int i = 0; i < CALLS; i++)
            call(sequence[i], 0, 0, 0, 0);
}

/* `rounds` times the sequence, then exit: 23 calls in one round. */
static void run_sequence(void)
{
    make_sequence(rounds);
    leave();
}

/* Waits for a byte on standard input first. */
static void run_when_told(void)
{
    char byte;
    call(SYS_read, 0, (long)&byte, 1, 0);
    run_sequence();
}

static void run_denied_call(void)
{
    call(SYS_getppid, 0, 0, 0, 0);
    leave();
}

/* One clone per thread: on the child's side `body` is on top of its stack, and `ret` goes there. */
static void start_threads(long threads, void (*body)(void))
{
    for (long i = 0; i < threads; i++) {
        long *top = (long *)(stacks[i] + STACK_BYTES) - 2;
        *top = (long)body;
        register long child_tid asm("r10") = 0;
        long result;
        asm volatile("syscall\n\ttest %%rax, %%rax\n\tjnz 1f\n\tret\n1:"
                     : "=a"(result)
                     : "a"((long)SYS_clone), "D"((long)(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD)),
                       "S"(top), "d"(0L), "r"(child_tid)
                     : "rcx", "r11", "memory");
    }
}

static long fork_child(void)
{
    return call(SYS_clone, 17 /* SIGCHLD */, 0, 0, 0);
}

static void wait_child(void)
{
    call(SYS_wait4, -1, 0, 0, 0);
}

/* One call of seccomp, as root may: from here on `denied` gets `action`. */
static void deny(int denied, unsigned action)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, denied, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, action),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {4, filter};
    call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, (long)&program, 0);
}

static void execute_rest(int from)
{
    call(SYS_execve, (long)"/proc/self/exe", (long)(arguments + from), (long)environment, 0);
    leave();
}

static void restorer(void)
{
    asm volatile("mov $15, %eax\n\tsyscall");
}

static void handler(int signal)
{
    call(SYS_getuid, signal, 0, 0, 0);
}

static void run_signal(void)
{
    struct {
        void (*handler)(int);
        unsigned long flags;
        void *restorer;
        unsigned long mask;
    } action = {handler, 0x04000000 /* SA_RESTORER */, (void *)restorer, 0};
    call(SYS_rt_sigaction, 10, (long)&action, 0, 8);
    long self = call(SYS_getpid, 0, 0, 0, 0);
    call(SYS_kill, self, 10, 0, 0);
    leave();
}

/* Calls with numbers no kernel knows, in an order that never repeats: a multiplicative generator modulo 2^64. */
static void run_random(long calls, unsigned long state, long kinds)
{
    for (long i = 0; i < calls; i++) {
        state = state * 6364136223846793005UL + 1442695040888963407UL;
        call(470 + (state >> 33) % kinds, 0, 0, 0, 0);
    }
    leave();
}

void run(long *stack)
{
    long count = stack[0];
    arguments = (char **)(stack + 1);
    environment = arguments + count + 1;
    const char *mode = count > 1 ? arguments[1] : "";
    long first = count > 2 ? number(arguments[2]) : 0;
    rounds = count > 3 ? number(arguments[3]) : 1;

    if (same(mode, "sequence")) { /* THREADS ROUNDS; one thread is the first one itself */
        if (first > 1)
            start_threads(first, run_sequence);
        else
            run_sequence();
    } else if (same(mode, "told")) { /* THREADS ROUNDS */
        start_threads(first, run_when_told);
    } else if (same(mode, "steps")) { /* until end of file: read, then the sequence */
        char byte;
        while (call(SYS_read, 0, (long)&byte, 1, 0) > 0)
            make_sequence(1);
    } else if (same(mode, "random")) { /* CALLS SEED KINDS */
        run_random(first, rounds, number(arguments[4]));
    } else if (same(mode, "denied")) { /* TIMES: getppid is denied by number, and so is exit_group */
        deny(SYS_getppid, SECCOMP_RET_ERRNO | 1);
        for (long i = 0; i < first; i++)
            call(SYS_getppid, 0, 0, 0, 0);
        deny(SYS_exit_group, SECCOMP_RET_ERRNO | 1);
        call(SYS_exit_group, 0, 0, 0, 0);
        call(SYS_exit_group, 0, 0, 0, 0);
    } else if (same(mode, "killed")) {
        deny(SYS_getppid, SECCOMP_RET_KILL_PROCESS);
        call(SYS_getuid, 0, 0, 0, 0);
        call(SYS_getppid, 0, 0, 0, 0);
    } else if (same(mode, "killed-thread")) { /* one thread dies by getppid while the first still lives */
        deny(SYS_getppid, SECCOMP_RET_KILL_THREAD);
        start_threads(1, run_denied_call);
        char byte;
        call(SYS_read, 0, (long)&byte, 1, 0);
    } else if (same(mode, "number")) { /* NUMBER */
        call(first, 0, 0, 0, 0);
    } else if (same(mode, "exit-group")) {
        call(SYS_exit_group, 0, 0, 0, 0);
    } else if (same(mode, "compat")) {
        for (int i = 0; i < 3; i++) {
            long result;
            asm volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory", "r8", "r9", "r10", "r11");
        }
    } else if (same(mode, "upper-half")) { /* the kernel looks at eax only: this is getpid */
        call(39 | 1L << 40, 0, 0, 0, 0);
    } else if (same(mode, "fork")) { /* CHILDREN */
        for (long i = 0; i < first; i++) {
            if (fork_child() == 0)
                run_sequence();
            wait_child();
        }
    } else if (same(mode, "signal")) {
        run_signal();
    } else if (same(mode, "execute")) { /* getuid, then the rest of the command line as a new image */
        call(SYS_getuid, 0, 0, 0, 0);
        execute_rest(1);
    } else if (same(mode, "fork-execute")) { /* a child does what `execute` does */
        if (fork_child() == 0) {
            call(SYS_getuid, 0, 0, 0, 0);
            execute_rest(1);
        }
        wait_child();
    } else if (same(mode, "enter")) { /* a runtime's init: own mount namespace, then the container's program */
        call(SYS_unshare, CLONE_NEWNS, 0, 0, 0);
        execute_rest(1);
    }
    leave();
}

asm(".globl _start\n_start:\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall run\n");
