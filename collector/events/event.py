"""Records of the kernel as Python values; nothing is looked up here."""

from typing import Final, NamedTuple

from collector.errors import SensorError
from collector.events import layout
from collector.events.catalogue import Call, call_of
from collector.events.layout import Kind, Mark, Tag

_HEAD: Final = layout.HEAD
_SECTION: Final = layout.SECTION
_TEXTS: Final = frozenset({Tag.PATH, Tag.PATH2, Tag.TEXT, Tag.FILENAME, Tag.COMM, Tag.UNIX})
_ENDED: Final = frozenset({1, 2, 5, 12, 16, 17})
"""Tags whose bytes are followed by a zero that is not counted."""


class Head(NamedTuple):
    """Who, when, where: `struct head` of collector/bpf/events.h."""

    time: int
    """Nanoseconds since boot, suspend included."""
    cgroup: int
    result: int
    arg0: int
    arg1: int
    arg2: int
    arg3: int
    arg4: int
    arg5: int
    effective: int
    permitted: int
    inheritable: int
    start: int
    """When the process began, like `time`."""
    pid: int
    tid: int
    ppid: int
    uid: int
    gid: int
    euid: int
    egid: int
    loginuid: int
    tty: int
    sid: int
    pgid: int
    vpid: int
    vtid: int
    vsid: int
    vpgid: int
    mnt_ns: int
    kind: int
    number: int
    marks: int
    used: int
    comm: bytes


class Descriptor(NamedTuple):
    """An open file as the kernel knew it when the call ended."""

    inode: int
    number: int
    device: int
    mode: int
    """As `st_mode`; 0 where there was no such descriptor."""
    flags: int
    family: int
    type: int
    protocol: int
    state: int
    local_port: int
    remote_port: int
    layer: int
    local: bytes
    remote: bytes


class Program(NamedTuple):
    """The file that a process executes."""

    inode: int
    changed_s: int
    modified_s: int
    mode: int
    uid: int
    gid: int
    device: int
    flags: int


class Record(NamedTuple):
    """One decoded record."""

    head: Head
    sections: dict[int, bytes]
    """By tag."""

    @property
    def kind(self) -> Kind:
        """What it reports."""
        return Kind(self.head.kind)

    @property
    def call(self) -> Call:
        """The system call; of an exec, the one that began it."""
        return call_of(self.head.number)

    @property
    def truncated(self) -> bool:
        """Whether some text of it is longer than what was read."""
        return bool(self.head.marks & Mark.TRUNCATED)

    def text(self, tag: Tag) -> str | None:
        """Return a section as text; None where there is none."""
        data = self.sections.get(tag)
        return None if data is None else as_text(data)

    def path(self, tag: Tag) -> str | None:
        """Return a path that the kernel gave name by name; None where there is none."""
        data = self.sections.get(tag)
        return None if data is None else join_names(data)

    def texts(self, tag: Tag) -> tuple[str, ...]:
        """Return a section of strings that are each ended by zero."""
        data = self.sections.get(tag, b"")
        return tuple(as_text(each) for each in data.removesuffix(b"\0").split(b"\0")) if data else ()

    @property
    def descriptor(self) -> Descriptor | None:
        """The descriptor that the call is about."""
        data = self.sections.get(Tag.DESCRIPTOR)
        return None if data is None else Descriptor(*layout.DESCRIPTOR.unpack(data))

    @property
    def program(self) -> Program | None:
        """The executed file, of an exec."""
        data = self.sections.get(Tag.PROGRAM)
        return None if data is None else Program(*layout.PROGRAM.unpack(data))


def as_text(data: bytes) -> str:
    """Return bytes of the kernel as rules see them: one character for each byte."""
    return data.decode("latin-1")


def join_names(data: bytes) -> str:
    r"""Return a path from its names, leaf first.

    Examples:
        >>> join_names(b"shadow\0etc\0"), join_names(b""), join_names(b"memfd:x\0")
        ('/etc/shadow', '/', '/memfd:x')
    """
    names = data.split(b"\0")[:-1]
    return as_text(b"/" + b"/".join(reversed([name for name in names if name != b"/"])))


def decode(record: bytes) -> Record:
    """Decode one record of the ring buffer.

    Raises:
        SensorError: It is shorter than it says.
    """
    if len(record) < _HEAD.size:
        msg = f"A record of the event sensor has at least {_HEAD.size} bytes; got {len(record)}."
        raise SensorError(msg)
    head = Head._make(_HEAD.unpack_from(record))
    sections: dict[int, bytes] = {}
    at, end = _HEAD.size, _HEAD.size + head.used
    if end > len(record):
        msg = f"A record of the event sensor says that it has {end} bytes; got {len(record)}."
        raise SensorError(msg)
    while at < end:
        tag, size = _SECTION.unpack_from(record, at)
        at += _SECTION.size
        sections[tag] = record[at : at + size]
        at += size + (tag in _ENDED)
    return Record(head, sections)
