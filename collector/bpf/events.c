/*
 * Reports single system calls, and what processes do to themselves, for static rules.
 *
 * Apart from the counting of n-grams: other programs, other maps. Which calls are reported, and
 * how their arguments are read, is data (`calls`); all others cost one lookup in an array.
 * Strings are read where the call begins, so that nobody changes them after the check; what only
 * the kernel knows (whose descriptor, which file, which directory) is read where it ends.
 * Why: docs/adr/0045. What is seen: docs/rule-events.md.
 *
 * map       key            value           full
 * --------  -------------  --------------  ---------------------------------------------
 * calls     slot           struct call     -
 * config    0              struct config   -
 * prefixes  struct prefix  enum access     refused to user space, which then asks for all
 * hosts     cgroup id      ns since boot   the longest unused goes: its calls are reported again
 * pending   task           struct pending  (no memory) arguments are read at the exit
 * scratch   0              struct record   -
 * records   -              head, sections  counted in STAT_DROPPED
 * stats     enum stat      u64, per CPU    -
 *
 * Given by the compiler's command line: OFF_* (byte offsets of kernel fields), RECORD_PAGES, PREFIXES,
 * HOSTS.
 */
#include <linux/types.h>

#include "events.h"
#include "events_arguments.h"
#include "events_read.h"

BPF_ARRAY(calls, struct call, SLOTS);
BPF_ARRAY(config, struct config, 1);
BPF_F_TABLE("lpm_trie", struct prefix, u32, prefixes, PREFIXES, BPF_F_NO_PREALLOC);
BPF_TABLE("lru_hash", u64, u64, hosts, HOSTS);
BPF_TASK_STORAGE(pending, struct pending);
BPF_PERCPU_ARRAY(scratch, struct record, 1);
BPF_RINGBUF_OUTPUT(records, RECORD_PAGES);
BPF_PERCPU_ARRAY(stats, u64, STATS);

static inline void add_stat(u32 which)
{
    u64 *sum = stats.lookup(&which);
    if (sum)
        (*sum)++;
}

static inline struct config *read_config(void)
{
    u32 zero = 0;
    return config.lookup(&zero);
}

/*
 * Whether user space found a moment ago that the caller's cgroup is of no container: then, and only then,
 * its own tables say "host" without looking again. Whoever is not here is treated as a container's.
 */
static inline bool is_host(void)
{
    u64 cgroup = bpf_get_current_cgroup_id();
    u64 *until = hosts.lookup(&cgroup);
    return until && bpf_ktime_get_boot_ns() < *until;
}

static inline bool is_wanted(struct pending *now, u32 path_bytes, u64 flags)
{
    struct config *settings = read_config();
    if (!settings)
        return true;
    u32 access = (flags & 3) == 1 ? 0 : ACCESS_READ;
    if (flags & O_WRITING)
        access |= ACCESS_WRITE;
    if (is_host())
        access <<= ACCESS_HOST_SHIFT;
    if (settings->any_path & access)
        return true;
    if (path_bytes < 2)
        return path_bytes == 0; /* unreadable now, perhaps readable for the call; an empty path opens nothing */
    /* The section's head makes room for the number of bits, and is put back. */
    struct prefix *key = (struct prefix *)&now->data[0];
    u32 bytes = path_bytes - 1;
    key->bits = (bytes > KEY_BYTES ? KEY_BYTES : bytes) * 8;
    u32 *found = prefixes.lookup(key);
    put_section(&now->data[0], TAG_PATH, bytes);
    if (found && (*found & access))
        return true;
    return !is_plain(key->text, path_bytes);
}

/* Reads what a call's arguments point to. */
static inline void keep(struct pending *now, struct call *call, u32 slot, u64 regs, bool compat, u32 marks)
{
    now->slot = slot + 1;
    now->cgroup = bpf_get_current_cgroup_id();
    now->marks = marks | (compat ? MARK_COMPAT : 0);
    now->unwanted = 0;
    now->used = 0;
#pragma unroll
    for (u32 i = 0; i < 6; i++)
        now->args[i] = argument(regs, compat, i);

    u16 how = call->how;
    if (how & CALL_HOW)
        keep_open_how(now, pick(now->args, call->flags));
    u32 path_bytes = keep_text(now, TAG_PATH, pick(now->args, call->path[0]));
    if (how & CALL_OPEN) {
        u64 flags = how & CALL_HOW ? now->args[2] : call->flags ? pick(now->args, call->flags) : 1 | 0100 | 01000;
        if (!is_wanted(now, path_bytes, flags)) {
            now->unwanted = 1;
            return;
        }
    }
    if (call->path[1])
        keep_text(now, TAG_PATH + 1, pick(now->args, call->path[1]));
    if (call->text)
        keep_text(now, TAG_TEXT, pick(now->args, call->text));
    if (how & CALL_MESSAGE)
        keep_message_address(now, pick(now->args, call->address), compat);
    else if (call->address)
        keep_address(now, pick(now->args, call->address), pick(now->args, call->address_bytes));
}

/* Returns how to report a call, and its slot; NULL where nobody asks for it. */
static inline struct call *call_of(u32 number, bool compat, u32 *slot)
{
    if (number >= COMPAT_SLOT)
        return NULL;
    *slot = compat ? COMPAT_SLOT + number : number;
    struct call *call = calls.lookup(slot);
    return call && call->how ? call : NULL;
}

/* Whether only calls of containers are asked for, and this one is of the host. */
static inline bool is_unasked(struct call *call)
{
    return (call->how & CALL_CONTAINED) && is_host();
}

/* tp_btf: struct pt_regs *regs, long id */
int on_call(u64 *ctx)
{
    u64 regs = ctx[0];
    void *task = bpf_get_current_task_btf();
    bool compat = is_compat(task);
    u32 slot = 0;
    struct call *call = call_of(ctx[1], compat, &slot);
    if (!call)
        return 0;
    /* Of an exec, what is kept also tells its record and its rename apart. */
    bool needless = is_unasked(call) && !(call->how & CALL_EXEC);
    struct pending *now = pending.task_storage_get(task, 0, needless ? 0 : BPF_LOCAL_STORAGE_GET_F_CREATE);
    if (needless) {
        if (now)
            now->slot = 0;
        return 0;
    }
    if (now)
        keep(now, call, slot, regs, compat, 0);
    return 0;
}

static inline struct record *begin(void *task, u16 kind)
{
    u32 zero = 0;
    struct record *record = scratch.lookup(&zero);
    if (record)
        fill_head(&record->head, task, kind);
    return record;
}

static inline void send(struct record *record)
{
    u64 bytes = sizeof(struct head) + record->head.used;
    BOUND(bytes, sizeof(struct record));
    if (records.ringbuf_output(record, bytes, 0))
        add_stat(STAT_DROPPED);
    else
        add_stat(STAT_SENT);
}

/* tp_btf: struct pt_regs *regs, long ret */
int on_result(u64 *ctx)
{
    u64 regs = ctx[0];
    s64 result = ctx[1];
    void *task = bpf_get_current_task_btf();
    bool compat = is_compat(task);
    u32 slot = 0;
    struct call *call = call_of(LOAD32(regs, OFF_PT_REGS_ORIG_AX), compat, &slot);
    if (!call)
        return 0;
    u16 how = call->how;
    if ((how & CALL_EXEC) && result == 0)
        return 0;
    bool unasked = is_unasked(call);
    if (unasked && !(how & CALL_EXEC)) {
        add_stat(STAT_FILTERED);
        return 0;
    }
    struct pending *now = pending.task_storage_get(task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
    struct config *settings = read_config();
    if (!now || !settings)
        return 0;
    /*
     * A call that seccomp denied never passed the entry; memory that was not there then is there now; and who
     * was moved to another cgroup meanwhile is judged by that one.
     */
    if (now->slot != slot + 1 || now->marks & MARK_UNREADABLE || now->cgroup != bpf_get_current_cgroup_id())
        keep(now, call, slot, regs, compat, MARK_LATE);
    now->slot = 0;
    u32 pid = bpf_get_current_pid_tgid() >> 32;
    if (pid == settings->silent[0] || pid == settings->silent[1])
        return 0;
    if (now->unwanted || unasked) {
        add_stat(STAT_FILTERED);
        return 0;
    }

    struct record *record = begin(task, EVENT_CALL);
    if (!record)
        return 0;
    record->head.result = result;
    record->head.number = call->number;
    record->head.marks = now->marks;
    __builtin_memcpy(record->head.args, now->args, sizeof(now->args));
    add_kept(record, now);

    u32 used = now->used;
    if (call->path[0] && used && begins_relative(now, 0))
        add_directory(record, task, TAG_DIRECTORY, call->directory[0] ? pick(now->args, call->directory[0]) : -1);
    if (call->path[1] && used && begins_relative(now, 1))
        add_directory(record, task, TAG_DIRECTORY + 1,
                      call->directory[1] ? pick(now->args, call->directory[1]) : -1);
    if (settings->always_cwd)
        add_directory(record, task, TAG_CWD, -1);
    s32 descriptor = how & CALL_RESULT ? (s32)result : call->descriptor ? (s32)pick(now->args, call->descriptor) : -1;
    if (descriptor >= 0)
        add_descriptor(record, task, descriptor);
    if (call->data && settings->data_bytes && result >= 0)
        add_data(record, pick(now->args, call->data),
                 how & CALL_DATA_OUT ? (u64)result : pick(now->args, call->data_bytes), settings->data_bytes);
    send(record);
    return 0;
}

/* tp_btf: struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm */
int on_exec(u64 *ctx)
{
    void *task = (void *)ctx[0];
    u64 binprm = ctx[2];
    struct pending *now = pending.task_storage_get(task, 0, 0);
    struct config *settings = read_config();
    struct record *record = begin(task, EVENT_EXEC);
    if (!record || !settings)
        return 0;
    /* A program that the kernel starts itself comes from no call. */
    record->head.number = NR_EXECVE;
    record->head.args[0] = ctx[1];
    if (now && now->slot) {
        u32 slot = now->slot - 1;
        struct call *call = calls.lookup(&slot);
        if (call && (call->how & CALL_EXEC)) {
            record->head.number = call->number;
            record->head.marks = now->marks & MARK_COMPAT;
        }
        now->slot = 0;
    }
    u64 mm = LOAD64(task, OFF_TASK_MM), fs = LOAD64(task, OFF_TASK_FS);
    u64 file = GET(u64, mm, OFF_MM_STRUCT_EXE_FILE);
    add_program(record, file);
    add_path(record, TAG_EXE, GET(u64, file, OFF_FILE_F_PATH + OFF_PATH_MNT),
             GET(u64, file, OFF_FILE_F_PATH + OFF_PATH_DENTRY), fs);
    add_directory(record, task, TAG_CWD, -1);
    add_kernel_text(record, TAG_FILENAME, GET(u64, binprm, OFF_LINUX_BINPRM_FILENAME), TEXT_BYTES);
    add_range(record, TAG_ARGS, GET(u64, mm, OFF_MM_STRUCT_ARG_START), GET(u64, mm, OFF_MM_STRUCT_ARG_END), ARGS_BYTES);
    if (settings->env_bytes)
        add_range(record, TAG_ENV, GET(u64, mm, OFF_MM_STRUCT_ENV_START), GET(u64, mm, OFF_MM_STRUCT_ENV_END),
                  settings->env_bytes);
    send(record);
    return 0;
}

/* tp_btf: struct task_struct *task, unsigned long clone_flags */
int on_fork(u64 *ctx)
{
    u64 child = ctx[0], flags = ctx[1];
    if (flags & CLONE_THREAD)
        return 0;
    void *task = bpf_get_current_task_btf();
    struct record *record = begin(task, EVENT_FORK);
    if (!record)
        return 0;
    u64 thread_pid = GET(u64, child, OFF_TASK_THREAD_PID);
    u64 parent = GET(u64, child, OFF_TASK_REAL_PARENT);
    record->head.args[0] = GET(u32, child, OFF_TASK_TGID);
    record->head.args[1] = flags;
    record->head.args[2] = GET(u64, child, OFF_TASK_START_BOOTTIME);
    record->head.args[3] = number_in(thread_pid, GET(u32, thread_pid, OFF_PID_LEVEL));
    record->head.args[4] = GET(u32, parent, OFF_TASK_TGID);
    record->head.args[5] = 0;
    send(record);
    return 0;
}

/* tp_btf: struct task_struct *task, bool group_dead */
int on_exit(u64 *ctx)
{
    void *task = (void *)ctx[0];
    u64 signal = LOAD64(task, OFF_TASK_SIGNAL);
    if (GET(u32, signal, OFF_SIGNAL_STRUCT_LIVE))
        return 0;
    struct record *record = begin(task, EVENT_EXIT);
    if (record)
        send(record);
    return 0;
}

/* tp_btf: struct task_struct *task, const char *comm */
int on_rename(u64 *ctx)
{
    void *task = (void *)ctx[0];
    void *current = bpf_get_current_task_btf();
    struct pending *now = pending.task_storage_get(current, 0, 0);
    /* An exec renames too, and is reported itself. */
    if (now && now->slot) {
        u32 slot = now->slot - 1;
        struct call *call = calls.lookup(&slot);
        if (call && (call->how & CALL_EXEC))
            return 0;
    }
    struct record *record = begin(current, EVENT_RENAME);
    if (!record)
        return 0;
    record->head.args[0] = LOAD32(task, OFF_TASK_TGID);
    record->head.args[1] = LOAD32(task, OFF_TASK_PID);
    add_kernel_text(record, TAG_COMM, ctx[1], COMM_BYTES);
    send(record);
    return 0;
}
