"""`evt.*` and `fs.path.*`."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from collector.events import words
from collector.events.catalogue import Argument
from collector.events.layout import Kind, Tag
from collector.rules import paths
from collector.rules.fields.arguments import UNNUMBERED, find_argument
from collector.rules.live import Getter, LiveEvent
from signatures.event import FieldValue

_READS, _WRITES = frozenset({0, 2}), frozenset({1, 2})
_EXECUTABLE: Final = 0o111
_CREATING: Final = 0o20200100  # O_CREAT, O_TMPFILE
_IS_OPEN: Final = frozenset({"open", "openat", "openat2", "open_by_handle_at"})
_NS: Final = 1_000_000_000


def open_flags(event: LiveEvent) -> int | None:
    """Return an open's flags; None for other calls."""
    if event.type not in _IS_OPEN:
        return None
    return event.head.arg1 if event.type == "open" else event.head.arg2


def _open_mode(event: LiveEvent) -> int:
    head = event.head
    return {"open": head.arg2, "creat": head.arg1}.get(event.type, head.arg3)


def _is_open(ways: frozenset[int]) -> Getter:
    def get(event: LiveEvent, _: str | None) -> FieldValue:
        flags = open_flags(event)
        return flags is not None and flags & 3 in ways

    return get


def _is_open_exec(event: LiveEvent, _: str | None) -> FieldValue:
    flags = open_flags(event)
    creates = event.type == "creat" or (flags is not None and bool(flags & _CREATING))
    return creates and bool(_open_mode(event) & _EXECUTABLE)


def _is_open_create(event: LiveEvent, _: str | None) -> FieldValue:
    flags = open_flags(event)
    return event.type == "creat" or (flags is not None and bool(flags & _CREATING))


def _argument(event: LiveEvent, name: str | None) -> FieldValue:
    found = _find(event, name)
    return None if found is None else _shown(event, found)


def _raw_argument(event: LiveEvent, name: str | None) -> FieldValue:
    found = _find(event, name)
    if found is None or found.kind in UNNUMBERED:
        return None
    if found.kind in {"path", "text"}:
        return paths.given(event.record, found.index) if found.kind == "path" else event.record.text(Tag.TEXT)
    if found.index < 0:
        return event.head.result
    return _number(event, found)


def _find(event: LiveEvent, name: str | None) -> Argument | None:
    return None if name is None else find_argument(event.record.call, event.type, name)


_EXEC_FIELDS: Final = {
    "exec_exe": "proc.exe",
    "exec_args": "proc.args",
    "exec_comm": "proc.name",
    "exec_cwd": "proc.cwd",
    "exec_env": "proc.env",
    "exec_uid": "user.name",
    "exec_gid": "group.name",
    "exec_pid": "proc.pid",
    "exec_tid": "thread.tid",
    "exec_ptid": "proc.ppid",
}


def _shown(event: LiveEvent, found: Argument) -> str | None:
    """Return an argument as text."""
    special = _SHOWN.get(found.kind)
    if special is not None:
        return special(event, found)
    if found.index < 0:
        return _shown_result(event, found.kind)
    return _shown_number(event, found.kind, _number(event, found))


def _shown_path(event: LiveEvent, found: Argument) -> str | None:
    given = paths.given(event.record, found.index)
    return given if given is None or given.startswith("/") else paths.full(event.record, found.index)


def _shown_field(event: LiveEvent, found: Argument) -> str | None:
    value = event[_EXEC_FIELDS[found.kind]]
    return None if value is None else str(value)


def _shown_address(event: LiveEvent, _: Argument) -> str | None:
    described = event.described
    return described.name if described else None


def _shown_data(event: LiveEvent, _: Argument) -> str | None:
    data = event.record.sections.get(Tag.DATA)
    return None if data is None else data.decode("latin-1")


def _shown_result(event: LiveEvent, kind: str) -> str:
    result = event.head.result
    if result < 0:
        return words.result(result)
    return _descriptor(event, result) if kind in {"opened", "result_fd"} else str(result)


def _shown_number(event: LiveEvent, kind: str, value: int) -> str:
    if words.has_flags(kind):
        return words.flags(kind, value)
    if words.is_enumeration(kind):
        return words.enumeration(kind, value) or str(value)
    special = _NUMBERS.get(kind)
    return special(event, value) if special else str(value)


def _user_name(event: LiveEvent, uid: int) -> str:
    user = event.node.users.user(*event.root, uid)
    return user.name if user else str(uid)


def _descriptor(event: LiveEvent, number: int) -> str:
    described = event.described
    return f"<{described.character}>{described.name}" if described else str(number)


_NUMBERS: Final[Mapping[str, Callable[[LiveEvent, int], str]]] = {
    "open": lambda _, value: words.open_flags(value),
    "open_how": lambda _, value: words.open_flags(value),
    "mode": lambda _, value: words.mode(value),
    "uid": _user_name,
    "gid": lambda event, value: event.node.users.group(*event.root, value) or str(value),
    "directory": lambda _, value: "AT_FDCWD" if value == _AT_FDCWD else str(value),
    "fd": _descriptor,
}
_AT_FDCWD: Final = -100
_SIGNED: Final = frozenset({"int", "fd", "directory", "signal"})


def _number(event: LiveEvent, found: Argument) -> int:
    at = 2 if found.kind == "open_how" else found.index
    value = int(event.head[_FIRST_ARGUMENT + at])
    value32 = value & 0xFFFFFFFF
    if found.kind in _SIGNED and value in {value32, value32 - (1 << 32) & 0xFFFFFFFFFFFFFFFF}:
        return value32 - (1 << 32) if value32 >> 31 else value32
    return value


_FIRST_ARGUMENT: Final = 3
"""Of `Head`."""


def exec_flags(event: LiveEvent, _: Argument | None = None) -> str:
    """Return where an executed file lies, and who may change it, as Falco's words."""
    found = []
    if event["proc.is_exe_writable"]:
        found.append("EXE_WRITABLE")
    if event["proc.is_exe_upper_layer"]:
        found.append("EXE_UPPER_LAYER")
    if event["proc.is_exe_from_memfd"]:
        found.append("EXE_FROM_MEMFD")
    if event["proc.is_exe_lower_layer"]:
        found.append("EXE_LOWER_LAYER")
    return "|".join(found) or "0"


_SHOWN: Final[Mapping[str, Callable[[LiveEvent, Argument], str | None]]] = {
    **dict.fromkeys(_EXEC_FIELDS, _shown_field),
    "path": _shown_path,
    "text": lambda event, _: event.record.text(Tag.TEXT),
    "exec_filename": lambda event, _: event.record.text(Tag.FILENAME) or paths.given(event.record, 0),
    "exec_flags": exec_flags,
    "address": _shown_address,
    "message": _shown_address,
    "data": _shown_data,
    "data_out": _shown_data,
}
"""Arguments that are not numbers."""


def _arguments(event: LiveEvent, _: str | None) -> FieldValue:
    shown = ((each, _shown(event, each)) for each in event.record.call.arguments)
    return " ".join(f"{each.name}={_numbered(event, each, text)}" for each, text in shown if text is not None)


def _numbered(event: LiveEvent, argument: Argument, text: str) -> str:
    """Return a result or descriptor as it stands among all arguments: number, then what it means."""
    if argument.index >= 0 and argument.kind != "fd":
        return text
    number = str(event.head.result if argument.index < 0 else _number(event, argument))
    return number if text == number else f"{number}({text})"


def _buffer(event: LiveEvent, _: str | None) -> FieldValue:
    return event.record.sections.get(Tag.DATA)


def _path(which: int, *, raw: bool) -> Getter:
    """A path of calls with one path (0: it), or with two (1: source, 2: target)."""

    def get(event: LiveEvent, _: str | None) -> FieldValue:
        record = event.record
        if record.kind is Kind.EXEC:
            return record.text(Tag.FILENAME) if which == 0 else None
        found = _path_argument(event, which)
        if found is None:
            return None
        if found.kind == "text":
            return record.text(Tag.TEXT)
        return paths.given(record, found.index) if raw else paths.full(record, found.index)

    return get


def _path_argument(event: LiveEvent, which: int) -> Argument | None:
    names = _TWO_PATHS.get(event.type)
    arguments = event.record.call.arguments
    if which == 0:
        return None if names else next((each for each in arguments if each.kind == "path"), None)
    return next((each for each in arguments if each.name == names[which - 1]), None) if names else None


_TWO_PATHS: Final[Mapping[str, tuple[str, str]]] = {
    **dict.fromkeys(("rename", "renameat", "renameat2", "link", "linkat"), ("oldpath", "newpath")),
    **dict.fromkeys(("symlink", "symlinkat"), ("linkpath", "target")),
    "mount": ("dev", "dir"),
}


def _clock(event: LiveEvent, _: str | None) -> FieldValue:
    seconds, ns = divmod(event.time_ns, _NS)
    return f"{datetime.fromtimestamp(seconds, UTC):%H:%M:%S}.{ns:09}"


def iso_time(time_ns: int) -> str:
    """Return a time as alerts hold it.

    Examples:
        >>> iso_time(1_790_000_000_123_456_789)
        '2026-09-21T14:13:20.123456789Z'
    """
    seconds, ns = divmod(time_ns, _NS)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{ns:09}Z"


EVENT_FIELDS: Final[Mapping[str, Getter]] = {
    "evt.type": lambda event, _: event.type,
    "evt.type.is": lambda event, name: event.type == name,
    "syscall.type": lambda event, _: event.type,
    "evt.dir": lambda _event, _: "<",
    "evt.num": lambda event, _: event.number,
    "evt.count": lambda _event, _: 1,
    "evt.source": lambda _event, _: "syscall",
    "evt.hostname": lambda event, _: event.node.hostname,
    "evt.is_async": lambda _event, _: False,
    "evt.time": _clock,
    "evt.time.s": lambda event, _: str(_clock(event, None)).partition(".")[0],
    "evt.time.iso8601": lambda event, _: iso_time(event.time_ns),
    "evt.datetime": lambda event, _: iso_time(event.time_ns).replace("T", " ").removesuffix("Z"),
    "evt.rawtime": lambda event, _: event.time_ns,
    "evt.rawtime.s": lambda event, _: event.time_ns // _NS,
    "evt.rawtime.ns": lambda event, _: event.time_ns % _NS,
    "evt.res": lambda event, _: words.result(event.head.result),
    "evt.rawres": lambda event, _: event.head.result,
    "evt.failed": lambda event, _: event.head.result < 0,
    "evt.arg": _argument,
    "evt.rawarg": _raw_argument,
    "evt.args": _arguments,
    "evt.info": _arguments,
    "evt.buffer": _buffer,
    "evt.abspath": lambda event, _: paths.full(event.record, 0),
    "evt.is_open_read": _is_open(_READS),
    "evt.is_open_write": _is_open(_WRITES),
    "evt.is_open_exec": _is_open_exec,
    "evt.is_open_create": _is_open_create,
    "fs.path.name": _path(0, raw=False),
    "fs.path.nameraw": _path(0, raw=True),
    "fs.path.source": _path(1, raw=False),
    "fs.path.sourceraw": _path(1, raw=True),
    "fs.path.target": _path(2, raw=False),
    "fs.path.targetraw": _path(2, raw=True),
}
