/* What events.c and user space agree on, byte for byte; the twin of collector/events/layout.py. */
#pragma once

#define SLOTS 1024 /* calls: native numbers, then those of i386 from COMPAT_SLOT on */
#define COMPAT_SLOT 512
#define COMM_BYTES 16
#define KEY_BYTES 256 /* longest prefix of a path that the kernel compares */

enum kind { EVENT_CALL, EVENT_EXEC, EVENT_FORK, EVENT_EXIT, EVENT_RENAME };

/* Of a record. */
enum mark {
    MARK_COMPAT = 1, /* an i386 call; `number` is the native one of the same meaning */
    MARK_LATE = 2, /* arguments read after the call: its entry was never seen */
    MARK_TRUNCATED = 4, /* a text or buffer is longer than what follows */
    MARK_UNREADABLE = 8, /* memory that an argument points to could not be read */
};

/* How to capture one call; arguments are counted from 1, and 0 is none. */
enum capture {
    CALL_ON = 1,
    CALL_OPEN = 2, /* `flags` is an open's; the path filter applies */
    CALL_HOW = 4, /* argument `flags` points to struct open_how */
    CALL_MESSAGE = 8, /* argument `address` points to struct msghdr */
    CALL_EXEC = 16, /* success is reported by the exec itself */
    CALL_RESULT = 32, /* the result is the descriptor to describe */
    CALL_DATA_OUT = 64, /* the buffer is filled by the call: read it at the exit */
    CALL_CONTAINED = 128, /* no rule asks for it of the host's own processes */
};

struct call {
    u16 number;
    u16 how;
    u8 path[2];
    u8 directory[2]; /* of each path: the argument with its directory's descriptor */
    u8 text; /* one more string */
    u8 flags;
    u8 address, address_bytes;
    u8 descriptor;
    u8 data, data_bytes;
    u8 unused;
};

struct config {
    u32 any_path; /* enum access: opens that are reported whatever their path */
    u32 env_bytes; /* of the environment at an exec; 0: none */
    u32 data_bytes; /* of buffers; 0: none */
    u32 always_cwd; /* working directory with every call, not only where a path is relative */
    u32 silent[2]; /* processes whose calls are not reported; 0: none */
};

/* What an open is for. Bits of the host's own processes stand above those of all others. */
enum access { ACCESS_READ = 1, ACCESS_WRITE = 2, ACCESS_HOST_READ = 4, ACCESS_HOST_WRITE = 8 };
#define ACCESS_HOST_SHIFT 2

struct head {
    u64 time; /* ns since boot, suspend included */
    u64 cgroup;
    s64 result;
    u64 args[6]; /* of openat2: flags, mode and resolve stand in 2, 3 and 4 */
    u64 effective, permitted, inheritable; /* capabilities */
    u64 start; /* of the process, like `time` */
    u32 pid, tid, ppid;
    u32 uid, gid, euid, egid;
    u32 loginuid;
    u32 tty; /* number of the controlling terminal's device; 0: none */
    u32 sid, pgid;
    u32 vpid, vtid, vsid, vpgid; /* as the process's own pid namespace sees them */
    u32 mnt_ns;
    u16 kind, number, marks, used; /* `used`: bytes of the sections that follow */
    char comm[COMM_BYTES];
};

/* Sections follow the head: u16 tag, u16 bytes, then so many bytes. */
enum tag {
    TAG_PATH = 1, /* ..2: the paths as given */
    TAG_DIRECTORY = 3, /* ..4: where each begins if relative; names from the leaf up, each ended by 0 */
    TAG_TEXT = 5,
    TAG_ADDRESS = 6, /* struct sockaddr */
    TAG_DATA = 7,
    TAG_DESCRIPTOR = 8, /* struct descriptor */
    TAG_DESCRIPTOR_PATH = 9, /* like TAG_DIRECTORY */
    TAG_CWD = 10, /* like TAG_DIRECTORY */
    TAG_EXE = 11, /* like TAG_DIRECTORY */
    TAG_FILENAME = 12, /* as given to the exec */
    TAG_ARGS = 13, /* each ended by 0 */
    TAG_ENV = 14, /* each ended by 0 */
    TAG_PROGRAM = 15, /* struct program */
    TAG_COMM = 16, /* new name of a renamed thread */
    TAG_UNIX = 17, /* path that a Unix socket, or its peer, is bound to */
};

struct descriptor {
    u64 inode;
    u32 number;
    u32 device;
    u32 mode; /* st_mode; 0: no such descriptor */
    u32 flags; /* of the open file */
    u16 family, type, protocol, state; /* of a socket */
    u16 local_port, remote_port;
    u32 layer; /* of an overlay: 1 lower, 2 upper */
    u8 local[16], remote[16]; /* IPv4 in the first four */
};

enum program_flag { PROGRAM_UPPER = 1, PROGRAM_LOWER = 2, PROGRAM_MEMFD = 4 };

struct program {
    u64 inode, changed_s, modified_s;
    u32 mode, uid, gid, device;
    u32 flags;
    u32 unused;
};

enum stat { STAT_DROPPED, STAT_FILTERED, STAT_SENT, STATS };
