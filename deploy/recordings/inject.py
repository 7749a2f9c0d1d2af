"""System calls made by somebody else's process, as if its code had been taken over.

A memory error that an intruder exploits ends in machine code that runs in the service's own thread. Here
`ptrace` stands in for the memory error (ptrace(2)): the thread is stopped, made to do the calls one by one,
and let go on. All that the sensor can see of it are the calls themselves. Linux on x86-64 only.
"""

import ctypes
import os
import re
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from recordings.errors import NoEffectError

_ATTACH, _DETACH, _SINGLESTEP, _GETREGS, _SETREGS, _SETOPTIONS, _GETEVENTMSG = (
    16, 17, 9, 12, 13, 0x4200, 0x4201,
)  # fmt: skip
_TRACE_FORK: Final = 2
_WALL: Final = 0x40000000
_SYSCALL: Final = b"\x0f\x05"
_REGISTERS: Final = [
    "r15",
    "r14",
    "r13",
    "r12",
    "rbp",
    "rbx",
    "r11",
    "r10",
    "r9",
    "r8",
    "rax",
    "rcx",
    "rdx",
    "rsi",
    "rdi",
    "orig_rax",
    "rip",
    "cs",
    "eflags",
    "rsp",
    "ss",
    "fs_base",
    "gs_base",
    "ds",
    "es",
    "fs",
    "gs",
]
_ARGUMENTS: Final = ("rdi", "rsi", "rdx", "r10", "r8", "r9")
_MMAP, _MUNMAP, _FORK, _EXECVE = 9, 11, 57, 59
_PAGE: Final = 65536
_MASK: Final = (1 << 64) - 1

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
_libc.ptrace.restype = ctypes.c_long


class _Registers(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in _REGISTERS]


class Hijacked:
    """A stopped thread that makes the calls it is told to, and its page of scratch memory."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._saved = _registers(pid)
        self._gadget = _find_syscall(pid)
        self._memory = os.open(f"/proc/{pid}/mem", os.O_RDWR)
        self._used = 0
        self._page = self.call(_MMAP, 0, _PAGE, 3, 0x22, -1 & _MASK, 0)

    def call(self, number: int, *arguments: int | bytes) -> int:
        """Make one call; bytes are put into its memory first. Return its result, or minus errno."""
        made = _registers(self._pid)
        made.rip, made.rax, made.orig_rax = self._gadget, number, _MASK
        for name in _ARGUMENTS:
            setattr(made, name, 0)
        for name, value in zip(_ARGUMENTS, arguments, strict=False):
            setattr(made, name, self.put(value) if isinstance(value, bytes) else value & _MASK)
        _ptrace(_SETREGS, self._pid, 0, ctypes.addressof(made))
        after = made
        # A stop that was due already comes before the step.
        while after.rip == self._gadget:
            _ptrace(_SINGLESTEP, self._pid)
            _wait(self._pid)
            after = _registers(self._pid)
        return int(ctypes.c_int64(after.rax).value)

    def put(self, data: bytes) -> int:
        """Write bytes into its memory; return their address."""
        if self._used + len(data) > _PAGE:
            self._used = 0
        address = self._page + self._used
        os.pwrite(self._memory, data, address)
        self._used += (len(data) + 15) // 16 * 16
        return address

    def get(self, address: int, size: int) -> bytes:
        """Read its memory."""
        return os.pread(self._memory, size, address)

    def fork_and_run(self, command: Sequence[str]) -> int:
        """Fork it, and let the child become a program; return the child's process id on this machine."""
        path = self.put(command[0].encode() + b"\0")
        words = b"".join(self.put(each.encode() + b"\0").to_bytes(8, "little") for each in command)
        arguments = self.put(words + bytes(8))
        environment = self.put(
            self.put(b"PATH=/usr/sbin:/usr/bin:/sbin:/bin\0").to_bytes(8, "little") + bytes(8)
        )
        _ptrace(_SETOPTIONS, self._pid, 0, _TRACE_FORK)
        self.call(_FORK)
        child = ctypes.c_ulong()
        _ptrace(_GETEVENTMSG, self._pid, 0, ctypes.addressof(child))
        # Stopped in the middle of the call: it must return before the next one.
        _ptrace(_SINGLESTEP, self._pid)
        _wait(self._pid)
        _ptrace(_SETOPTIONS, self._pid, 0, 0)
        _wait(child.value)
        made = _registers(child.value)
        made.rip, made.rax, made.orig_rax = self._gadget, _EXECVE, _MASK
        made.rdi, made.rsi, made.rdx = path, arguments, environment
        _ptrace(_SETREGS, child.value, 0, ctypes.addressof(made))
        _ptrace(_DETACH, child.value)
        return int(child.value)

    def release(self) -> None:
        """Let it go on where it was."""
        self.call(_MUNMAP, self._page, _PAGE)
        _ptrace(_SETREGS, self._pid, 0, ctypes.addressof(self._saved))
        os.close(self._memory)


@contextmanager
def hijacked(pid: int) -> Iterator[Hijacked]:
    """Take over a process's main thread for as long as the block lasts.

    Raises:
        NoEffectError: It cannot be taken over.
    """
    _ptrace(_ATTACH, pid)
    try:
        _wait(pid)
        thread = Hijacked(pid)
        try:
            yield thread
        finally:
            thread.release()
    finally:
        with suppress(NoEffectError):
            _ptrace(_DETACH, pid)


def _registers(pid: int) -> _Registers:
    registers = _Registers()
    _ptrace(_GETREGS, pid, 0, ctypes.addressof(registers))
    return registers


def _find_syscall(pid: int) -> int:
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            if match := re.match(r"([0-9a-f]+)-([0-9a-f]+) r-xp .*(libc|ld-linux|\[vdso\])", line):
                start, end = int(match[1], 16), int(match[2], 16)
                memory.seek(start)
                place = memory.read(end - start).find(_SYSCALL)
                if place >= 0:
                    return start + place
    msg = f"No system call instruction was found in process {pid}."
    raise NoEffectError(msg)


def _wait(pid: int) -> None:
    while True:
        _, status = os.waitpid(pid, _WALL)
        if not os.WIFSTOPPED(status):
            msg = f"Process {pid} ended instead of stopping."
            raise NoEffectError(msg)
        if os.WSTOPSIG(status) in {signal.SIGTRAP, signal.SIGSTOP}:
            return
        _ptrace(_SINGLESTEP, pid)


def _ptrace(request: int, pid: int, address: int = 0, data: int = 0) -> None:
    if _libc.ptrace(request, pid, address, data) < 0:
        error = os.strerror(ctypes.get_errno())
        msg = f"Process {pid} cannot be taken over: {error}."
        raise NoEffectError(msg)
