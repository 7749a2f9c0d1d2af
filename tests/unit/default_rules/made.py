"""Events made by hand for the default rules: fields as a sensor fills them, in one container."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Fields = Mapping[str, Any]

_SERVICE: Fields = {
    "container.id": "3f9c1a77b2d0",
    "container.image.repository": "registry.example/shop/orders",
    "user.name": "root",
    "user.uid": 0,
    "proc.name": "orders",
    "proc.exe": "/srv/orders",
    "proc.exepath": "/srv/orders",
    "proc.args": "",
    "proc.cwd": "/srv",
    "proc.tty": 0,
    "proc.vpid": 37,
    "proc.pvpid": 12,
    "proc.pname": "orders",
    "proc.pexe": "/srv/orders",
    "proc.is_exe_upper_layer": False,
    "proc.is_exe_from_memfd": False,
    "evt.rawres": 0,
    "evt.res": "SUCCESS",
}
"""A process of a service, neither the container's first nor a child of an entry script."""
_ERRNO = {"EPERM": 1, "EACCES": 13, "EROFS": 30, "ENETUNREACH": 101, "ENOENT": 2, "EINPROGRESS": 115}


@dataclass(frozen=True)
class Case:
    """One default rule, an event that it is for, and a neighbour that is benign."""

    rule: str
    fires: Fields
    neighbour: Fields
    because: str
    """Why the neighbour is benign, in a few words."""


def event(kind: str, /, **fields: Any) -> Fields:
    """Return an event of a call; `__` in a name stands for a point."""
    own = {name.replace("__", "."): value for name, value in fields.items()}
    made = {**_SERVICE, "evt.type": kind, **own}
    if "proc.cmdline" not in made:
        made["proc.cmdline"] = f"{made['proc.name']} {made['proc.args']}".strip()
    return made


def failed(errno: str) -> dict[str, Any]:
    """Return the fields of a call that failed."""
    return {"evt__res": errno, "evt__rawres": -_ERRNO[errno]}


def runs(command: str, /, **fields: Any) -> Fields:
    """Return the exec of a command line, whose words are parted by blanks."""
    path, _, args = command.partition(" ")
    name = path.rpartition("/")[2]
    where = path if "/" in path else f"/usr/bin/{path}"
    own = {"proc__name": name[:15], "proc__exe": path, "proc__exepath": where, "proc__args": args}
    return event("execve", **{**own, **fields})


def opens(path: str, how: str = "r", /, **fields: Any) -> Fields:
    """Return an `openat`: `r` reads, `w` writes, `t` writes and empties."""
    flags = {"r": "O_RDONLY", "w": "O_WRONLY|O_CREAT", "t": "O_WRONLY|O_CREAT|O_TRUNC"}[how]
    folder, _, name = path.rpartition("/")
    number = -1 if fields.get("evt__rawres", 0) < 0 else 3
    own = {
        "fd__name": path, "fd__nameraw": path, "fd__directory": folder or "/", "fd__filename": name,
        "fd__typechar": "f", "fd__num": number, "evt__rawres": number,
        "evt__is_open_read": how == "r", "evt__is_open_write": how != "r", "evt__arg__flags": flags,
    }  # fmt: skip
    return event("openat", **{**own, **fields})


def renames(source: str, target: str, /, **fields: Any) -> Fields:
    """Return a `rename`."""
    own = {"fs__path__source": source, "fs__path__target": target}
    return event("rename", **{**own, **fields})


def removes(path: str, /, **fields: Any) -> Fields:
    """Return an `unlinkat`."""
    return event("unlinkat", **{"fs__path__name": path, **fields})


def connects(peer: str, port: int, /, **fields: Any) -> Fields:
    """Return a TCP `connect` to an address."""
    kind = "ipv6" if ":" in peer else "ipv4"
    own = {
        "fd__name": f"10.88.0.7:41812->{peer}:{port}", "fd__type": kind, "fd__typechar": kind[-1],
        "fd__l4proto": "tcp", "fd__sip": peer, "fd__snet": peer, "fd__sport": port, "fd__rport": port,
    }  # fmt: skip
    return event("connect", **{**own, **fields})


def connects_to_socket(path: str, /, **fields: Any) -> Fields:
    """Return a `connect` to a Unix socket."""
    return event("connect", **{"fd__name": path, "fd__type": "unix", "fd__typechar": "u", **fields})


ENTRY: Mapping[str, Any] = {
    "proc__vpid": 9, "proc__pvpid": 1, "proc__pname": "start.sh", "proc__pexe": "/bin/sh",
}  # fmt: skip
"""A command that the container's entry script runs."""
EXECED: Mapping[str, Any] = {"proc__vpid": 44, "proc__pvpid": 0, "proc__pname": "runc", "proc__pexe": "runc"}
"""A program that came in from outside, as `kubectl exec` starts it."""
RUNTIME: Mapping[str, Any] = {
    "proc__name": "runc:[2:INIT]", "proc__pname": "containerd-shim", "proc__exepath": "/usr/sbin/runc",
    "proc__vpid": 1,
}  # fmt: skip
"""The runtime while it makes a container."""
BY_APT: Mapping[str, Any] = {"proc__name": "dpkg", "proc__pname": "apt-get", "proc__aname": ("apt-get", "sh")}
"""A package manager at work."""
