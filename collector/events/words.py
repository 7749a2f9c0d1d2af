"""Numbers that a rule compares as words: flags, modes, requests, as Falco's libraries print them."""

import errno
import signal
from collections.abc import Iterable, Mapping
from typing import Final

_OPEN: Final = (
    (0o100, "O_CREAT"),
    (0o2000, "O_APPEND"),
    (0o10000, "O_DSYNC"),
    (0o200, "O_EXCL"),
    (0o4000, "O_NONBLOCK"),
    (0o4010000, "O_SYNC"),
    (0o1000, "O_TRUNC"),
    (0o40000, "O_DIRECT"),
    (0o200000, "O_DIRECTORY"),
    (0o100000, "O_LARGEFILE"),
    (0o2000000, "O_CLOEXEC"),
    (0o20200000, "O_TMPFILE"),
)
_ACCESS: Final = ("O_RDONLY", "O_WRONLY", "O_RDWR", "O_RDWR")
_MODE: Final = (
    (0o1, "S_IXOTH"),
    (0o2, "S_IWOTH"),
    (0o4, "S_IROTH"),
    (0o10, "S_IXGRP"),
    (0o20, "S_IWGRP"),
    (0o40, "S_IRGRP"),
    (0o100, "S_IXUSR"),
    (0o200, "S_IWUSR"),
    (0o400, "S_IRUSR"),
    (0o1000, "S_ISVTX"),
    (0o2000, "S_ISGID"),
    (0o4000, "S_ISUID"),
)
_CLONE: Final = (
    (0x100, "CLONE_VM"),
    (0x200, "CLONE_FS"),
    (0x400, "CLONE_FILES"),
    (0x4000, "CLONE_VFORK"),
    (0x8000, "CLONE_PARENT"),
    (0x10000, "CLONE_THREAD"),
    (0x20000, "CLONE_NEWNS"),
    (0x2000000, "CLONE_NEWCGROUP"),
    (0x4000000, "CLONE_NEWUTS"),
    (0x8000000, "CLONE_NEWIPC"),
    (0x10000000, "CLONE_NEWUSER"),
    (0x20000000, "CLONE_NEWPID"),
    (0x40000000, "CLONE_NEWNET"),
)
_AT: Final = ((0x100, "AT_SYMLINK_NOFOLLOW"), (0x400, "AT_SYMLINK_FOLLOW"), (0x1000, "AT_EMPTY_PATH"))
_UNLINKAT: Final = ((0x200, "AT_REMOVEDIR"),)
_RENAMEAT2: Final = ((1, "RENAME_NOREPLACE"), (2, "RENAME_EXCHANGE"), (4, "RENAME_WHITEOUT"))
_MEMFD: Final = ((1, "MFD_CLOEXEC"), (2, "MFD_ALLOW_SEALING"), (4, "MFD_HUGETLB"))
_MOUNT: Final = (
    (1, "RDONLY"),
    (2, "NOSUID"),
    (4, "NODEV"),
    (8, "NOEXEC"),
    (16, "SYNCHRONOUS"),
    (32, "REMOUNT"),
    (4096, "BIND"),
    (8192, "MOVE"),
    (16384, "REC"),
)
_FINIT: Final = (
    (1, "MODULE_INIT_IGNORE_MODVERSIONS"),
    (2, "MODULE_INIT_IGNORE_VERMAGIC"),
    (4, "MODULE_INIT_COMPRESSED_FILE"),
)
_FLAGS: Final[Mapping[str, Iterable[tuple[int, str]]]] = {
    "clone_flags": _CLONE,
    "at_flags": _AT,
    "unlinkat_flags": _UNLINKAT,
    "renameat2_flags": _RENAMEAT2,
    "memfd_flags": _MEMFD,
    "mount_flags": _MOUNT,
    "finit_flags": _FINIT,
    "cloexec_flags": ((0o2000000, "O_CLOEXEC"),),
}
_FAMILIES: Final = [
    "AF_UNSPEC",
    "AF_UNIX",
    "AF_INET",
    "AF_AX25",
    "AF_IPX",
    "AF_APPLETALK",
    "AF_NETROM",
    "AF_BRIDGE",
    "AF_ATMPVC",
    "AF_X25",
    "AF_INET6",
    "AF_ROSE",
    "AF_DECnet",
    "AF_NETBEUI",
    "AF_SECURITY",
    "AF_KEY",
    "AF_NETLINK",
    "AF_PACKET",
    "AF_ASH",
    "AF_ECONET",
    "AF_ATMSVC",
    "AF_RDS",
    "AF_SNA",
    "AF_IRDA",
    "AF_PPPOX",
    "AF_WANPIPE",
    "AF_LLC",
    "AF_IB",
    "AF_MPLS",
    "AF_CAN",
    "AF_TIPC",
    "AF_BLUETOOTH",
    "AF_IUCV",
    "AF_RXRPC",
    "AF_ISDN",
    "AF_PHONET",
    "AF_IEEE802154",
    "AF_CAIF",
    "AF_ALG",
    "AF_NFC",
    "AF_VSOCK",
    "AF_KCM",
    "AF_QIPCRTR",
    "AF_SMC",
    "AF_XDP",
    "AF_MCTP",
]
_PTRACE: Final = {
    0: "PTRACE_TRACEME",
    1: "PTRACE_PEEKTEXT",
    2: "PTRACE_PEEKDATA",
    3: "PTRACE_PEEKUSR",
    4: "PTRACE_POKETEXT",
    5: "PTRACE_POKEDATA",
    6: "PTRACE_POKEUSR",
    7: "PTRACE_CONT",
    8: "PTRACE_KILL",
    9: "PTRACE_SINGLESTEP",
    12: "PTRACE_GETREGS",
    13: "PTRACE_SETREGS",
    14: "PTRACE_GETFPREGS",
    15: "PTRACE_SETFPREGS",
    16: "PTRACE_ATTACH",
    17: "PTRACE_DETACH",
    24: "PTRACE_SYSCALL",
    31: "PTRACE_SYSEMU",
    32: "PTRACE_SYSEMU_SINGLESTEP",
    33: "PTRACE_SINGLEBLOCK",
    0x4200: "PTRACE_SETOPTIONS",
    0x4201: "PTRACE_GETEVENTMSG",
    0x4202: "PTRACE_GETSIGINFO",
    0x4203: "PTRACE_SETSIGINFO",
    0x4204: "PTRACE_GETREGSET",
    0x4205: "PTRACE_SETREGSET",
    0x4206: "PTRACE_SEIZE",
    0x4207: "PTRACE_INTERRUPT",
    0x4208: "PTRACE_LISTEN",
    0x4209: "PTRACE_PEEKSIGINFO",
    0x420A: "PTRACE_GETSIGMASK",
    0x420B: "PTRACE_SETSIGMASK",
}
_BPF: Final = [
    "BPF_MAP_CREATE",
    "BPF_MAP_LOOKUP_ELEM",
    "BPF_MAP_UPDATE_ELEM",
    "BPF_MAP_DELETE_ELEM",
    "BPF_MAP_GET_NEXT_KEY",
    "BPF_PROG_LOAD",
    "BPF_OBJ_PIN",
    "BPF_OBJ_GET",
    "BPF_PROG_ATTACH",
    "BPF_PROG_DETACH",
    "BPF_PROG_TEST_RUN",
    "BPF_PROG_GET_NEXT_ID",
    "BPF_MAP_GET_NEXT_ID",
    "BPF_PROG_GET_FD_BY_ID",
    "BPF_MAP_GET_FD_BY_ID",
    "BPF_OBJ_GET_INFO_BY_FD",
    "BPF_PROG_QUERY",
    "BPF_RAW_TRACEPOINT_OPEN",
    "BPF_BTF_LOAD",
    "BPF_BTF_GET_FD_BY_ID",
    "BPF_TASK_FD_QUERY",
    "BPF_MAP_LOOKUP_AND_DELETE_ELEM",
    "BPF_MAP_FREEZE",
    "BPF_BTF_GET_NEXT_ID",
    "BPF_MAP_LOOKUP_BATCH",
    "BPF_MAP_LOOKUP_AND_DELETE_BATCH",
    "BPF_MAP_UPDATE_BATCH",
    "BPF_MAP_DELETE_BATCH",
    "BPF_LINK_CREATE",
    "BPF_LINK_UPDATE",
    "BPF_LINK_GET_FD_BY_ID",
    "BPF_LINK_GET_NEXT_ID",
    "BPF_ENABLE_STATS",
    "BPF_ITER_CREATE",
    "BPF_LINK_DETACH",
    "BPF_PROG_BIND_MAP",
    "BPF_TOKEN_CREATE",
]
_FCNTL: Final = {
    0: "F_DUPFD",
    1: "F_GETFD",
    2: "F_SETFD",
    3: "F_GETFL",
    4: "F_SETFL",
    5: "F_GETLK",
    6: "F_SETLK",
    7: "F_SETLKW",
    8: "F_SETOWN",
    9: "F_GETOWN",
    1030: "F_DUPFD_CLOEXEC",
}
_ENUMS: Final[Mapping[str, Mapping[int, str]]] = {
    "ptrace_request": _PTRACE,
    "family": dict(enumerate(_FAMILIES)),
    "bpf_command": dict(enumerate(_BPF)),
    "fcntl_command": _FCNTL,
    "signal": {each.value: each.name for each in signal.Signals},
}
_CAPABILITIES: Final = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
]


def open_flags(flags: int) -> str:
    """Return the words of an open's flags.

    Examples:
        >>> open_flags(0o1101), open_flags(0)
        ('O_CREAT|O_TRUNC|O_WRONLY', 'O_RDONLY')
    """
    return "|".join([*_set(flags, _OPEN), _ACCESS[flags & 3]])


def mode(value: int) -> str:
    """Return the words of permissions.

    Examples:
        >>> mode(0o4001), mode(0)
        ('S_IXOTH|S_ISUID', '0')
    """
    return "|".join(_set(value, _MODE)) or "0"


def flags(kind: str, value: int) -> str:
    """Return the words of the flags of this kind; "0" where none is set that has one."""
    return "|".join(_set(value, _FLAGS[kind])) or "0"


def has_flags(kind: str) -> bool:
    """Tell whether there are words for flags of this kind."""
    return kind in _FLAGS


def enumeration(kind: str, value: int) -> str | None:
    """Return the word for a number of this kind; None where there is none."""
    return _ENUMS[kind].get(value)


def is_enumeration(kind: str) -> bool:
    """Tell whether numbers of this kind have words."""
    return kind in _ENUMS


def result(value: int) -> str:
    """Return what a call's result means.

    Examples:
        >>> result(3), result(-2)
        ('SUCCESS', 'ENOENT')
    """
    return "SUCCESS" if value >= 0 else errno.errorcode.get(-value, str(value))


def capabilities(value: int) -> str:
    """Return the names of a set of capabilities, in the order of their numbers.

    Examples:
        >>> capabilities(0b100001)
        'CAP_CHOWN CAP_KILL'
    """
    return " ".join(f"CAP_{name}" for bit, name in enumerate(_CAPABILITIES) if value >> bit & 1)


def _set(value: int, words: Iterable[tuple[int, str]]) -> list[str]:
    return [word for bits, word in words if value & bits == bits]
