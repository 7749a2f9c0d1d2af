"""The table of processes: who runs what, and whose child it is.

Kept by the events of fork, exec, rename and exit, in their order; seeded from procfs, which is also asked
for a process that no event has told of.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from collector.events.event import Program, Record, as_text
from collector.events.layout import Kind, Tag

_MOST_ANCESTORS: Final = 64
"""Longer chains are cut: a loop can only come of a wrong record."""
_KEPT_DEAD: Final = 4096
"""Dead processes that are still known, for events that are on their way and for children."""
_TICK_NS: Final = 1_000_000_000 // os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class Process:
    """One process; texts hold one character for each byte of the kernel's."""

    pid: int
    ppid: int
    start: int
    """Nanoseconds between boot and its fork, suspend included."""
    comm: str
    args: tuple[str, ...] = ()
    """From argv[0] on."""
    env: tuple[str, ...] = ()
    exepath: str = ""
    cwd: str = ""
    vpid: int = 0
    sid: int = 0
    pgid: int = 0
    vpgid: int = 0
    program: Program | None = None
    truncated: bool = False
    """Whether its arguments are longer than what is known of them."""
    dead: bool = False

    @property
    def exe(self) -> str:
        """argv[0]; the name of a process without one."""
        return self.args[0] if self.args else self.comm

    @property
    def cmdline(self) -> str:
        """Its name and its arguments after argv[0], with blanks between."""
        return " ".join((self.comm, *self.args[1:]))

    @property
    def exeline(self) -> str:
        """Its arguments from argv[0] on."""
        return " ".join(self.args) if self.args else self.comm


class ProcessTable:
    """Processes by their ids on the host.

    Args:
        proc: Where procfs is mounted.
    """

    def __init__(self, proc: Path = Path("/proc")) -> None:
        self._proc = proc
        self._live: dict[int, Process] = {}
        self._dead: dict[int, Process] = {}

    def __len__(self) -> int:
        return len(self._live)

    def seed(self) -> None:
        """Read all processes that run now; those that events have told of already stay as they are."""
        for entry in self._proc.iterdir():
            if entry.name.isdigit() and (pid := int(entry.name)) not in self._live:
                found = read_process(pid, self._proc)
                if found:
                    self._live[pid] = found

    def apply(self, record: Record) -> Process:
        """Take up what a record tells, and return its process as it is after that.

        Of a fork that is the parent; of an exit, the process that has ended.
        """
        head = record.head
        process = self._live.get(head.pid)
        if process is None or abs(process.start - head.start) >= 2 * _TICK_NS:
            process = self._appear(record)
        process.ppid, process.vpid = head.ppid, head.vpid
        process.sid, process.pgid, process.vpgid = head.sid, head.pgid, head.vpgid
        kind = head.kind
        if kind == Kind.EXEC:
            self._exec(process, record)
        elif kind == Kind.FORK:
            self._fork(process, record)
        elif kind == Kind.EXIT:
            self._exit(process)
        elif kind == Kind.RENAME and head.arg0 == head.arg1:
            renamed = self._live.get(head.arg0)
            if renamed:
                renamed.comm = record.text(Tag.COMM) or renamed.comm
        elif Tag.CWD in record.sections:
            process.cwd = record.path(Tag.CWD) or process.cwd
        return process

    def sweep(self) -> None:
        """Drop processes that have ended without an event telling so; for when events were lost."""
        running = {int(entry.name) for entry in self._proc.iterdir() if entry.name.isdigit()}
        for pid in self._live.keys() - running:
            self._exit(self._live[pid])

    def get(self, pid: int) -> Process | None:
        """Return a process; one that nobody told of is read from procfs."""
        found = self._live.get(pid) or self._dead.get(pid)
        if found is None and pid > 0:
            found = read_process(pid, self._proc)
            if found:
                self._live[pid] = found
        return found

    def parent(self, process: Process) -> Process | None:
        """Return the parent; None for the first process of all, and where nobody knows it."""
        if process.ppid <= 0:
            return None
        found = self._live.get(process.ppid)
        if found is None and not process.dead:
            # Who outlives its parent gets another one, which the next of its own events would tell.
            now = _parent(process.pid, self._proc)
            if now:
                process.ppid = now
        return found or self.get(process.ppid)

    def ancestors(self, process: Process) -> Iterator[Process]:
        """Yield parent, grandparent and so on."""
        for _ in range(_MOST_ANCESTORS):
            found = self.parent(process)
            if found is None or found is process:
                return
            yield found
            process = found

    def ancestor(self, process: Process, generation: int) -> Process | None:
        """Return the process itself (0), its parent (1), and so on."""
        if generation == 0:
            return process
        for number, found in enumerate(self.ancestors(process), 1):
            if number == generation:
                return found
        return None

    def _appear(self, record: Record) -> Process:
        head = record.head
        found = read_process(head.pid, self._proc) if head.kind != Kind.EXEC else None
        comm = as_text(head.comm.partition(b"\0")[0])
        process = found or Process(head.pid, head.ppid, head.start, comm)
        process.start = head.start
        self._live[head.pid] = process
        return process

    def _exec(self, process: Process, record: Record) -> None:
        process.comm = as_text(record.head.comm.partition(b"\0")[0])
        process.args = record.texts(Tag.ARGS)
        process.env = record.texts(Tag.ENV)
        process.exepath = record.path(Tag.EXE) or ""
        process.cwd = record.path(Tag.CWD) or process.cwd
        process.program = record.program
        process.truncated = record.truncated

    def _fork(self, parent: Process, record: Record) -> None:
        head = record.head
        pid = head.arg0
        self._dead.pop(pid, None)
        self._live[pid] = replace(parent, pid=pid, ppid=head.arg4, start=head.arg2, vpid=head.arg3)

    def _exit(self, process: Process) -> None:
        self._live.pop(process.pid, None)
        process.dead = True
        self._dead[process.pid] = process
        if len(self._dead) > _KEPT_DEAD:
            del self._dead[next(iter(self._dead))]


def read_process(pid: int, proc: Path = Path("/proc")) -> Process | None:
    """Read a process from procfs; None where it is gone."""
    place = proc / str(pid)
    try:
        stat = (place / "stat").read_bytes()
        status = (place / "status").read_bytes()
    except OSError:
        return None
    # The second field is the name in brackets, which may itself hold brackets and blanks.
    opened, _, rest = stat.rpartition(b")")
    fields = rest.split()
    process = Process(
        pid=pid,
        ppid=int(fields[1]),
        pgid=int(fields[2]),
        sid=int(fields[3]),
        start=int(fields[19]) * _TICK_NS,
        comm=as_text(opened.partition(b"(")[2]),
        vpid=_last(status, b"NSpid:"),
        vpgid=_last(status, b"NSpgid:"),
    )
    process.args = _strings(place / "cmdline")
    process.exepath = _link(place / "exe").removesuffix(" (deleted)")
    process.cwd = _link(place / "cwd")
    return process


def _parent(pid: int, proc: Path) -> int:
    try:
        return int((proc / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()[1])
    except (OSError, IndexError):
        return 0


def _last(status: bytes, name: bytes) -> int:
    for line in status.splitlines():
        if line.startswith(name):
            return int(line.split()[-1])
    return 0


def _strings(path: Path) -> tuple[str, ...]:
    try:
        data = path.read_bytes()
    except OSError:
        return ()
    return tuple(as_text(each) for each in data.removesuffix(b"\0").split(b"\0")) if data else ()


def _link(path: Path) -> str:
    try:
        return as_text(os.fsencode(path.readlink()))
    except OSError:
        return ""
