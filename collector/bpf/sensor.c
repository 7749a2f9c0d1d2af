/*
 * Counts n-grams of system calls per thread and cgroup, in the kernel.
 *
 * Calls are taken where they end (sys_exit), since those that seccomp denies
 * never pass sys_enter; calls that never end are taken where their thread does.
 * Why: docs/adr/0001. The table and its drain: docs/adr/0003.
 *
 * map         key         value              full
 * ----------  ----------  -----------------  ------------------------------------------------
 * table       line        struct line        call counted in losses.table_full
 * control     0           struct control     -
 * places      hash(task)  struct thread      thread kept in `threads`
 * threads     task        struct thread      (no memory) thread counted in losses.untracked
 * containers  cgroup id   struct container   cgroup not watched; counted in STAT_UNWATCHED
 * losses      cgroup id   struct losses,     as `containers`, whose keys are the same
 *                         per CPU
 * events      -           struct event       counted in STAT_DROPPED_EVENTS
 * stats       enum stat   u64                -
 *
 * Every program here runs with preemption off and outside interrupts, so on one
 * CPU they never interleave: what is per CPU or per current task needs no atomics.
 *
 * Given by the compiler's command line: OFF_* (byte offsets of kernel fields, from
 * the running kernel's BTF), CPUS, LINES (per CPU and epoch, a power of two up to
 * 65,536), PLACE_BITS, QUOTA, SEED, CONTAINERS, HOST_MNT_NS, HOST_SERVICES, EVENT_PAGES.
 */
#include <linux/types.h>

#include "layout.h"
#include "load.h"

#define ROOT_CGROUP 1
#define NEAR_BITS 12 /* lines next to a container's home: 256 KiB */
#define RUN 8 /* one n-gram in so many begins a run of its own; a power of two */
#define MIDDLE 8192 /* lines: 512 KiB */
#define ANYWHERE 6 /* lines of the whole table that are tried after those */

#define SIGNAL_GROUP_EXIT 0x4 /* include/linux/sched/signal.h */
#define SIGSYS 31

#define NR_RT_SIGRETURN 15
#define NR_EXIT 60
#define NR_EXIT_GROUP 231
#define NR_COMPAT_EXIT 1
#define NR_COMPAT_RT_SIGRETURN 173
#define NR_COMPAT_EXIT_GROUP 252

/* One cache line. */
struct thread {
    u64 task; /* whose place this is; 0: nobody's, or not a place */
    u64 history; /* the last six tokens, newest lowest; 0 before the first */
    u64 owner; /* cgroup id its calls count for; 0: not watched */
    u64 salt; /* of `owner`, for the hash */
    u64 mark; /* INJECTED or 0 */
    u64 css; /* task->cgroups when `owner` was decided */
    u32 generation; /* control.generation then */
    u32 newborn; /* its first passage of sys_exit is the other side of its parent's call */
    u32 line; /* of its newest run, within a region */
    u32 room; /* n-grams that may still join that run */
};

BPF_F_TABLE("array", u32, struct line, table, 2 * CPUS * LINES, BPF_F_MMAPABLE);
BPF_F_TABLE("array", u32, struct control, control, 1, BPF_F_MMAPABLE);
/* Mappable only because such memory begins with a page, and so each place with a cache line. */
BPF_F_TABLE("array", u32, struct thread, places, 1 << PLACE_BITS, BPF_F_MMAPABLE);
BPF_TASK_STORAGE(threads, struct thread);
BPF_F_TABLE("hash", u64, struct container, containers, CONTAINERS, BPF_F_NO_PREALLOC);
BPF_F_TABLE("percpu_hash", u64, struct losses, losses, CONTAINERS, BPF_F_NO_PREALLOC);
BPF_RINGBUF_OUTPUT(events, EVENT_PAGES);
BPF_TABLE("array", u32, u64, stats, STATS);

static inline void add_stat(u32 which)
{
    u64 *sum = stats.lookup(&which);
    if (sum)
        __sync_fetch_and_add(sum, 1);
}

static inline struct control *read_control(void)
{
    u32 zero = 0;
    return control.lookup(&zero);
}

static inline struct thread *place_of(void *task)
{
    u64 number = (u64)task;
    struct control *fixed = read_control();
    if (!fixed)
        return NULL;
    /* The verifier lets no program reckon with a pointer, but takes the difference of two for a number. */
    asm volatile("%0 -= %1" : "+r"(number) : "r"(fixed));
    u32 index = (u32)(number >> 6) * 0x9e3779b1U >> (32 - PLACE_BITS);
    return places.lookup(&index);
}

/*
 * A thread's state lies in its place from its first appearance to its end; or, if the place was
 * another's when it appeared, in its task storage, whose lookup is a call of a helper. Only the
 * running task asks for its state, and before that the task that forks it: claims alone can race.
 */
static inline struct thread *find_thread(void *task)
{
    struct thread *place = place_of(task);
    if (place && place->task == (u64)task)
        return place;
    return threads.task_storage_get(task, 0, 0);
}

/* Gives a new state to a thread that has none; NULL where there is no memory. */
static inline struct thread *open_thread(void *task)
{
    struct thread *place = place_of(task);
    if (!place)
        return NULL;
    u64 before = __sync_val_compare_and_swap(&place->task, 0, (u64)task);
    /* The task's own already: left behind by one at the same address, whose end nobody saw. */
    if (before && before != (u64)task)
        return threads.task_storage_get(task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
    place->history = place->owner = place->mark = place->css = 0;
    place->generation = place->newborn = place->line = place->room = 0;
    return place;
}

static inline void leave_place(void *task)
{
    struct thread *place = place_of(task);
    if (place && place->task == (u64)task)
        place->task = 0;
}

static inline u64 cgroup_of(u64 css)
{
    u64 cgroup = LOAD64(css, OFF_CSS_SET_DFL_CGRP);
    u64 node = LOAD64(cgroup, OFF_CGROUP_KN);
    return LOAD64(node, OFF_KERNFS_NODE_ID);
}

static inline bool in_host_mnt_ns(u64 task)
{
    u64 nsproxy = LOAD64(task, OFF_TASK_NSPROXY);
    u64 mnt_ns = LOAD64(nsproxy, OFF_NSPROXY_MNT_NS);
    return LOAD32(mnt_ns, OFF_MNT_NAMESPACE_NS_INUM) == HOST_MNT_NS;
}

static inline u64 mix(u64 value)
{
    /* splitmix64's finalizer without its last step: each 16 bits serve as a line number. */
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9ULL;
    value = (value ^ value >> 27) * 0x94d049bb133111ebULL;
    return value ^ value >> 31;
}

static inline void unwatch(struct thread *thread)
{
    thread->owner = 0;
    thread->mark = 0;
    thread->history = 0;
}

static inline void watch(struct thread *thread, u64 cgroup, u64 mark)
{
    thread->owner = cgroup;
    thread->salt = mix(cgroup ^ SEED);
    thread->mark = mark;
    thread->history = 0;
}

static inline u32 current_tgid(void)
{
    return bpf_get_current_pid_tgid() >> 32;
}

/* Gives a cgroup its records. False where there is no room: then nobody would count its losses, so it stays out. */
static inline bool admit(u64 cgroup)
{
    struct container fresh = {};
    struct losses none = {};
    /* BPF_ANY for both: a thread of the same cgroup may be admitting it on another CPU. */
    if (losses.update(&cgroup, &none) || containers.update(&cgroup, &fresh)) {
        losses.delete(&cgroup);
        add_stat(STAT_UNWATCHED);
        return false;
    }
    struct event *event = events.ringbuf_reserve(__builtin_offsetof(struct event, path));
    if (!event) {
        add_stat(STAT_DROPPED_EVENTS);
        return true;
    }
    event->cgroup_id = cgroup;
    event->kind = EVENT_WATCHED;
    event->pid = current_tgid();
    events.ringbuf_submit(event, 0);
    return true;
}

/* Decides again whom a thread counts for, after it moved or a record changed. */
static inline void resolve(struct thread *thread, u64 task, u64 css, u32 generation)
{
    u64 cgroup = cgroup_of(css);
    struct container *container = containers.lookup(&cgroup);

    thread->css = css;
    thread->generation = generation;
    if (container && container->ignored) {
        unwatch(thread);
    } else if (!thread->owner) {
        if (container && LOAD64(task, OFF_TASK_START_TIME) < container->adopted_before)
            watch(thread, cgroup, 0);
    } else if (thread->owner != cgroup) {
        /* A host's process on its way into a container is its runtime's init: not yet the workload. */
        if (cgroup == ROOT_CGROUP || in_host_mnt_ns(task))
            unwatch(thread);
        else if (container || admit(cgroup))
            watch(thread, cgroup, thread->mark);
        else
            unwatch(thread);
    }
}

static inline u32 token_of(u64 task, u64 regs)
{
    /* The kernel itself looks at the lower half of the register only. */
    u32 number = LOAD32(regs, OFF_PT_REGS_ORIG_AX);
    bool compat = LOAD32(task, OFF_TASK_THREAD_INFO_STATUS) & TS_COMPAT;

    /* rt_sigreturn has put -1 here, to keep the call it returns to from being restarted. */
    if (number == (u32)-1)
        number = compat ? NR_COMPAT_RT_SIGRETURN : NR_RT_SIGRETURN;
    if (compat)
        return number < COMPAT_OTHER - COMPAT_BASE ? COMPAT_BASE + number : COMPAT_OTHER;
    return number < NATIVE_OTHER - 1 ? 1 + number : NATIVE_OTHER;
}

/* A free way. */
struct way {
    u64 *gram;
    u32 *owner;
    u32 *count;
};

enum found { FULL, VACANT, HIT };

/* 1 if a way holds the n-gram, else 0; without a branch, since which way it is cannot be foretold. */
#define HOLDS(line, way)                                                                                             \
    ({                                                                                                               \
        u64 differs_ = (line->gram[way] ^ gram) | (line->owner[way] ^ owner);                                        \
        differs_ = (differs_ - 1) >> 63;                                                                             \
        asm volatile("" : "+r"(differs_));                                                                           \
        differs_;                                                                                                    \
    })

/* Adds one to an n-gram if this line has it; otherwise says whether it has a free way, and which. */
static inline enum found search(u32 index, u64 gram, u32 owner, struct way *vacant)
{
    struct line *line = table.lookup(&index);
    if (!line)
        return FULL;
    u64 first = HOLDS(line, 0), second = HOLDS(line, 1), third = HOLDS(line, 2), fourth = HOLDS(line, 3);
    if (first | second | third | fourth) {
        u64 way = (second + 2 * third + 3 * fourth);
        asm volatile("%0 &= 3" : "+r"(way));
        line->count[way]++;
        return HIT;
    }
#pragma unroll
    for (int way = 0; way < WAYS; way++) {
        if (!line->gram[way]) {
            vacant->gram = &line->gram[way];
            vacant->owner = &line->owner[way];
            vacant->count = &line->count[way];
            return VACANT;
        }
    }
    return FULL;
}

static inline void claim(struct way *vacant, u64 gram, u32 owner)
{
    *vacant->gram = gram;
    *vacant->owner = owner;
    *vacant->count = 1;
}

/*
 * Counts one call. N-grams that follow each other lie in the same line, as a run of up to four: an n-gram
 * begins a run if its hash says so, whatever came before, or where the run before has ended. So two ways
 * through the same calls soon share their runs again, and a turn of a thread touches a third of the lines
 * that its n-grams would, each by itself. An n-gram reached from two runs may have a slot in both; a drain
 * adds them up.
 *
 * The lines that may hold an n-gram: its run's and its own among the 64 pages next to the container's home,
 * then one of the next half megabyte, six anywhere; so while a container has few n-grams, they stay within
 * reach of the processor's caches.
 *
 * Past its quota a container keeps what lies next to its home; everything else is counted in its home line,
 * at the cost of three lines and no helper call. That is why its own n-grams begin one line after its home.
 */
static inline void count(struct thread *thread, u32 token, u32 epoch)
{
    u64 gram = (thread->history << TOKEN_BITS | token) & GRAM_MASK;
    u64 owner = thread->owner, home = thread->salt;
    u32 region = ((epoch & 1) * CPUS + bpf_get_smp_processor_id()) * LINES;
    struct way vacant = {}, over = {};

    thread->history = gram;
    gram |= thread->mark;
    /* One multiplication spreads its upper bits well enough; the lines farther off use the others too. */
    u64 hash = (gram ^ home) * 0x9e3779b97f4a7c15ULL;
    u32 own = (home + 1 + (hash >> (64 - NEAR_BITS))) & (LINES - 1);
    /* All ones where a run begins, else 0; without a branch, since the hash cannot be foretold. */
    u64 begins = -((((hash >> 40 & (RUN - 1)) - 1) | ((u64)thread->room - 1)) >> 63);
    asm volatile("" : "+r"(begins));
    u32 line = thread->line ^ ((thread->line ^ own) & begins);
    thread->line = line;
    thread->room = (thread->room ^ ((thread->room ^ WAYS) & begins)) - 1;

    enum found found = search(region + line, gram, owner, &vacant);
    if (found == HIT)
        return;
    if (found == FULL && line != own) {
        found = search(region + own, gram, owner, &vacant);
        if (found == HIT)
            return;
    }
    u32 place = region + (home & (LINES - 1));
    enum found found_over = search(place, OVER_QUOTA, owner, &over);
    if (found_over == HIT)
        return;

    hash = mix(hash);
    if (found == FULL) {
        place = region + ((home + 1 + (hash >> 16) % MIDDLE) & (LINES - 1));
        found = search(place, gram, owner, &vacant);
    }
#pragma unroll
    for (int probe = 0; probe < ANYWHERE; probe++) {
        if (found == FULL) {
            if (probe == 2)
                hash = mix(hash);
            place = region + (hash >> (probe < 2 ? 32 + 16 * probe : 16 * (probe - 2)) & (LINES - 1));
            found = search(place, gram, owner, &vacant);
        }
    }
    if (found == HIT)
        return;

    struct losses *lost = losses.lookup(&owner);
    if (!lost)
        return;
    if (lost->epoch != epoch) {
        lost->epoch = epoch;
        lost->claimed = 0;
    }
    if (lost->claimed >= QUOTA) {
        if (found_over == VACANT)
            claim(&over, OVER_QUOTA, owner);
        else
            lost->quota[epoch & 1]++;
    } else if (found == VACANT) {
        lost->claimed++;
        claim(&vacant, gram, owner);
    } else {
        lost->table_full[epoch & 1]++;
    }
}

/* tp_btf: struct pt_regs *regs, long ret */
int on_sys_exit(u64 *ctx)
{
    u64 regs = ctx[0];
    void *task = bpf_get_current_task_btf();
    struct thread *thread = find_thread(task);
    if (!thread)
        thread = open_thread(task);
    struct control *now = read_control();
    if (!thread || !now)
        return 0;

    u64 css = LOAD64(task, OFF_TASK_CGROUPS);
    u32 epoch = now->epoch, generation = now->generation;
    if (thread->css != css || thread->generation != generation) {
        if (thread->newborn) {
            thread->newborn = 0;
            return 0;
        }
        resolve(thread, (u64)task, css, generation);
    }
    if (thread->owner)
        count(thread, token_of((u64)task, regs), epoch);
    return 0;
}

/* tp_btf: struct task_struct *parent, struct task_struct *child */
int on_fork(u64 *ctx)
{
    void *parent_task = (void *)ctx[0];
    void *child_task = (void *)ctx[1];
    struct thread *parent = find_thread(parent_task);
    struct thread *child = open_thread(child_task);

    if (child) {
        /* css stays 0 and meets no pointer: the child's first passage takes the slow way, which sees `newborn`. */
        child->newborn = 1;
        if (parent && parent->owner)
            watch(child, parent->owner, parent->mark);
    } else if (parent && parent->owner) {
        u64 owner = parent->owner;
        struct losses *lost = losses.lookup(&owner);
        struct control *now = read_control();
        if (lost && now)
            lost->untracked[now->epoch & 1]++;
    }
    return 0;
}

/* tp_btf: struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm */
int on_exec(u64 *ctx)
{
    void *task = (void *)ctx[0];
    struct thread *thread = find_thread(task);
    if (!thread)
        thread = open_thread(task);
    struct control *now = read_control();
    u64 css = LOAD64(task, OFF_TASK_CGROUPS);
    u64 cgroup = cgroup_of(css);
    if (!now)
        return 0;
    if (!thread) {
        struct losses *lost = losses.lookup(&cgroup);
        if (lost)
            lost->untracked[now->epoch & 1]++;
        return 0;
    }

    thread->newborn = 0;
    resolve(thread, (u64)task, css, now->generation);
    thread->history = 0;
    /* Who is watched stays watched wherever it goes: entering the host's mount namespace is no way out. */
    if (thread->owner || cgroup == ROOT_CGROUP)
        return 0;
    if (!HOST_SERVICES && in_host_mnt_ns((u64)task))
        return 0;

    struct container *container = containers.lookup(&cgroup);
    if (container) {
        if (!container->ignored)
            watch(thread, cgroup, INJECTED);
    } else if (admit(cgroup)) {
        watch(thread, cgroup, 0);
    }
    return 0;
}

/*
 * exit and exit_group never reach sys_exit, nor does a call for which seccomp
 * kills one thread of several; all other ways to die begin after sys_exit.
 */
static inline void count_last(void *task)
{
    struct thread *thread = find_thread(task);
    struct control *now = read_control();
    if (!thread || !thread->owner || !now)
        return;

    u64 css = LOAD64(task, OFF_TASK_CGROUPS);
    if (thread->css != css || thread->generation != now->generation)
        resolve(thread, (u64)task, css, now->generation);
    if (!thread->owner)
        return;

    u64 regs = bpf_task_pt_regs(task);
    u32 token = token_of((u64)task, regs);
    u64 signal = LOAD64(task, OFF_TASK_SIGNAL);
    bool group_exit = LOAD32(signal, OFF_SIGNAL_STRUCT_FLAGS) & SIGNAL_GROUP_EXIT;
    bool by_seccomp = (LOAD32(task, OFF_TASK_EXIT_CODE) & 0x7f) == SIGSYS && !group_exit;
    bool leaving = token == 1 + NR_EXIT || token == 1 + NR_EXIT_GROUP || token == COMPAT_BASE + NR_COMPAT_EXIT ||
                   token == COMPAT_BASE + NR_COMPAT_EXIT_GROUP;
    /* An exit that seccomp denied did pass sys_exit, and is the newest call of the history. */
    bool counted = (thread->history & ((1 << TOKEN_BITS) - 1)) == token;
    if (by_seccomp || (leaving && !counted))
        count(thread, token, now->epoch);
}

/* tp_btf: struct task_struct *task, bool group_dead */
int on_exit(u64 *ctx)
{
    void *task = (void *)ctx[0];
    count_last(task);
    leave_place(task);
    return 0;
}

static inline void report(u64 cgroup, u64 path, u32 kind)
{
    u64 root = LOAD64(cgroup, OFF_CGROUP_ROOT);
    /* Hierarchy 0 is cgroup2; the version 1 hierarchies of a hybrid host announce the same container again. */
    if (LOAD32(root, OFF_CGROUP_ROOT_HIERARCHY_ID))
        return;
    struct event *event = events.ringbuf_reserve(sizeof(struct event));
    if (!event) {
        add_stat(STAT_DROPPED_EVENTS);
        return;
    }
    u64 node = LOAD64(cgroup, OFF_CGROUP_KN);
    event->cgroup_id = LOAD64(node, OFF_KERNFS_NODE_ID);
    event->kind = kind;
    event->pid = current_tgid();
    bpf_probe_read_kernel_str(event->path, PATH_BYTES, (void *)path);
    events.ringbuf_submit(event, 0);
}

/* tp_btf: struct cgroup *cgroup, const char *path */
int on_mkdir(u64 *ctx)
{
    report(ctx[0], ctx[1], EVENT_BORN);
    return 0;
}

/* tp_btf: struct cgroup *cgroup, const char *path */
int on_rmdir(u64 *ctx)
{
    report(ctx[0], ctx[1], EVENT_DIED);
    return 0;
}
