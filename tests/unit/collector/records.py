"""Records as the kernel sends them, made of what a test cares about."""

import struct
from typing import Any

from collector.events import layout
from collector.events.event import Head, Record, decode
from collector.events.layout import Kind, Tag
from wire.syscalls import load_table

_NUMBERS = {name: number for number, name in load_table("x86_64").native.items()}
_ENDED = {Tag.PATH, Tag.PATH2, Tag.TEXT, Tag.FILENAME, Tag.COMM, Tag.UNIX}
_NOBODY = 0xFFFFFFFF


def raw(
    kind: Kind,
    call: str = "",
    sections: dict[Tag, bytes] | None = None,
    args: tuple[int, ...] = (),
    **head: Any,
) -> bytes:
    """Return the bytes of one record."""
    body = b""
    for tag, data in (sections or {}).items():
        body += layout.SECTION.pack(tag, len(data)) + data + (b"\0" if tag in _ENDED else b"")
    padded = (*args, 0, 0, 0, 0, 0, 0)[:6]
    values: dict[str, Any] = {
        "time": 10_000_000_000, "cgroup": 1, "result": 0, **{f"arg{at}": value for at,
        value in enumerate(padded)},
        "effective": 0, "permitted": 0, "inheritable": 0, "start": 4_000_000_000, "pid": 100,
        "tid": 100, "ppid": 50,
        "uid": 0, "gid": 0, "euid": 0, "egid": 0, "loginuid": _NOBODY, "tty": 0, "sid": 50,
        "pgid": 100, "vpid": 100,
        "vtid": 100, "vsid": 50, "vpgid": 100, "mnt_ns": 1, "kind": kind,
        "number": _NUMBERS.get(call, 0), "marks": 0,
        "used": len(body), "comm": b"cat",
    }  # fmt: skip
    values |= head
    return layout.HEAD.pack(*(values[name] for name in Head._fields)) + body


def record(
    kind: Kind,
    call: str = "",
    sections: dict[Tag, bytes] | None = None,
    args: tuple[int, ...] = (),
    **head: Any,
) -> Record:
    """Return one decoded record."""
    return decode(raw(kind, call, sections, args, **head))


def openat(
    path: bytes, flags: int = 0, directory: bytes | None = None, result: int = 3, **head: Any
) -> Record:
    """Return the record of an openat from the working directory."""
    sections = {Tag.PATH: path} | ({} if directory is None else {Tag.DIRECTORY: directory})
    return record(Kind.CALL, "openat", sections, (0xFFFFFF9C, 0, flags, 0o644), result=result, **head)


def exec_(
    args: bytes,
    comm: bytes = b"cat",
    *,
    exe: bytes = b"cat\0bin\0usr\0",
    cwd: bytes = b"root\0",
    env: bytes = b"",
    flags: int = 0,
    **head: Any,
) -> Record:
    """Return the record of a successful execve."""
    program = layout.PROGRAM.pack(7, 1_700_000_000, 1_600_000_000, 0o100755, 0, 0, 1, flags)
    sections = {
        Tag.PROGRAM: program,
        Tag.EXE: exe,
        Tag.CWD: cwd,
        Tag.FILENAME: b"/usr/bin/cat",
        Tag.ARGS: args,
    }
    if env:
        sections[Tag.ENV] = env
    return record(Kind.EXEC, "execve", sections, comm=comm, **head)


def descriptor(**values: Any) -> bytes:
    """Return a section of a descriptor."""
    given: dict[str, Any] = {
        "inode": 9, "number": 3, "device": 1, "mode": 0o100644, "flags": 0, "family": 0, "type": 0,
        "protocol": 0,
        "state": 0, "local_port": 0, "remote_port": 0, "layer": 0, "local": b"", "remote": b"",
    }  # fmt: skip
    given |= values
    return layout.DESCRIPTOR.pack(*given.values())


def sockaddr(host: tuple[int, int, int, int], port: int) -> bytes:
    """Return a `struct sockaddr_in`."""
    return struct.pack("=H", 2) + struct.pack(">H", port) + bytes(host) + bytes(8)
