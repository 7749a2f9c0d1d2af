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
 * pending   task           struct pending  (no memory) arguments are read at the exit
 * scratch   0              struct record   -
 * records   -              head, sections  counted in STAT_DROPPED
 * stats     enum stat      u64, per CPU    -
 *
 * Given by the compiler's command line: OFF_* (byte offsets of kernel fields), RECORD_PAGES, PREFIXES.
 */
#include <linux/types.h>

#include "events.h"
#include "events_read.h"

BPF_ARRAY(calls, struct call, SLOTS);
BPF_ARRAY(config, struct config, 1);
BPF_F_TABLE("lpm_trie", struct prefix, u32, prefixes, PREFIXES, BPF_F_NO_PREALLOC);
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
 * A path that is absolute and holds neither an empty component nor one that begins with a dot has the
 * same meaning for the rules as for a comparison byte by byte. All others are reported.
 */
static inline bool is_plain(char *text, u32 length)
{
    if (text[0] != '/')
        return false;
    char before = 'x';
    for (u32 i = 0; i < KEY_BYTES; i++) {
        if (i + 1 >= length)
            return true;
        char now = text[i];
        if (before == '/' && (now == '/' || now == '.'))
            return false;
        before = now;
    }
    return true;
}

static inline bool is_wanted(struct pending *now, u32 path_bytes, u64 flags)
{
    struct config *settings = read_config();
    if (!settings)
        return true;
    u32 access = (flags & 3) == 1 ? 0 : ACCESS_READ;
    if (flags & O_WRITING)
        access |= ACCESS_WRITE;
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
    now->marks = marks | (compat ? MARK_COMPAT : 0);
    now->unwanted = 0;
    now->used = 0;
#pragma unroll
    for (u32 i = 0; i < 6; i++)
        now->args[i] = argument(regs, compat, i);

    u16 how = call->how;
    if (how & CALL_HOW) {
        u64 open_how[3] = {};
        bpf_probe_read_user(open_how, sizeof(open_how), (void *)pick(now->args, call->flags));
        now->args[2] = open_how[0];
        now->args[3] = open_how[1];
        now->args[4] = open_how[2];
    }
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
    if (call->address) {
        u64 address = pick(now->args, call->address), bytes = pick(now->args, call->address_bytes);
        if (how & CALL_MESSAGE) {
            /* struct msghdr begins with its name and the name's length, in the caller's word size. */
            u64 words[2] = {};
            bpf_probe_read_user(words, compat ? 8 : 16, (void *)address);
            address = compat ? (u32)words[0] : words[0];
            bytes = compat ? words[0] >> 32 : (u32)words[1];
        }
        keep_address(now, address, bytes);
    }
}

/* tp_btf: struct pt_regs *regs, long id */
int on_call(u64 *ctx)
{
    u64 regs = ctx[0];
    u32 number = ctx[1];
    void *task = bpf_get_current_task_btf();
    bool compat = is_compat(task);
    if (number >= COMPAT_SLOT)
        return 0;
    u32 slot = compat ? COMPAT_SLOT + number : number;
    struct call *call = calls.lookup(&slot);
    if (!call || !call->how)
        return 0;
    struct pending *now = pending.task_storage_get(task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
    if (now)
        keep(now, call, slot, regs, compat, 0);
    return 0;
}

static inline struct record *begin(void *task, u16 kind)
{
    u32 zero = 0;
    struct record *record = scratch.lookup(&zero);
    if (!record)
        return NULL;
    struct head *head = &record->head;
    u64 both = bpf_get_current_pid_tgid();
    u64 parent = LOAD64(task, OFF_TASK_REAL_PARENT), leader = LOAD64(task, OFF_TASK_GROUP_LEADER);
    u64 cred = LOAD64(task, OFF_TASK_CRED), signal = LOAD64(task, OFF_TASK_SIGNAL);
    u64 thread_pid = LOAD64(task, OFF_TASK_THREAD_PID), nsproxy = LOAD64(task, OFF_TASK_NSPROXY);

    head->time = bpf_ktime_get_boot_ns();
    head->cgroup = bpf_get_current_cgroup_id();
    head->result = 0;
    head->effective = GET(u64, cred, OFF_CRED_CAP_EFFECTIVE);
    head->permitted = GET(u64, cred, OFF_CRED_CAP_PERMITTED);
    head->inheritable = GET(u64, cred, OFF_CRED_CAP_INHERITABLE);
    head->start = GET(u64, leader, OFF_TASK_START_BOOTTIME);
    head->pid = both >> 32;
    head->tid = both;
    head->ppid = GET(u32, parent, OFF_TASK_TGID);
    head->uid = GET(u32, cred, OFF_CRED_UID);
    head->gid = GET(u32, cred, OFF_CRED_GID);
    head->euid = GET(u32, cred, OFF_CRED_EUID);
    head->egid = GET(u32, cred, OFF_CRED_EGID);
    head->loginuid = OFF_TASK_LOGINUID ? GET(u32, task, OFF_TASK_LOGINUID) : (u32)-1;
    u64 tty = GET(u64, signal, OFF_SIGNAL_STRUCT_TTY);
    u32 device = 0;
    if (tty) {
        u64 driver = GET(u64, tty, OFF_TTY_STRUCT_DRIVER);
        u32 minor = GET(u32, driver, OFF_TTY_DRIVER_MINOR_START) + GET(u32, tty, OFF_TTY_STRUCT_INDEX);
        device = GET(u32, driver, OFF_TTY_DRIVER_MAJOR) << 8 | (minor & 0xff) | (minor & ~0xff) << 12;
    }
    head->tty = device;
    u64 group = GET(u64, signal, OFF_SIGNAL_STRUCT_PIDS + 8 * PIDTYPE_PGID);
    u64 session = GET(u64, signal, OFF_SIGNAL_STRUCT_PIDS + 8 * PIDTYPE_SID);
    u64 leader_pid = GET(u64, leader, OFF_TASK_THREAD_PID);
    u32 level = GET(u32, thread_pid, OFF_PID_LEVEL);
    head->sid = number_in(session, 0);
    head->pgid = number_in(group, 0);
    head->vpid = number_in(leader_pid, level);
    head->vtid = number_in(thread_pid, level);
    head->vsid = GET(u32, session, OFF_PID_LEVEL) >= level ? number_in(session, level) : 0;
    head->vpgid = GET(u32, group, OFF_PID_LEVEL) >= level ? number_in(group, level) : 0;
    u64 mnt_ns = nsproxy ? GET(u64, nsproxy, OFF_NSPROXY_MNT_NS) : 0;
    head->mnt_ns = GET(u32, mnt_ns, OFF_MNT_NAMESPACE_NS_INUM);
    head->kind = kind;
    head->number = 0;
    head->marks = 0;
    head->used = 0;
    bpf_get_current_comm(head->comm, COMM_BYTES);
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

/* Whether a kept path (the first or the second) is relative; `section` is where it begins. */
static inline bool begins_relative(struct pending *now, u32 which)
{
    u32 at = 0;
    if (which) {
        u16 bytes;
        __builtin_memcpy(&bytes, &now->data[2], 2);
        at = sizeof(struct section) + bytes + 1;
    }
    if (at > PENDING_BYTES - 8)
        return false;
    u16 tag;
    __builtin_memcpy(&tag, &now->data[at], 2);
    return tag == TAG_PATH + which && now->data[at + sizeof(struct section)] != '/';
}

/* tp_btf: struct pt_regs *regs, long ret */
int on_result(u64 *ctx)
{
    u64 regs = ctx[0];
    s64 result = ctx[1];
    u32 number = LOAD32(regs, OFF_PT_REGS_ORIG_AX);
    void *task = bpf_get_current_task_btf();
    bool compat = is_compat(task);
    if (number >= COMPAT_SLOT)
        return 0;
    u32 slot = compat ? COMPAT_SLOT + number : number;
    struct call *call = calls.lookup(&slot);
    if (!call || !call->how)
        return 0;
    u16 how = call->how;
    if ((how & CALL_EXEC) && result == 0)
        return 0;
    struct pending *now = pending.task_storage_get(task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
    struct config *settings = read_config();
    if (!now || !settings)
        return 0;
    /* A call that seccomp denied never passed the entry; and memory that was not there then is there now. */
    if (now->slot != slot + 1 || now->marks & MARK_UNREADABLE)
        keep(now, call, slot, regs, compat, MARK_LATE);
    now->slot = 0;
    u32 pid = bpf_get_current_pid_tgid() >> 32;
    if (pid == settings->silent[0] || pid == settings->silent[1])
        return 0;
    if (now->unwanted) {
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
    u32 at = record->head.used;
    if (at <= DATA_BYTES - TEXT_BYTES - sizeof(struct section)) {
        u64 name = GET(u64, binprm, OFF_LINUX_BINPRM_FILENAME);
        long length = bpf_probe_read_kernel_str(&record->data[at + sizeof(struct section)], TEXT_BYTES, (void *)name);
        if (length > 0) {
            put_section(&record->data[at], TAG_FILENAME, length - 1);
            record->head.used = at + sizeof(struct section) + length;
        }
    }
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
    u32 at = record->head.used;
    if (at > DATA_BYTES - COMM_BYTES - sizeof(struct section))
        return 0;
    long length = bpf_probe_read_kernel_str(&record->data[at + sizeof(struct section)], COMM_BYTES, (void *)ctx[1]);
    if (length <= 0)
        return 0;
    put_section(&record->data[at], TAG_COMM, length - 1);
    record->head.used = at + sizeof(struct section) + length;
    send(record);
    return 0;
}
