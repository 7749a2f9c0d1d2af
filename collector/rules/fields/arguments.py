"""Arguments of calls by name or number, as rules ask for them, and which there are.

Numbers count in the order of Falco's table of events (libs, driver/event_table.c), which is not the
kernel's for every call. Arguments of that table that are not captured here are known as missing.
"""

from collections.abc import Mapping
from typing import Final

from collector.events.catalogue import CALLS, Argument, Call, event_name

_EXEC: Final = (
    "res exe args tid pid ptid cwd fdlimit pgft_maj pgft_min vm_size vm_rss vm_swap comm cgroups env tty "
    "vpgid loginuid flags cap_inheritable cap_permitted cap_effective exe_ino exe_ino_ctime exe_ino_mtime "
    "uid trusted_exepath pgid gid filename"
)
_QUOTA: Final = (
    "res special quotafilepath dqb_bhardlimit dqb_bsoftlimit dqb_curspace dqb_ihardlimit dqb_isoftlimit "
    "dqb_btime dqb_itime dqi_bgrace dqi_igrace dqi_flags quota_fmt_out cmd type id quota_fmt"
)
_NUMBERED: Final[Mapping[str, list[str]]] = {
    name: order.split()
    for names, order in {
        "execve execveat": _EXEC,
        "read write": "res data fd size",
        "pread pwrite": "res data fd size pos",
        "sendto sendmsg": "res data fd size tuple",
        "recvfrom": "res data tuple fd size",
        "recvmsg": "res size data tuple msgcontrol fd",
        "bind": "res addr fd",
        "connect": "res tuple fd addr",
        "accept accept4": "fd tuple queuepct queuelen queuemax flags",
        "ptrace": "res addr data request pid",
        "mount": "res dev dir type flags",
        "init_module": "res img length uargs",
        "open": "fd name flags mode dev ino",
        "openat": "fd dirfd name flags mode dev ino",
        "openat2": "fd dirfd name flags mode resolve dev ino",
        "creat": "fd name mode dev ino creat_flags",
        "open_by_handle_at": "fd mountfd flags path dev ino",
        "socket": "fd domain type proto flags",
        "capset": "res cap_inheritable cap_permitted cap_effective",
        "io_uring_setup": "res entries sq_entries cq_entries flags sq_thread_cpu sq_thread_idle features",
        "keyctl": "res operation arg2 arg3 arg4 arg5",
        "prctl": "res option arg2_str arg2_int",
        "process_vm_readv process_vm_writev": "res pid data",
        "quotactl": _QUOTA,
    }.items()
    for name in names.split()
}
"""Calls whose arguments are not counted as they are captured, or not all captured."""
_OF_EXECS: Final = {
    name: Argument(name, f"exec_{name}", 0)
    for name in ("flags", "exe", "args", "comm", "cwd", "env", "uid", "gid", "pid", "tid", "ptid", "filename")
}
_OF_SOCKETS: Final = {"tuple": Argument("tuple", "address", 0)}
_MORE: Final[Mapping[str, Mapping[str, Argument]]] = {
    **dict.fromkeys(("execve", "execveat"), _OF_EXECS),
    **dict.fromkeys(
        ("connect", "accept", "accept4", "sendto", "sendmsg", "recvfrom", "recvmsg"), _OF_SOCKETS
    ),
}
"""Arguments that are found out beside those that the kernel was given."""
UNNUMBERED: Final = frozenset({"address", "message"})
"""Kinds that have a text and no number."""


def find_argument(call: Call, event_type: str, name: str) -> Argument | None:
    """Return an argument by its name or number, None where an event of this type has none such."""
    if name.isdecimal():
        order = _NUMBERED.get(event_type) or [each.name for each in call.arguments]
        if int(name) >= len(order):
            return None
        name = order[int(name)]
    special = _MORE.get(event_type, {}).get(name)
    return special or next((each for each in call.arguments if each.name == name), None)


def argument_fields() -> tuple[frozenset[str], dict[str, frozenset[str]]]:
    """Return the fields `evt.arg[…]` and `evt.rawarg[…]` that some event has, and those that a type lacks.

    A type lacks what Falco's events of this type have; what they have not either is nothing to miss.

    Examples:
        >>> some, lacking = argument_fields()
        >>> "evt.arg[flags]" in some, "evt.arg[nosuch]" in some, "evt.arg[ino]" in lacking["openat"]
        (True, False, True)
    """
    some: set[str] = set()
    lacking: dict[str, set[str]] = {}
    for call in CALLS.values():
        event_type = event_name(call.name)
        own = [each.name for each in call.arguments] + list(_MORE.get(event_type, ()))
        order = _NUMBERED.get(event_type, [])
        for name in [*own, *order, *map(str, range(len(order or own)))]:
            argument = find_argument(call, event_type, name)
            for field, known in (
                (f"evt.arg[{name}]", argument is not None),
                (f"evt.rawarg[{name}]", argument is not None and argument.kind not in UNNUMBERED),
            ):
                (some if known else lacking.setdefault(event_type, set())).add(field)
    return frozenset(some), {name: frozenset(fields) for name, fields in lacking.items()}
