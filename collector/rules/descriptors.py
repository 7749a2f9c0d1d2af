"""What an event's descriptor is: file, socket or something else, with both ends of a connection.

Read from the kernel's own table when the call ended, so nothing has to be followed from call to call:
neither dup nor close nor exec can make it wrong, nor can a lost event. Why: docs/adr/0046.
"""

import ipaddress
import stat
import struct
from dataclasses import dataclass
from typing import Final, TypeAlias

from collector.events.event import Descriptor, Record, as_text
from collector.events.layout import Tag
from collector.rules import paths

_UNIX, _INET, _INET6, _NETLINK = 1, 2, 10, 16
_MAPPED: Final = bytes(10) + b"\xff\xff"
_O_DIRECTORY: Final = 0o200000
_ESTABLISHED, _LISTEN = 1, 10
_PROTOCOLS: Final = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmp", 255: "raw"}
_SOCK_RAW: Final = 3
_SERVING: Final = frozenset({"bind", "listen"})
_REACHING: Final = frozenset({"connect", "sendto", "sendmsg"})
_ACCEPTING: Final = frozenset({"accept", "accept4"})
End: TypeAlias = tuple[str, int]
"""Address and port."""
_CHARACTERS: Final = {
    "file": "f", "directory": "d", "ipv4": "4", "ipv6": "6", "unix": "u", "pipe": "p", "event": "e",
    "signalfd": "s", "eventpoll": "l", "inotify": "i", "timerfd": "t", "netlink": "n", "bpf": "b",
    "userfaultfd": "u", "io_uring": "r", "memfd": "m", "pidfd": "P", "unsupported": "o",
}  # fmt: skip
_ANONYMOUS: Final = {
    "[eventfd]": "event", "[signalfd]": "signalfd", "[eventpoll]": "eventpoll", "inotify": "inotify",
    "[timerfd]": "timerfd", "bpf-map": "bpf", "bpf-prog": "bpf", "bpf_link": "bpf",
    "[userfaultfd]": "userfaultfd", "[io_uring]": "io_uring", "[pidfd]": "pidfd",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A descriptor as rules see it."""

    number: int
    type: str | None
    name: str = ""
    raw_name: str | None = None
    inode: int = 0
    device: int = 0
    layer: int = 0
    l4proto: str | None = None
    family: str | None = None
    client: End | None = None
    server: End | None = None
    local: End | None = None
    remote: End | None = None
    is_server: bool | None = None
    connected: bool | None = None

    @property
    def character(self) -> str | None:
        """The one character that stands for its type."""
        return None if self.type is None else _CHARACTERS[self.type]


def describe(record: Record, event_type: str) -> Described | None:
    """Return the descriptor that an event is about; None where it is about none."""
    if record.call.is_open:
        return _opened(record)
    found = record.descriptor
    if found is None or not found.mode:
        return None
    if stat.S_ISSOCK(found.mode):
        return _socket(record, found, event_type)
    return _file(record, found)


def _opened(record: Record) -> Described:
    flags = record.head.arg1 if record.call.name == "open" else record.head.arg2
    directory = record.call.name != "creat" and bool(flags & _O_DIRECTORY)
    return Described(
        number=max(record.head.result, -1),
        type="directory" if directory else "file",
        name=paths.full(record, 0) or "",
        raw_name=paths.given(record, 0),
    )


def _file(record: Record, found: Descriptor) -> Described:
    name = record.path(Tag.DESCRIPTOR_PATH) or ""
    leaf = paths.leaf(name)
    if stat.S_ISDIR(found.mode):
        type_ = "directory"
    elif stat.S_ISFIFO(found.mode):
        type_, name = "pipe", f"pipe:[{found.inode}]" if name in {"", "/"} else name
    elif not stat.S_IFMT(found.mode) or leaf in _ANONYMOUS:
        type_ = _ANONYMOUS.get(leaf, "unsupported")
        name = leaf
    elif leaf.startswith("memfd:") and paths.parent(name) == "/":
        type_, name = "memfd", leaf.removeprefix("memfd:")
    else:
        type_ = "file"
    return Described(
        number=found.number,
        type=type_,
        name=name,
        raw_name=name,
        inode=found.inode,
        device=found.device,
        layer=found.layer,
    )


def _socket(record: Record, found: Descriptor, event_type: str) -> Described:
    number, inode, device = found.number, found.inode, found.device
    address = _address(record.sections.get(Tag.ADDRESS))
    if found.family == _UNIX:
        name = address if isinstance(address, str) else record.text(Tag.UNIX) or ""
        return Described(number=number, type="unix", family="unix", name=name, inode=inode, device=device)
    if found.family not in {_INET, _INET6}:
        type_ = "netlink" if found.family == _NETLINK else "unsupported"
        return Described(number=number, type=type_, inode=inode, device=device)
    family, local, remote = _ends(found)
    if isinstance(address, tuple) and event_type != "bind":
        remote = address
        family = "ipv6" if ":" in address[0] else "ipv4"
    far = remote if remote[1] else None
    is_server, client, server, name = _roles(local, far, found.state, event_type)
    return Described(
        number=number,
        type=family,
        name=name,
        inode=inode,
        device=device,
        l4proto=_PROTOCOLS.get(found.protocol, "raw" if found.type == _SOCK_RAW else None),
        family="ip",
        client=client,
        server=server,
        local=local,
        remote=far,
        is_server=is_server,
        connected=found.state == _ESTABLISHED,
    )


def _roles(
    local: End, remote: End | None, state: int, event_type: str
) -> tuple[bool | None, End | None, End | None, str]:
    """Return whether the socket is a server's, client, server, and the name of the connection."""
    if state == _LISTEN or event_type in _SERVING:
        return True, None, local, _shown(local)
    if remote is None:
        return None, None, None, ""
    if event_type in _REACHING:
        is_server = False
    elif event_type in _ACCEPTING:
        is_server = True
    else:
        # Nobody knows who began; ports of servers are the lower ones.
        is_server = local[1] < remote[1]
    client, server = (remote, local) if is_server else (local, remote)
    return is_server, client, server, f"{_shown(client)}->{_shown(server)}"


def _ends(found: Descriptor) -> tuple[str, tuple[str, int], tuple[str, int]]:
    if found.family == _INET:
        local, remote = found.local[:4], found.remote[:4]
    elif found.local.startswith(_MAPPED) or found.remote.startswith(_MAPPED):
        local, remote = found.local[12:], found.remote[12:]
    else:
        local, remote = found.local, found.remote
    family = "ipv4" if len(local) == 4 else "ipv6"
    return family, (_ip(local), found.local_port), (_ip(remote), found.remote_port)


def _address(data: bytes | None) -> tuple[str, int] | str | None:
    """Return what a `struct sockaddr` names: address and port, or a Unix socket's path."""
    if data is None or len(data) < 2:
        return None
    family = struct.unpack_from("=H", data)[0]
    if family == _INET and len(data) >= 8:
        return _ip(data[4:8]), struct.unpack_from(">H", data, 2)[0]
    if family == _INET6 and len(data) >= 24:
        ip = data[8:24]
        return _ip(ip[12:] if ip.startswith(_MAPPED) else ip), struct.unpack_from(">H", data, 2)[0]
    if family == _UNIX:
        path = data[2:]
        return (
            "@" + as_text(path[1:].rstrip(b"\0")) if path[:1] == b"\0" else as_text(path.partition(b"\0")[0])
        )
    return None


def _ip(data: bytes) -> str:
    if len(data) == 4:
        return "%d.%d.%d.%d" % tuple(data)  # noqa: UP031 - twice as fast as ipaddress, and this is the hot path
    return str(ipaddress.IPv6Address(data))


def _shown(end: tuple[str, int]) -> str:
    return f"{end[0]}:{end[1]}"
