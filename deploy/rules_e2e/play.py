"""A test as lines for the actor: process chain, resources and steps, with every name made a number."""

import ipaddress
import os
import re
import shlex
import signal
import socket
import struct
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_BINDING = re.compile(r"^\$\{\s*(.+?)\s*\}$")
_WORDS = re.compile(r""""([^"]+)"|'([^']+)'|(\S+)""")
_AT_FDCWD = -100
_ALL_CAPS = (1 << 64) - 1
_FAMILIES = {"tcp4": (2, 1), "tcp6": (10, 1), "udp4": (2, 2), "udp6": (10, 2), "unix": (1, 1)}
_NUMBERS = {
    "read": 0, "write": 1, "open": 2, "dup": 32, "dup2": 33, "socket": 41, "connect": 42, "sendto": 44,
    "kill": 62, "link": 86, "symlink": 88, "init_module": 175, "openat": 257, "linkat": 265, "symlinkat": 266,
    "dup3": 292,
    "finit_module": 313, "openat2": 437, "ptrace": 101,
}  # fmt: skip
_SHAPES = {
    "read": "fd:fd buffer:space len:int=64",
    "write": "fd:fd buffer:text len:length",
    "open": "pathname:text flags:flags mode:int",
    "openat": "dirfd:directory pathname:text flags:flags mode:int",
    "openat2": "dirfd:directory pathname:text how:how -:how_bytes",
    "dup": "oldfd:fd",
    "dup2": "oldfd:fd newfd:fd",
    "dup3": "oldfd:fd newfd:fd flags:flags",
    "socket": "domain:flags type:flags protocol:flags",
    "connect": "fd:fd address:address -:address_bytes",
    "sendto": "fd:fd buf:text len:length flags:flags address:address -:address_bytes",
    "kill": "pid:fd sig:flags",
    "link": "oldpath:text newpath:text",
    "linkat": "olddirfd:directory oldpath:text newdirfd:directory newpath:text flags:flags",
    "symlink": "target:text linkpath:text",
    "symlinkat": "target:text newdirfd:directory linkpath:text",
    "init_module": "moduleimage:text -:length paramvalues:text",
    "finit_module": "fd:fd paramvalues:text flags:flags",
    "ptrace": "request:flags pid:fd addr:int data:int",
}
_OF_SOCKETS = ("AF_", "SOCK_", "IPPROTO_", "MSG_")
_CONSTANTS: dict[str, int] = {
    **{name: value for name, value in vars(os).items() if name.startswith("O_")},
    **{name: int(value) for name, value in vars(socket).items() if name.startswith(_OF_SOCKETS)},
    **{each.name: each.value for each in signal.Signals},
    "O_LARGEFILE": 0o100000, "O_TMPFILE": 0o20200000,
    "AT_SYMLINK_FOLLOW": 0x400, "AT_EMPTY_PATH": 0x1000, "AT_FDCWD": _AT_FDCWD,
    "MODULE_INIT_IGNORE_MODVERSIONS": 1, "MODULE_INIT_IGNORE_VERMAGIC": 2, "MODULE_INIT_COMPRESSED_FILE": 4,
    "S_ISUID": 0o4000, "S_ISGID": 0o2000, "S_ISVTX": 0o1000, "S_IRUSR": 0o400, "S_IWUSR": 0o200,
    "S_IXUSR": 0o100, "S_IRGRP": 0o40, "S_IWGRP": 0o20, "S_IXGRP": 0o10, "S_IROTH": 4,
    "S_IWOTH": 2, "S_IXOTH": 1,
    "PTRACE_TRACEME": 0, "PTRACE_ATTACH": 16, "PTRACE_SEIZE": 0x4206,
    "RESOLVE_BENEATH": 8, "RESOLVE_IN_ROOT": 16, "RESOLVE_NO_MAGICLINKS": 2, "RESOLVE_NO_SYMLINKS": 4,
    "RESOLVE_NO_XDEV": 1, "RESOLVE_CACHED": 32,
}  # fmt: skip
_FDS = {"event": "event", "eventfd": "event", "epoll": "epoll", "eventpoll": "epoll", "inotify": "inotify",
        "pipe": "pipe", "signal": "signalfd", "signalfd": "signalfd", "memfd": "memfd",
        "mem": "memfd"}  # fmt: skip


class SuiteError(Exception):
    """A test is not in the form that this runner executes."""


@dataclass
class Play:
    """What the actor is told, and what must not be used by two tests at a time."""

    marker: str
    lines: list[str] = field(default_factory=list)
    exclusive: set[str] = field(default_factory=set)
    addresses: set[str] = field(default_factory=set)

    @property
    def text(self) -> str:
        """The actor's instructions."""
        return "\n".join(self.lines)

    def add(self, *fields: object) -> None:
        """Add one instruction."""
        self.lines.append("\x1f".join(str(each) for each in fields))


def make_play(test: Mapping[str, Any], user_of: Callable[[str], tuple[int, int]]) -> Play:
    """Translate one test.

    Args:
        test: As the suite has it.
        user_of: Returns uid and gid of a user's name where the test runs.

    Raises:
        SuiteError: Something of it is not known here.
    """
    play = Play(marker=f"E2E_TEST={uuid.uuid4()}")
    chain = list((test.get("context") or {}).get("processes") or []) or [{}]
    for number, process in enumerate(chain):
        _add_process(play, process, user_of, is_leaf=number == len(chain) - 1)
    # The instruction list ends with the last test step, and scripts are one line to the actor.
    if test.get("before"):
        play.add("script", _one_line(test["before"]))
    if test.get("after"):
        play.add("after", _one_line(test["after"]))
    for resource in test.get("resources") or []:
        _add_resource(play, resource)
    for step in test.get("steps") or []:
        _add_step(play, step)
    return play


def _one_line(script: str) -> str:
    # The actor's instructions are lines; a shell takes a script in quotes of its own.
    return script if "\n" not in script else "eval " + shlex.quote(script).replace("\n", "'$'\\n''")


def _add_process(
    play: Play, process: Mapping[str, Any], user_of: Callable[[str], tuple[int, int]], *, is_leaf: bool
) -> None:
    name = process.get("name") or ""
    exe_path = process.get("exePath")
    if exe_path:
        play.exclusive |= {exe_path, str(Path(exe_path).parent / name)}
    else:
        exe_path = f"/tmp/event-generator{uuid.uuid4().hex[:10]}/event-generator"
    arg0 = process.get("exe") or name or Path(exe_path).name
    uid, gid = user_of(process["user"]) if process.get("user") else (-1, -1)
    env = [f"{key}={value}" for key, value in (process.get("env") or {}).items()]
    if is_leaf:
        env.append(play.marker)
    caps = capabilities(process.get("capabilities") or "all=iep")
    play.add(
        "process",
        exe_path,
        name,
        arg0,
        uid,
        gid,
        f"{caps:x}",
        int(bool(process.get("tty"))),
        "\x1e".join(env),
        *split_arguments(process.get("args") or ""),
    )


def split_arguments(text: str) -> list[str]:
    """Split at blanks, keeping together what stands in quotes."""
    return [next(filter(None, groups)) for groups in _WORDS.findall(text)]


_CAPABILITIES = [
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
]


def capabilities(text: str) -> int:
    """Return the effective capabilities of a text in the form of cap_from_text(3)."""
    found = 0
    for clause in text.split():
        names, operator, flags = re.match(r"^([^=+-]*)([=+-])(.*)$", clause).groups()  # type: ignore[union-attr]
        bits = 0
        for name in (names or "all").split(","):
            bits |= _ALL_CAPS if name == "all" else 1 << _CAPABILITIES.index(name.removeprefix("cap_"))
        if operator == "=":
            found &= ~bits
        if "e" in flags:
            found = found & ~bits if operator == "-" else found | bits
    return found & _ALL_CAPS


def _add_resource(play: Play, resource: Mapping[str, Any]) -> None:
    name, kind = resource["name"], resource["type"]
    if kind == "clientServer":
        family, type_ = _FAMILIES[resource["l4Proto"]]
        if resource["l4Proto"] == "unix":
            play.add("clientserver", name, family, type_, f"/tmp/clientserver{uuid.uuid4().hex[:6]}.sock", 0)
            return
        host, _, port = resource["address"].rpartition(":")
        host = host.strip("[]").partition("%")[0]
        play.addresses.add(host)
        play.exclusive.add(f"{resource['l4Proto']} {resource['address']}")
        play.add("clientserver", name, family, type_, host, port)
    elif kind == "process":
        path = resource.get("exePath") or f"/tmp/event-generator{uuid.uuid4().hex[:10]}/event-generator"
        shown = resource.get("procName") or ""
        arg0 = resource.get("exe") or shown or Path(path).name
        play.exclusive.add(path)
        play.add("resource_process", name, path, shown, arg0, *split_arguments(resource.get("args") or ""))
    elif kind == "fd":
        subtype = resource["subtype"]
        if subtype in {"file", "directory"}:
            path = resource["filePath" if subtype == "file" else "dirPath"]
            play.exclusive.add(path)
            play.add(subtype, name, path)
        elif subtype == "memfd":
            play.add("memfd", name, resource.get("fileName") or name)
        elif subtype in _FDS:
            play.add(_FDS[subtype], name)
        else:
            msg = f"resource {name}: no descriptor of subtype {subtype!r} is known"
            raise SuiteError(msg)
    else:
        msg = f"resource {name}: no resource of type {kind!r} is known"
        raise SuiteError(msg)


def _add_step(play: Play, step: Mapping[str, Any]) -> None:
    name, call = step["name"], step.get("syscall")
    if step.get("type") != "syscall" or call not in _NUMBERS:
        msg = f"step {name}: no call {call!r} is known"
        raise SuiteError(msg)
    given = {key.lower().replace("_", ""): value for key, value in (step.get("args") or {}).items()}
    words = [
        _argument(label, kind, given)
        for label, _, kind in (word.partition(":") for word in _SHAPES[call].split())
    ]
    for label in ("newpath", "linkpath", "pathname"):
        if isinstance(given.get(label), str) and call not in {"open", "openat", "openat2"}:
            play.exclusive.add(given[label])
        elif (
            label in given
            and "O_" in str(given.get("flags") or given.get("how"))
            and "O_RDONLY" not in str(given)
        ):
            play.exclusive.add(str(given[label]))
    play.add("call", name, _NUMBERS[call], *words)


def _argument(label: str, kind: str, given: Mapping[str, Any]) -> str:
    kind, _, default = kind.partition("=")
    value = given.get(label)
    bound = _BINDING.match(value) if isinstance(value, str) else None
    if bound:
        return "$" + bound[1]
    special = _SPECIAL.get(kind)
    if special:
        return special(value, given)
    return str(number(value if value is not None else default or 0))


def _length(value: object, given: Mapping[str, Any]) -> str:
    text = next((str(given[key]) for key in ("buffer", "buf", "moduleimage") if key in given), "")
    return str(len(text) if value is None else number(value))


def _how(value: Any, _: Mapping[str, Any]) -> str:
    return "%how:" + ":".join(
        str(number((value or {}).get(part) or 0)) for part in ("flags", "mode", "resolve")
    )


def _address_bytes(_: object, given: Mapping[str, Any]) -> str:
    return str(len(_address(str(given["address"])))) if given.get("address") else "0"


_SPECIAL: Mapping[str, Callable[[Any, Mapping[str, Any]], str]] = {
    "directory": lambda value, _: str(_AT_FDCWD if value is None else number(value)),
    "text": lambda value, _: '"' + str(value or ""),
    "space": lambda _value, _: "*4096",
    "length": _length,
    "how": _how,
    "how_bytes": lambda _value, _: "24",
    "address": lambda value, _: "@" + _address(str(value)).hex() if value else "0",
    "address_bytes": _address_bytes,
}


def number(value: object) -> int:
    """Return a number, or constants joined by `|`."""
    if isinstance(value, int):
        return value
    text = str(value)
    try:
        return int(text, 0)
    except ValueError:
        pass
    found = 0
    for word in text.split("|"):
        if word.strip() not in _CONSTANTS:
            msg = f"no constant is called {word!r}"
            raise SuiteError(msg)
        found |= _CONSTANTS[word.strip()]
    return found


def _address(text: str) -> bytes:
    if text.startswith("unix://"):
        return struct.pack("=H", 1) + text.removeprefix("unix://").encode() + b"\0"
    host, _, port = text.rpartition(":")
    ip = ipaddress.ip_address(host.strip("[]").partition("%")[0])
    if ip.version == 4:
        return struct.pack("=H", 2) + struct.pack(">H", int(port)) + ip.packed + bytes(8)
    return struct.pack("=H", 10) + struct.pack(">HI", int(port), 0) + ip.packed + bytes(4)
