/*
 * Adds to a record what the kernel's own structures say, and what lies in the caller's memory when a call ends.
 * Included by events.c alone. No maps here, as in events_record.h.
 */
#pragma once

#include "events_record.h"

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

/* Adds a string of the kernel's, of at most so many bytes with its end. */
static inline void add_kernel_text(struct record *record, u16 tag, u64 address, u32 most)
{
    u32 at = record->head.used;
    if (at > DATA_BYTES - TEXT_BYTES - sizeof(struct section))
        return;
    long length = bpf_probe_read_kernel_str(&record->data[at + sizeof(struct section)], most, (void *)address);
    if (length <= 0)
        return;
    put_section(&record->data[at], tag, length - 1);
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
