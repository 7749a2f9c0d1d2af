// The workloads of the benchmark: processes that make known calls while a shared word says so.
//
//   work crowd FD COUNT CPU SEED CGROUP_DIR   COUNT workers, worker i in cgroup CGROUP_DIR/i (as a container starts:
//                                             a mount namespace of its own, the cgroup, then exec); "-" stays on the host
//   work enter CGROUP_PROCS CPU PROGRAM...    one program started the same way
//   work consume FD MAP_FD                    reads a BPF ring buffer and counts its events
//   work pace CALLS_PER_S SEED SECONDS        the program of a real container: 256 n-grams, at a steady rate
//   work opens CALLS_PER_S PATH SECONDS       the program of a real container: opens one file over and over; up to
//                                             a hundred a second at random moments, more of them at a steady rate
//
// FD is shared memory laid out as `struct control` followed by one `struct slot` per worker; bench/workload.py knows both.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SLOT = 64, PERIOD = 4096, TURN = 200, MAX_PATH = 512 };
enum workload { GETPPID, READ, MIX, PATTERNS, RANDOM };

struct control {
	volatile uint32_t epoch;    // a change starts one slice
	volatile uint32_t stop;     // ends it
	volatile uint32_t workload;
	volatile uint32_t yields;   // 1: give the CPU away every TURN calls
	volatile uint32_t ready;    // workers waiting for their first slice
	volatile uint32_t done;     // workers that have ended this slice
	uint32_t unused[10];
};

struct slot {
	volatile uint64_t calls;    // of this slice
	volatile uint64_t cpu_ns;   // thread CPU time of this slice
	volatile uint64_t issued;   // every system call since the worker's exec, its own bookkeeping included
	uint64_t unused[5];
};

struct call {
	long number, a, b, c, d;
};

static long invoke(long number, long a, long b, long c, long d)
{
	register long r10 __asm__("r10") = d;
	long result;
	__asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
	return result;
}

static void fail(const char *what)
{
	fprintf(stderr, "work: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t cpu_ns(void)
{
	struct timespec now;
	invoke(SYS_clock_gettime, CLOCK_THREAD_CPUTIME_ID, (long)&now, 0, 0);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static char scratch[4096] __attribute__((aligned(64)));
static struct call table[64];
static unsigned calls_in_table;

static void add(long number, long a, long b, long c, long d)
{
	table[calls_in_table++] = (struct call){number, a, b, c, d};
}

// Forty calls that need little kernel work of their own, so that the sensor's share shows.
static void fill_table(int zero, int null)
{
	long out = (long)scratch;
	add(SYS_getppid, 0, 0, 0, 0);
	add(SYS_getpid, 0, 0, 0, 0);
	add(SYS_gettid, 0, 0, 0, 0);
	add(SYS_getuid, 0, 0, 0, 0);
	add(SYS_geteuid, 0, 0, 0, 0);
	add(SYS_getgid, 0, 0, 0, 0);
	add(SYS_getegid, 0, 0, 0, 0);
	add(SYS_getpgid, 0, 0, 0, 0);
	add(SYS_getsid, 0, 0, 0, 0);
	add(SYS_getpgrp, 0, 0, 0, 0);
	add(SYS_sched_get_priority_max, 0, 0, 0, 0);
	add(SYS_sched_get_priority_min, 0, 0, 0, 0);
	add(SYS_sched_getscheduler, 0, 0, 0, 0);
	add(SYS_sched_getparam, 0, out, 0, 0);
	add(SYS_getpriority, 0, 0, 0, 0);
	add(SYS_time, 0, 0, 0, 0);
	add(SYS_gettimeofday, out, 0, 0, 0);
	add(SYS_clock_gettime, CLOCK_MONOTONIC, out, 0, 0);
	add(SYS_clock_getres, CLOCK_MONOTONIC, out, 0, 0);
	add(SYS_getrlimit, 7, out, 0, 0);
	add(SYS_uname, out, 0, 0, 0);
	add(SYS_getcpu, out, out + 8, 0, 0);
	add(SYS_lseek, zero, 0, 0, 0);
	add(SYS_read, zero, out, 1, 0);
	add(SYS_write, null, out, 1, 0);
	add(SYS_fcntl, zero, F_GETFD, 0, 0);
	add(SYS_close, -1, 0, 0, 0);
	add(SYS_dup, -1, 0, 0, 0);
	add(SYS_ioctl, -1, 0, 0, 0);
	add(SYS_poll, 0, 0, 0, 0);
	add(SYS_getgroups, 0, 0, 0, 0);
	add(SYS_getresuid, out, out + 8, out + 16, 0);
	add(SYS_getresgid, out, out + 8, out + 16, 0);
	add(SYS_sigaltstack, 0, out, 0, 0);
	add(SYS_rt_sigprocmask, SIG_BLOCK, 0, out, 8);
	add(SYS_rt_sigpending, out, 8, 0, 0);
	add(SYS_getitimer, 0, out, 0, 0);
	add(SYS_personality, 0xffffffff, 0, 0, 0);
	add(SYS_prctl, PR_GET_DUMPABLE, 0, 0, 0);
	add(SYS_fstat, zero, out, 0, 0);
}

// 398 calls and two yields, one after each 200th, whose 6-grams are 256 distinct ones: both halves begin
// with the same 148 calls (four more n-grams where the halves before them differ) and end with 51 of their own.
static void fill_patterns(uint8_t *sequence, uint64_t *random)
{
	for (int i = 0; i < 199; i++)
		sequence[i] = (uint8_t)(next_random(random) % calls_in_table);
	for (int i = 0; i < 199; i++)
		sequence[199 + i] = i < 148 ? sequence[i] : (uint8_t)(next_random(random) % calls_in_table);
}

static uint64_t run_slice(struct control *control, uint8_t *mix, uint8_t *patterns, uint64_t *random)
{
	uint64_t calls = 0;
	enum workload kind = control->workload;
	int yields = (int)control->yields;
	for (unsigned i = 0;; i++) {
		struct call *call;
		if (kind == GETPPID)
			call = &table[0];
		else if (kind == READ)
			call = &table[23];
		else if (kind == MIX)
			call = &table[mix[i % PERIOD]];
		else if (kind == PATTERNS)
			call = &table[patterns[i % 398]];
		else
			call = &table[next_random(random) % 16];
		invoke(call->number, call->a, call->b, call->c, call->d);
		calls++;
		unsigned place = kind == PATTERNS ? i % 199 : i % PERIOD % TURN;
		if (yields && place == (kind == PATTERNS ? 198 : TURN - 1)) {
			invoke(SYS_sched_yield, 0, 0, 0, 0);
			calls++;
		}
		if ((i & 15) == 0 && control->stop)
			return calls;
	}
}

static void work(int fd, int count, int index, uint64_t seed)
{
	uint64_t random = seed * 0x9e3779b97f4a7c15u + 1;
	uint8_t mix[PERIOD], patterns[398];
	size_t size = sizeof(struct control) + (size_t)count * sizeof(struct slot);
	struct control *control = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (control == MAP_FAILED)
		fail("mmap of the shared memory");
	struct slot *slot = (struct slot *)(control + 1) + index;
	int zero = open("/dev/zero", O_RDONLY), null = open("/dev/null", O_WRONLY);
	if (zero < 0 || null < 0)
		fail("open of /dev/zero and /dev/null");
	fill_table(zero, null);
	for (int i = 0; i < PERIOD; i++)
		mix[i] = (uint8_t)(next_random(&random) % calls_in_table);
	fill_patterns(patterns, &random);

	uint32_t seen = control->epoch;
	__sync_fetch_and_add(&control->ready, 1);
	slot->issued = 0;
	for (;;) {
		while (control->epoch == seen) {
			invoke(SYS_futex, (long)&control->epoch, FUTEX_WAIT, seen, 0);
			slot->issued++;
		}
		seen = control->epoch;
		uint64_t begin = cpu_ns();
		uint64_t calls = run_slice(control, mix, patterns, &random);
		slot->cpu_ns = cpu_ns() - begin;
		slot->calls = calls;
		slot->issued += calls + 2;
		__sync_fetch_and_add(&control->done, 1);
	}
}

static void die_with_parent(void)
{
	// The kernel ends the worker with its parent, so that an interrupted benchmark leaves nothing behind.
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
		fail("prctl");
}

static void pin(int cpu)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) != 0)
		fail("sched_setaffinity");
}

static void join_cgroup(const char *procs)
{
	int fd = open(procs, O_WRONLY);
	if (fd < 0 || write(fd, "0", 1) != 1)
		fail(procs);
	close(fd);
}

static void crowd(char **argv)
{
	int count = atoi(argv[3]);
	int in_cgroups = strcmp(argv[6], "-") != 0;
	if (in_cgroups && unshare(CLONE_NEWNS) != 0)
		fail("unshare of the mount namespace");
	for (int i = 0; i < count; i++) {
		pid_t child = fork();
		if (child < 0)
			fail("fork");
		if (child > 0)
			continue;
		if (in_cgroups) {
			char procs[MAX_PATH];
			snprintf(procs, sizeof(procs), "%s/%d/cgroup.procs", argv[6], i);
			join_cgroup(procs);
		}
		char index[16], seed[32];
		snprintf(index, sizeof(index), "%d", i);
		snprintf(seed, sizeof(seed), "%ld", atol(argv[5]) + i);
		execl("/proc/self/exe", "work", "worker", argv[2], argv[3], index, argv[4], seed, NULL);
		fail("exec");
	}
	while (wait(NULL) > 0)
		;
}

static void consume(int fd, int map_fd)
{
	volatile uint64_t *events = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	size_t size = strtoul(getenv("RING_BYTES"), NULL, 10);
	volatile uint64_t *consumer = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
	char *rest = mmap(NULL, 4096 + 2 * size, PROT_READ, MAP_SHARED, map_fd, 4096);
	if (events == MAP_FAILED || consumer == MAP_FAILED || rest == MAP_FAILED)
		fail("mmap of the ring buffer");
	volatile uint64_t *producer = (volatile uint64_t *)rest;
	char *data = rest + 4096;
	uint64_t position = *consumer, sums[1024] = {0};
	for (;;) {
		while (position < __atomic_load_n(producer, __ATOMIC_ACQUIRE)) {
			uint32_t length = __atomic_load_n((uint32_t *)(data + (position & (size - 1))), __ATOMIC_ACQUIRE);
			if (length & (1u << 31))
				break;
			uint64_t *event = (uint64_t *)(data + (position & (size - 1)) + 8);
			sums[(event[0] + event[2]) & 1023]++;
			events[0]++;
			position += ((length & ~(3u << 30)) + 8 + 7) & ~7ul;
			if ((events[0] & 255) == 0)
				__atomic_store_n(consumer, position, __ATOMIC_RELEASE);
		}
		__atomic_store_n(consumer, position, __ATOMIC_RELEASE);
		nanosleep(&(struct timespec){0, 1000000}, NULL);
	}
}

static void pace(long calls_per_s, uint64_t seed, unsigned seconds)
{
	// Its parent, the runtime, leaves before it does; so it ends by itself, whatever happens.
	alarm(seconds);
	uint64_t random = seed * 0x9e3779b97f4a7c15u + 1;
	uint8_t patterns[398];
	fill_table(open("/proc/self/stat", O_RDONLY), open("/proc/self/comm", O_WRONLY));
	fill_patterns(patterns, &random);
	struct timespec pause = {0, 1000000000L * TURN / (calls_per_s > TURN ? calls_per_s : TURN + 1)};
	for (unsigned i = 0;; i++) {
		struct call *call = &table[patterns[i % 398]];
		invoke(call->number, call->a, call->b, call->c, call->d);
		if (i % 199 == 198)
			nanosleep(&pause, NULL);
	}
}

static void opens(long calls_per_s, const char *path, unsigned seconds)
{
	alarm(seconds);
	uint64_t random = 0x9e3779b97f4a7c15u;
	struct timespec next;
	clock_gettime(CLOCK_MONOTONIC, &next);
	long at_once = calls_per_s > 1000 ? calls_per_s / 1000 : 1;
	for (;;) {
		for (long i = 0; i < at_once; i++)
			close(open(path, O_RDONLY));
		long pause = 1000000000L / calls_per_s * at_once;
		if (calls_per_s <= 100)
			pause = pause / 2 + (long)(next_random(&random) % (uint64_t)pause);
		next.tv_nsec += pause;
		next.tv_sec += next.tv_nsec / 1000000000;
		next.tv_nsec %= 1000000000;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
	}
}

int main(int argc, char **argv)
{
	if (argc == 5 && strcmp(argv[1], "opens") == 0)
		opens(atol(argv[2]), argv[3], (unsigned)atoi(argv[4]));
	if (argc == 5 && strcmp(argv[1], "pace") == 0)
		pace(atol(argv[2]), strtoull(argv[3], NULL, 10), (unsigned)atoi(argv[4]));
	die_with_parent();
	if (argc == 7 && strcmp(argv[1], "worker") == 0) {
		pin(atoi(argv[5]));
		work(atoi(argv[2]), atoi(argv[3]), atoi(argv[4]), strtoull(argv[6], NULL, 10));
	} else if (argc == 7 && strcmp(argv[1], "crowd") == 0) {
		crowd(argv);
	} else if (argc >= 5 && strcmp(argv[1], "enter") == 0) {
		if (unshare(CLONE_NEWNS) != 0)
			fail("unshare of the mount namespace");
		join_cgroup(argv[2]);
		pin(atoi(argv[3]));
		execvp(argv[4], argv + 4);
		fail(argv[4]);
	} else if (argc == 4 && strcmp(argv[1], "consume") == 0) {
		consume(atoi(argv[2]), atoi(argv[3]));
	} else {
		fprintf(stderr, "work: expected crowd, enter or consume with their arguments\n");
		return 2;
	}
	return 0;
}
