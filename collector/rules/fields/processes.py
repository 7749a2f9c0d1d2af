"""`proc.*`, `thread.*`, `user.*` and `group.*`."""

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Final

from collector.events import layout, words
from collector.rules.live import Getter, LiveEvent
from collector.state.processes import Process
from collector.state.users import User
from signatures.event import FieldValue, Scalar

_UNSET: Final = 0xFFFFFFFF
_NS: Final = 1_000_000_000
_OVERRIDE: Final = 1 << 1
"""CAP_DAC_OVERRIDE."""
_MINOR_UNKNOWN: Final = "<NA>"

_Of = Callable[[Process], Scalar | None]


def _of_process(value: _Of) -> Getter:
    return lambda event, _: value(event.process)


def _of_parent(value: _Of) -> Getter:
    def get(event: LiveEvent, _: str | None) -> FieldValue:
        parent = event.node.processes.parent(event.process)
        return value(parent) if parent else None

    return get


def _of_ancestor(value: _Of) -> Getter:
    """Of one generation, or of all ancestors, the process itself not among them."""

    def get(event: LiveEvent, generation: str | None) -> FieldValue:
        table = event.node.processes
        if generation is None:
            found = (value(each) for each in table.ancestors(event.process))
            return tuple(each for each in found if each is not None)
        ancestor = table.ancestor(event.process, int(generation))
        return value(ancestor) if ancestor else None

    return get


def _of_leader(pid: Callable[[LiveEvent], int], value: _Of) -> Getter:
    """Of the process whose id names a session or group."""

    def get(event: LiveEvent, _: str | None) -> FieldValue:
        leader = event.node.processes.get(pid(event))
        return value(leader) if leader else None

    return get


def _of_program(flag: int) -> Getter:
    def get(event: LiveEvent, _: str | None) -> FieldValue:
        program = event.process.program
        return program is not None and bool(program.flags & flag)

    return get


def _is_writable(event: LiveEvent, _: str | None) -> FieldValue:
    program, head = event.process.program, event.head
    if program is None:
        return False
    if head.effective & _OVERRIDE:
        return True
    shift = 6 if program.uid == head.euid else 3 if program.gid == head.egid else 0
    return bool(program.mode >> shift & 2)


def _arguments(process: Process) -> str:
    return " ".join(process.args[1:])


def _argument(event: LiveEvent, number: str | None) -> FieldValue:
    if number is None:
        return _arguments(event.process)
    at = int(number) + 1 if number.isdecimal() else len(event.process.args)
    return event.process.args[at] if at < len(event.process.args) else None


def _environment(event: LiveEvent, name: str | None) -> FieldValue:
    return _variable(event.process, name)


def _variable(process: Process, name: str | None) -> str | None:
    if name is None:
        return " ".join(process.env)
    return next((each[len(name) + 1 :] for each in process.env if each.startswith(f"{name}=")), None)


def _ancestor_environment(event: LiveEvent, argument: str | None) -> FieldValue:
    if argument is None or not argument.isdecimal():
        found = (_variable(each, argument) for each in event.node.processes.ancestors(event.process))
        return tuple(each for each in found if each is not None)
    ancestor = event.node.processes.ancestor(event.process, int(argument))
    return " ".join(ancestor.env) if ancestor else None


def _inode_time(which: str) -> Getter:
    def get(event: LiveEvent, _: str | None) -> FieldValue:
        program = event.process.program
        return None if program is None else getattr(program, which) * _NS

    return get


def _changed_before_start(event: LiveEvent, _: str | None) -> FieldValue:
    program = event.process.program
    if program is None:
        return None
    return event.process.start + event.node.boot_to_wall_ns - program.changed_s * _NS


def _parent_duration(event: LiveEvent, _: str | None) -> FieldValue:
    parent = event.node.processes.parent(event.process)
    return event.head.time - parent.start if parent else None


def _parent_start(event: LiveEvent, _: str | None) -> FieldValue:
    parent = event.node.processes.parent(event.process)
    return parent.start + event.node.boot_to_wall_ns if parent else None


def _user(event: LiveEvent) -> User | None:
    return event.node.users.user(*event.root, event.head.euid)


def _user_name(event: LiveEvent, _: str | None) -> FieldValue:
    found = _user(event)
    return found.name if found else _MINOR_UNKNOWN


def _login_name(event: LiveEvent, _: str | None) -> FieldValue:
    if event.head.loginuid == _UNSET:
        return _MINOR_UNKNOWN
    found = event.node.users.user(*event.root, event.head.loginuid)
    return found.name if found else _MINOR_UNKNOWN


def _user_part(part: str) -> Getter:
    def get(event: LiveEvent, _: str | None) -> FieldValue:
        found = _user(event)
        return getattr(found, part) if found else _MINOR_UNKNOWN

    return get


def _group_name(event: LiveEvent, _: str | None) -> FieldValue:
    return event.node.users.group(*event.root, event.head.egid) or _MINOR_UNKNOWN


_SESSION: Final[Callable[[LiveEvent], int]] = attrgetter("head.sid")
_GROUP: Final[Callable[[LiveEvent], int]] = attrgetter("head.pgid")
_NAME: Final[_Of] = attrgetter("comm")
_EXE: Final[_Of] = attrgetter("exe")
_EXEPATH: Final[_Of] = attrgetter("exepath")
_CMDLINE: Final[_Of] = attrgetter("cmdline")
_PID: Final[_Of] = attrgetter("pid")

PROCESS_FIELDS: Final[Mapping[str, Getter]] = {
    "proc.name": _of_process(_NAME),
    "proc.pname": _of_parent(_NAME),
    "proc.aname": _of_ancestor(_NAME),
    "proc.exe": _of_process(_EXE),
    "proc.pexe": _of_parent(_EXE),
    "proc.aexe": _of_ancestor(_EXE),
    "proc.exepath": _of_process(_EXEPATH),
    "proc.pexepath": _of_parent(_EXEPATH),
    "proc.aexepath": _of_ancestor(_EXEPATH),
    "proc.cmdline": _of_process(_CMDLINE),
    "proc.pcmdline": _of_parent(_CMDLINE),
    "proc.acmdline": _of_ancestor(_CMDLINE),
    "proc.args": _argument,
    "proc.aargs": _of_ancestor(_arguments),
    "proc.exeline": _of_process(lambda process: process.exeline),
    "proc.cmdnargs": _of_process(lambda process: max(0, len(process.args) - 1)),
    "proc.cmdlenargs": _of_process(lambda process: sum(map(len, process.args[1:]))),
    "proc.env": _environment,
    "proc.aenv": _ancestor_environment,
    "proc.cwd": _of_process(lambda process: process.cwd.rstrip("/") + "/" if process.cwd else None),
    "proc.pid": _of_process(_PID),
    "proc.ppid": lambda event, _: event.process.ppid,
    "proc.apid": _of_ancestor(_PID),
    "proc.vpid": lambda event, _: event.head.vpid,
    "proc.pvpid": _of_parent(lambda process: process.vpid),
    "proc.tty": lambda event, _: event.head.tty,
    "proc.sid": lambda event, _: event.head.vsid,
    "proc.sname": _of_leader(_SESSION, _NAME),
    "proc.sid.exe": _of_leader(_SESSION, _EXE),
    "proc.sid.exepath": _of_leader(_SESSION, _EXEPATH),
    "proc.vpgid": lambda event, _: event.head.vpgid,
    "proc.vpgid.name": _of_leader(_GROUP, _NAME),
    "proc.vpgid.exe": _of_leader(_GROUP, _EXE),
    "proc.vpgid.exepath": _of_leader(_GROUP, _EXEPATH),
    "proc.pgid": lambda event, _: event.head.pgid,
    "proc.pgid.name": _of_leader(_GROUP, _NAME),
    "proc.pgid.exe": _of_leader(_GROUP, _EXE),
    "proc.pgid.exepath": _of_leader(_GROUP, _EXEPATH),
    "proc.is_sid_leader": lambda event, _: event.head.sid == event.head.pid,
    "proc.is_pgid_leader": lambda event, _: event.head.pgid == event.head.pid,
    "proc.is_vpgid_leader": lambda event, _: event.head.vpgid == event.head.vpid,
    "proc.duration": lambda event, _: event.head.time - event.process.start,
    "proc.ppid.duration": _parent_duration,
    "proc.pid.ts": lambda event, _: event.process.start + event.node.boot_to_wall_ns,
    "proc.ppid.ts": _parent_start,
    "proc.is_exe_writable": _is_writable,
    "proc.is_exe_upper_layer": _of_program(layout.UPPER),
    "proc.is_exe_lower_layer": _of_program(layout.LOWER),
    "proc.is_exe_from_memfd": _of_program(layout.MEMFD),
    "proc.exe_ino": _of_process(lambda process: process.program.inode if process.program else None),
    "proc.exe_ino.ctime": _inode_time("changed_s"),
    "proc.exe_ino.mtime": _inode_time("modified_s"),
    "proc.exe_ino.ctime_duration_proc_start": _changed_before_start,
    "proc.is_container_healthcheck": lambda _event, _: False,
    "proc.is_container_liveness_probe": lambda _event, _: False,
    "proc.is_container_readiness_probe": lambda _event, _: False,
    "thread.tid": lambda event, _: event.head.tid,
    "thread.vtid": lambda event, _: event.head.vtid,
    "thread.ismain": lambda event, _: event.head.tid == event.head.pid,
    "thread.cap_effective": lambda event, _: words.capabilities(event.head.effective),
    "thread.cap_permitted": lambda event, _: words.capabilities(event.head.permitted),
    "thread.cap_inheritable": lambda event, _: words.capabilities(event.head.inheritable),
    "user.uid": lambda event, _: event.head.euid,
    "user.name": _user_name,
    "user.homedir": _user_part("home"),
    "user.shell": _user_part("shell"),
    "user.loginuid": lambda event, _: -1 if event.head.loginuid == _UNSET else event.head.loginuid,
    "user.loginname": _login_name,
    "group.gid": lambda event, _: event.head.egid,
    "group.name": _group_name,
}
