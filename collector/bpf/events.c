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

#define TS_COMPAT 0x2 /* arch/x86/include/asm/thread_info.h */
#define CLONE_THREAD 0x00010000
#define O_WRITING (1 | 2 | 0100 | 01000) /* O_WRONLY, O_RDWR, O_CREAT, O_TRUNC */
#define S_IFMT 0170000
#define S_IFSOCK 0140000
#define OVERLAYFS_SUPER_MAGIC 0x794c7630
#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define PIDTYPE_PGID 2
#define PIDTYPE_SID 3
#define NR_EXECVE 59

#define TEXT_BYTES 1024
#define NAME_BYTES 256
#define DEPTH 40
#define ADDRESS_BYTES 128
#define ARGS_BYTES 4096
#define BUFFER_BYTES 2048
#define PENDING_BYTES 3072
#define DATA_BYTES 24576

/* Reads a field of a typed kernel pointer; see sensor.c. */
#define LOAD(width, base, offset)                                                                                    \
    ({                                                                                                               \
        u64 value_;                                                                                                  \
        asm volatile("%0 = *(" width " *)(%1 + %2)" : "=r"(value_) : "r"(base), "i"(offset));                        \
        value_;                                                                                                      \
    })
#define LOAD64(base, offset) LOAD("u64", base, offset)
#define LOAD32(base, offset) LOAD("u32", base, offset)

/* Reads a field of any kernel address; 0 where it cannot be read. */
#define GET(type, base, offset)                                                                                      \
    ({                                                                                                               \
        type value_ = 0;                                                                                             \
        bpf_probe_read_kernel(&value_, sizeof(type), (void *)((u64)(base) + (offset)));                              \
        value_;                                                                                                      \
    })

/* Leaves the function where a 64-bit size is above a constant: a comparison that the verifier sees. */
#define BOUND(size, most)                                                                                            \
    do {                                                                                                             \
        asm volatile("" : "+r"(size));                                                                               \
        if (size > (most))                                                                                           \
            return;                                                                                                  \
    } while (0)

struct section {
    u16 tag, bytes;
};

struct prefix {
    u32 bits;
    char text[KEY_BYTES];
};

struct pending {
    u64 args[6];
    u32 slot; /* one more than the slot of the call that is under way; 0: none */
    u32 marks;
    u32 unwanted;
    u32 used;
    char data[PENDING_BYTES];
};

struct record {
    struct head head;
    char data[DATA_BYTES];
};

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

static inline bool is_compat(void *task)
{
    return LOAD32(task, OFF_TASK_THREAD_INFO_STATUS) & TS_COMPAT;
}

/* One argument of a call, from the registers as they were when it began. */
static inline u64 argument(u64 regs, bool compat, u32 index)
{
    if (compat) {
        u64 value = index == 0   ? LOAD64(regs, OFF_PT_REGS_BX)
                    : index == 1 ? LOAD64(regs, OFF_PT_REGS_CX)
                    : index == 2 ? LOAD64(regs, OFF_PT_REGS_DX)
                    : index == 3 ? LOAD64(regs, OFF_PT_REGS_SI)
                    : index == 4 ? LOAD64(regs, OFF_PT_REGS_DI)
                                 : LOAD64(regs, OFF_PT_REGS_BP);
        return (u32)value;
    }
    return index == 0   ? LOAD64(regs, OFF_PT_REGS_DI)
           : index == 1 ? LOAD64(regs, OFF_PT_REGS_SI)
           : index == 2 ? LOAD64(regs, OFF_PT_REGS_DX)
           : index == 3 ? LOAD64(regs, OFF_PT_REGS_R10)
           : index == 4 ? LOAD64(regs, OFF_PT_REGS_R8)
                        : LOAD64(regs, OFF_PT_REGS_R9);
}

static inline u64 pick(u64 *args, u32 one_based)
{
    return one_based && one_based <= 6 ? args[one_based - 1] : 0;
}

static inline void put_section(char *at, u16 tag, u16 bytes)
{
    struct section section = {.tag = tag, .bytes = bytes};
    __builtin_memcpy(at, &section, sizeof(section));
}

/* Keeps a string of the caller's, as it is now, with its tag. */
static inline u32 keep_text(struct pending *now, u16 tag, u64 address)
{
    u32 at = now->used;
    if (!address || at > PENDING_BYTES - TEXT_BYTES - sizeof(struct section))
        return 0;
    long length = bpf_probe_read_user_str(&now->data[at + sizeof(struct section)], TEXT_BYTES, (void *)address);
    if (length <= 0) {
        now->marks |= MARK_UNREADABLE;
        return 0;
    }
    if (length == TEXT_BYTES)
        now->marks |= MARK_TRUNCATED;
    put_section(&now->data[at], tag, length - 1);
    now->used = at + sizeof(struct section) + length;
    return length;
}

static inline void keep_address(struct pending *now, u64 address, u64 bytes)
{
    u32 at = now->used;
    if (!address || at > PENDING_BYTES - ADDRESS_BYTES - sizeof(struct section))
        return;
    u64 length = bytes;
    if (length > ADDRESS_BYTES)
        length = ADDRESS_BYTES;
    BOUND(length, ADDRESS_BYTES);
    if (bpf_probe_read_user(&now->data[at + sizeof(struct section)], length, (void *)address)) {
        now->marks |= MARK_UNREADABLE;
        return;
    }
    put_section(&now->data[at], TAG_ADDRESS, length);
    now->used = at + sizeof(struct section) + length;
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

static inline u32 number_in(u64 pid, u32 level)
{
    return GET(u32, pid, OFF_PID_NUMBERS + (level & 31) * sizeof(struct { s32 nr; void *ns; }) + OFF_UPID_NR);
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

/* Adds the names of a path from the leaf up, within the mount namespace and the root of the caller. */
static inline void add_path(struct record *record, u16 tag, u64 mnt, u64 dentry, u64 fs)
{
    u64 root_mnt = GET(u64, fs, OFF_FS_STRUCT_ROOT + OFF_PATH_MNT);
    u64 root_dentry = GET(u64, fs, OFF_FS_STRUCT_ROOT + OFF_PATH_DENTRY);
    u64 start = record->head.used;
    u64 at = start + sizeof(struct section);
    if (start > DATA_BYTES - DEPTH - NAME_BYTES - sizeof(struct section)) {
        record->head.marks |= MARK_TRUNCATED;
        return;
    }
    for (u32 depth = 0; depth < DEPTH; depth++) {
        if (!dentry || (dentry == root_dentry && mnt == root_mnt))
            break;
        u64 parent = GET(u64, dentry, OFF_DENTRY_D_PARENT);
        if (dentry == GET(u64, mnt, OFF_VFSMOUNT_MNT_ROOT) || dentry == parent) {
            u64 mount = mnt - OFF_MOUNT_MNT;
            u64 above = GET(u64, mount, OFF_MOUNT_MNT_PARENT);
            if (above != mount && dentry != parent) {
                dentry = GET(u64, mount, OFF_MOUNT_MNT_MOUNTPOINT);
                mnt = above + OFF_MOUNT_MNT;
                continue;
            }
            if (above != mount && above) {
                dentry = GET(u64, mount, OFF_MOUNT_MNT_MOUNTPOINT);
                mnt = above + OFF_MOUNT_MNT;
                continue;
            }
            /* Of no directory at all: a pipe, an anonymous inode, a memfd. */
            if (depth)
                break;
        }
        asm volatile("" : "+r"(at));
        if (at > DATA_BYTES - NAME_BYTES)
            break;
        u64 name = GET(u64, dentry, OFF_DENTRY_D_NAME + OFF_QSTR_NAME);
        long length = bpf_probe_read_kernel_str(&record->data[at], NAME_BYTES, (void *)name);
        if (length <= 0)
            break;
        at += length;
        if (dentry == parent)
            break;
        dentry = parent;
    }
    if (start > DATA_BYTES - sizeof(struct section))
        return;
    put_section(&record->data[start], tag, at - start - sizeof(struct section));
    record->head.used = at;
}

static inline u64 file_of(void *task, u32 descriptor)
{
    u64 files = LOAD64(task, OFF_TASK_FILES);
    u64 table = GET(u64, files, OFF_FILES_STRUCT_FDT);
    if (descriptor >= GET(u32, table, OFF_FDTABLE_MAX_FDS))
        return 0;
    return GET(u64, GET(u64, table, OFF_FDTABLE_FD), 8ULL * descriptor);
}

static inline u32 layer_of(u64 inode)
{
    if (GET(u64, GET(u64, inode, OFF_INODE_I_SB), OFF_SUPER_BLOCK_S_MAGIC) != OVERLAYFS_SUPER_MAGIC)
        return 0;
    return GET(u64, inode, OFF_OVL_UPPERDENTRY - OFF_OVL_INODE) ? 2 : 1;
}

static inline void add_unix(struct record *record, u64 sock)
{
    u32 at = record->head.used;
    u64 address = GET(u64, sock, OFF_UNIX_SOCK_ADDR);
    if (!address || at > DATA_BYTES - ADDRESS_BYTES - sizeof(struct section))
        return;
    long length = bpf_probe_read_kernel_str(&record->data[at + sizeof(struct section)], ADDRESS_BYTES,
                                            (void *)(address + OFF_UNIX_ADDRESS_NAME + 2));
    if (length <= 1)
        return;
    put_section(&record->data[at], TAG_UNIX, length - 1);
    record->head.used = at + sizeof(struct section) + length;
}

static inline void add_descriptor(struct record *record, void *task, u32 number)
{
    u32 at = record->head.used;
    struct descriptor found = {};
    if (at > DATA_BYTES - sizeof(found) - sizeof(struct section))
        return;
    u64 file = file_of(task, number);
    found.number = number;
    u64 sock = 0;
    if (file) {
        u64 inode = GET(u64, file, OFF_FILE_F_INODE);
        found.inode = GET(u64, inode, OFF_INODE_I_INO);
        found.device = GET(u32, GET(u64, inode, OFF_INODE_I_SB), OFF_SUPER_BLOCK_S_DEV);
        found.mode = GET(u16, inode, OFF_INODE_I_MODE);
        found.flags = GET(u32, file, OFF_FILE_F_FLAGS);
        found.layer = layer_of(inode);
        if ((found.mode & S_IFMT) == S_IFSOCK)
            sock = GET(u64, GET(u64, file, OFF_FILE_PRIVATE_DATA), OFF_SOCKET_SK);
    }
    if (sock) {
        found.family = GET(u16, sock, OFF_SOCK_FAMILY);
        found.state = GET(u8, sock, OFF_SOCK_STATE);
        found.type = GET(u16, sock, OFF_SOCK_TYPE);
        found.protocol = GET(u16, sock, OFF_SOCK_PROTOCOL);
        found.local_port = GET(u16, sock, OFF_SOCK_NUM);
        u16 port = GET(u16, sock, OFF_SOCK_DPORT);
        found.remote_port = port >> 8 | port << 8;
        if (found.family == AF_INET) {
            bpf_probe_read_kernel(found.local, 4, (void *)(sock + OFF_SOCK_RCV_SADDR));
            bpf_probe_read_kernel(found.remote, 4, (void *)(sock + OFF_SOCK_DADDR));
        } else if (found.family == AF_INET6) {
            bpf_probe_read_kernel(found.local, 16, (void *)(sock + OFF_SOCK_V6_RCV_SADDR));
            bpf_probe_read_kernel(found.remote, 16, (void *)(sock + OFF_SOCK_V6_DADDR));
        }
    }
    put_section(&record->data[at], TAG_DESCRIPTOR, sizeof(found));
    bpf_probe_read_kernel(&record->data[at + sizeof(struct section)], sizeof(found), &found);
    record->head.used = at + sizeof(struct section) + sizeof(found);
    if (sock) {
        if (found.family == AF_UNIX)
            add_unix(record, sock);
    } else if (file) {
        add_path(record, TAG_DESCRIPTOR_PATH, GET(u64, file, OFF_FILE_F_PATH + OFF_PATH_MNT),
                 GET(u64, file, OFF_FILE_F_PATH + OFF_PATH_DENTRY), LOAD64(task, OFF_TASK_FS));
    }
}

/* Adds the directory that a relative path begins at. */
static inline void add_directory(struct record *record, void *task, u16 tag, s32 descriptor)
{
    u64 fs = LOAD64(task, OFF_TASK_FS);
    u64 mnt, dentry;
    if (descriptor < 0) {
        mnt = GET(u64, fs, OFF_FS_STRUCT_PWD + OFF_PATH_MNT);
        dentry = GET(u64, fs, OFF_FS_STRUCT_PWD + OFF_PATH_DENTRY);
    } else {
        u64 file = file_of(task, descriptor);
        mnt = GET(u64, file, OFF_FILE_F_PATH + OFF_PATH_MNT);
        dentry = GET(u64, file, OFF_FILE_F_PATH + OFF_PATH_DENTRY);
    }
    add_path(record, tag, mnt, dentry, fs);
}

static inline void add_kept(struct record *record, struct pending *now)
{
    u64 used = now->used;
    BOUND(used, PENDING_BYTES);
    bpf_probe_read_kernel(record->data, used, now->data);
    record->head.used = used;
}

static inline void add_data(struct record *record, u64 address, u64 bytes, u32 most)
{
    u32 at = record->head.used;
    if (!address || at > DATA_BYTES - BUFFER_BYTES - sizeof(struct section))
        return;
    u64 length = bytes > most ? most : bytes;
    if (length > BUFFER_BYTES)
        length = BUFFER_BYTES;
    if (length < bytes)
        record->head.marks |= MARK_TRUNCATED;
    BOUND(length, BUFFER_BYTES);
    if (bpf_probe_read_user(&record->data[at + sizeof(struct section)], length, (void *)address))
        return;
    put_section(&record->data[at], TAG_DATA, length);
    record->head.used = at + sizeof(struct section) + length;
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
    if (settings->self == (u32)(bpf_get_current_pid_tgid() >> 32))
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

/* Adds what lies between two addresses of the caller's. */
static inline void add_range(struct record *record, u16 tag, u64 from, u64 to, u32 most)
{
    u32 at = record->head.used;
    if (at > DATA_BYTES - ARGS_BYTES - sizeof(struct section) || to <= from)
        return;
    u64 there = to - from;
    u64 length = there > most ? most : there;
    if (length > ARGS_BYTES)
        length = ARGS_BYTES;
    if (length < there && tag == TAG_ARGS)
        record->head.marks |= MARK_TRUNCATED;
    BOUND(length, ARGS_BYTES);
    if (bpf_probe_read_user(&record->data[at + sizeof(struct section)], length, (void *)from)) {
        record->head.marks |= MARK_UNREADABLE;
        return;
    }
    put_section(&record->data[at], tag, length);
    record->head.used = at + sizeof(struct section) + length;
}

static inline void add_program(struct record *record, u64 file)
{
    u32 at = record->head.used;
    struct program found = {};
    if (at > DATA_BYTES - sizeof(found) - sizeof(struct section))
        return;
    u64 inode = GET(u64, file, OFF_FILE_F_INODE);
    u64 dentry = GET(u64, file, OFF_FILE_F_PATH + OFF_PATH_DENTRY);
    found.inode = GET(u64, inode, OFF_INODE_I_INO);
    found.changed_s = GET(u64, inode, OFF_INODE_I_CTIME_SEC);
    found.modified_s = GET(u64, inode, OFF_INODE_I_MTIME_SEC);
    found.mode = GET(u16, inode, OFF_INODE_I_MODE);
    found.uid = GET(u32, inode, OFF_INODE_I_UID);
    found.gid = GET(u32, inode, OFF_INODE_I_GID);
    found.device = GET(u32, GET(u64, inode, OFF_INODE_I_SB), OFF_SUPER_BLOCK_S_DEV);
    u32 layer = layer_of(inode);
    found.flags = layer == 2 ? PROGRAM_UPPER : layer == 1 ? PROGRAM_LOWER : 0;
    char name[6] = {};
    bpf_probe_read_kernel(name, sizeof(name), (void *)GET(u64, dentry, OFF_DENTRY_D_NAME + OFF_QSTR_NAME));
    if (name[0] == 'm' && name[1] == 'e' && name[2] == 'm' && name[3] == 'f' && name[4] == 'd' && name[5] == ':' &&
        GET(u64, dentry, OFF_DENTRY_D_PARENT) == dentry)
        found.flags |= PROGRAM_MEMFD;
    put_section(&record->data[at], TAG_PROGRAM, sizeof(found));
    bpf_probe_read_kernel(&record->data[at + sizeof(struct section)], sizeof(found), &found);
    record->head.used = at + sizeof(struct section) + sizeof(found);
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
