/*
 * What a record and a call that is under way are made of, and the head that every record has.
 * Included by events.c alone. No maps here: bcc rewrites their use in a program's main file only.
 */
#pragma once

#include "load.h"

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
    u64 cgroup;
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

static inline void put_section(char *at, u16 tag, u16 bytes)
{
    struct section section = {.tag = tag, .bytes = bytes};
    __builtin_memcpy(at, &section, sizeof(section));
}

static inline u32 number_in(u64 pid, u32 level)
{
    return GET(u32, pid, OFF_PID_NUMBERS + (level & 31) * sizeof(struct { s32 nr; void *ns; }) + OFF_UPID_NR);
}

/* Fills the head with what is true of the calling thread now; no sections follow yet. */
static inline void fill_head(struct head *head, void *task, u16 kind)
{
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
}
