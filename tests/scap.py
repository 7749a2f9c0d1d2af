"""Writes captures that sysdig reads: processes and their opens, as its driver would have recorded them.

Block and event layouts: falcosecurity/libs, userspace/libscap/scap_savefile.h and driver/ppm_events_public.h.
"""

import struct
from collections.abc import Iterable
from pathlib import Path

_SECTION, _MACHINE, _EVENT = 0x0A0D0D0A, 0x201, 0x216
_OPEN, _OPENED, _EXECUTED = 2, 3, 293


def write(path: Path, events: Iterable[bytes]) -> None:
    """Write a capture of events."""
    section = struct.pack("<IHHQ", 0x1A2B3C4D, 1, 2, 0xFFFF_FFFF_FFFF_FFFF)
    machine = struct.pack("<IQQ128sQQQQ", 2, 1 << 30, 1 << 22, b"host", 0, 0, 0, 0)
    path.write_bytes(_block(_SECTION, section) + _block(_MACHINE, machine) + b"".join(events))


def executed(at_ns: int, pid: int, parent: int, name: str, arguments: list[str], *, uid: int = 0) -> bytes:
    """Return the exit of an execve."""
    texts = [argument.encode() + b"\0" for argument in arguments]
    numbers = [
        struct.pack("<Q", 1024),
        struct.pack("<Q", 0),
        struct.pack("<Q", 0),
        *[struct.pack("<I", 1)] * 3,
    ]
    return _event(
        at_ns,
        pid,
        _EXECUTED,
        [
            struct.pack("<q", 0),
            f"/bin/{name}".encode() + b"\0",
            b"".join(texts),
            *(struct.pack("<q", each) for each in (pid, pid, parent)),
            b"/\0",
            *numbers,
            name.encode() + b"\0",
            b"",
            b"",
            struct.pack("<i", 0),
            struct.pack("<q", pid),
            struct.pack("<i", uid),
            struct.pack("<I", 0),
        ],
    )


def opened(at_ns: int, pid: int, result: int, name: str, flags: int) -> bytes:
    """Return both events of an open; `result` is the descriptor, or an error's number negated."""
    parameters = [
        struct.pack("<q", result),
        name.encode() + b"\0",
        *(struct.pack("<I", each) for each in (flags, 0, 5)),
    ]
    return _event(at_ns, pid, _OPEN, []) + _event(at_ns + 1, pid, _OPENED, parameters)


def _event(at_ns: int, tid: int, kind: int, parameters: list[bytes]) -> bytes:
    lengths = b"".join(struct.pack("<H", len(each)) for each in parameters)
    data = b"".join(parameters)
    head = struct.pack("<QQIHI", at_ns, tid, 26 + len(lengths) + len(data), kind, len(parameters))
    return _block(_EVENT, struct.pack("<H", 0) + head + lengths + data)


def _block(kind: int, body: bytes) -> bytes:
    padded = body + b"\0" * (-len(body) % 4)
    size = 12 + len(padded)
    return struct.pack("<II", kind, size) + padded + struct.pack("<I", size)
