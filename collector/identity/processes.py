"""What /proc says of the processes that make a container: command line, working directory, parents."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from collector.identity.files import read_bytes, read_start

_MAX_LINEAGE: Final = 8
_MAX_PROC_BYTES: Final = 64 << 10


@dataclass(frozen=True, slots=True)
class Process:
    """One process at one instant; empty where it was gone already."""

    pid: int
    args: Sequence[str]
    cwd: str
    cgroup: str
    parent: int


def lineage(pid: int, proc: str, met: dict[int, Process]) -> Iterator[Process]:
    """Yield a process and its ancestors, nearest first; it ends at init, at a gap, or after eight.

    Args:
        pid: The process.
        proc: Where procfs is mounted.
        met: Processes read before within the same scan; those read now are added.
    """
    for _ in range(_MAX_LINEAGE):
        if pid <= 1:
            return
        if pid not in met:
            met[pid] = _process(pid, proc)
        yield met[pid]
        pid = met[pid].parent


def members(cgroup_directory: str) -> list[int]:
    """Return processes in one cgroup, without those in cgroups below it: all of them, or some 8,000."""
    content = read_start(f"{cgroup_directory}/cgroup.procs", _MAX_PROC_BYTES) or b""
    # Where the list goes on, the last number may be the beginning of a longer one.
    whole = content[: content.rfind(b"\n") + 1]
    return [int(line) for line in whole.split() if line.isdigit()]


def cgroup_of(pid: int, proc: str = "/proc") -> str:
    """Return the cgroup2 path of a process, or an empty text."""
    content = read_bytes(f"{proc}/{pid}/cgroup", _MAX_PROC_BYTES) or b""
    for line in content.decode(errors="replace").splitlines():
        if line.startswith("0::"):
            return line[3:]
    return ""


def _process(pid: int, proc: str) -> Process:
    arguments = read_bytes(f"{proc}/{pid}/cmdline", _MAX_PROC_BYTES) or b""
    try:
        cwd = str(Path(proc, str(pid), "cwd").readlink())
    except OSError:
        cwd = ""
    args = tuple(each.decode(errors="replace") for each in arguments.rstrip(b"\0").split(b"\0"))
    return Process(pid, args, cwd, cgroup_of(pid, proc), _parent(pid, proc))


def _parent(pid: int, proc: str) -> int:
    content = read_bytes(f"{proc}/{pid}/stat", _MAX_PROC_BYTES) or b""
    # The second field is the process's name in brackets, which may itself hold brackets and spaces.
    fields = content.rpartition(b")")[2].split()
    return int(fields[1]) if len(fields) > 1 and fields[1].isdigit() else 0
