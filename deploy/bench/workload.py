"""Runs `work.c`: crowds of processes, in containers' cgroups or on the host, that work slice by slice."""

import contextlib
import ctypes
import mmap
import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

HERE = Path(__file__).parent
WORKLOADS = ("getppid", "read", "mix", "patterns", "random")
_CONTROL_WORDS, _SLOT_WORDS = 16, 8
_EPOCH, _STOP, _WORKLOAD, _YIELDS, _READY, _DONE = range(6)
_SYS_FUTEX, _FUTEX_WAKE = 202, 1
_LIBC = ctypes.CDLL(None, use_errno=True)
_START_S = 60.0


@dataclass(frozen=True, slots=True)
class Slice:
    """What a crowd did in one slice."""

    calls: int
    cpu_ns: int
    fewest: int
    """Calls of the worker that made the fewest."""

    @property
    def ns_per_call(self) -> float:
        return self.cpu_ns / max(self.calls, 1)


class Crowd:
    """Worker processes on one CPU, stopped between slices; closing it ends them and removes their cgroups.

    Args:
        program: The compiled `work.c`.
        cgroups: A folder to make on the cgroup2 mount, one cgroup for each; None leaves them on the host.

    Raises:
        RuntimeError: The workers did not start.
    """

    def __init__(self, program: Path, count: int, *, cpu: int, cgroups: Path | None, seed: int = 1) -> None:
        self.count, self.cgroups = count, cgroups
        words = _CONTROL_WORDS * 4 + count * _SLOT_WORDS * 8
        self._fd = os.memfd_create("bench-control", 0)
        os.ftruncate(self._fd, words)
        self._memory = mmap.mmap(self._fd, words)
        self._control = np.frombuffer(self._memory, np.uint32, _CONTROL_WORDS)
        self._slots = np.frombuffer(self._memory, np.uint64, offset=_CONTROL_WORDS * 4).reshape(
            count, _SLOT_WORDS
        )
        if cgroups is not None:
            remove_cgroups(cgroups)
            for index in range(count):
                (cgroups / str(index)).mkdir(parents=True)
        arguments = [program, "crowd", self._fd, count, cpu, seed, cgroups or "-"]
        self._process = subprocess.Popen([str(each) for each in arguments], pass_fds=[self._fd])
        self._wait(_READY, count, "start", _START_S)
        time.sleep(0.05)

    def slice(self, workload: str, seconds: float, *, yields: bool = False) -> Slice:
        """Let all workers run at once for a while and return what they did."""
        self.begin(workload, yields=yields)
        time.sleep(seconds)
        return self.end()

    def begin(self, workload: str, *, yields: bool = False) -> None:
        """Start a slice without waiting."""
        self._control[[_WORKLOAD, _YIELDS, _STOP, _DONE]] = WORKLOADS.index(workload), int(yields), 0, 0
        self._control[_EPOCH] += 1
        address = self._control.ctypes.data + _EPOCH * 4
        _LIBC.syscall(_SYS_FUTEX, ctypes.c_void_p(address), _FUTEX_WAKE, 1 << 30, None, None, 0)

    def end(self) -> Slice:
        """Stop the slice that was begun."""
        self._control[_STOP] = 1
        self._wait(_DONE, self.count, "end their slice", _START_S)
        calls, cpu_ns = self._slots[:, 0], self._slots[:, 1]
        return Slice(int(calls.sum()), int(cpu_ns.sum()), int(calls.min()))

    def issued(self) -> np.ndarray:
        """Return how many system calls each worker has made since its exec, to be read between slices."""
        return self._slots[:, 2].copy()

    def pids(self) -> list[int]:
        """Return the workers' process ids."""
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text()
        return [int(pid) for pid in children.split()]

    def cgroup_ids(self) -> list[int]:
        """Return the cgroup id of each worker."""
        return [(self.cgroups / str(index)).stat().st_ino for index in range(self.count)]

    def close(self) -> None:
        """End the workers; the kernel sends each its signal when the parent has gone."""
        self._process.kill()
        self._process.wait()
        if self.cgroups is not None:
            remove_cgroups(self.cgroups)
        # numpy holds the mapping for as long as its arrays live.
        self._control = self._slots = np.zeros(0)
        with contextlib.suppress(BufferError):
            self._memory.close()
        os.close(self._fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _wait(self, word: int, value: int, doing: str, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self._control[word] != value:
            if time.monotonic() > deadline or self._process.poll() is not None:
                missing = value - self._control[word]
                msg = f"{missing} of {value} workers did not {doing} within {seconds:.0f} s."
                raise RuntimeError(msg)
            time.sleep(0.0005)


def build(folder: Path) -> Path:
    """Compile `work.c` into a folder, statically, so that a container needs nothing else.

    Raises:
        RuntimeError: There is no C compiler.
    """
    compiler = shutil.which("gcc")
    if compiler is None:
        msg = "The workloads are written in C and compiled at run time: apt-get install gcc libc6-dev."
        raise RuntimeError(msg)
    program = folder / "work"
    command = [compiler, "-O2", "-static", "-o", str(program), str(HERE / "work.c")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        msg = f"gcc could not compile the workloads: {done.stderr.strip()}"
        raise RuntimeError(msg)
    return program


def remove_cgroups(top: Path) -> None:
    """Remove a folder of cgroups whose processes are gone or about to go."""
    for _ in range(200):
        for folder in sorted(top.rglob("*/"), reverse=True) if top.exists() else []:
            with contextlib.suppress(OSError):
                folder.rmdir()
        with contextlib.suppress(OSError):
            top.rmdir()
        if not top.exists():
            return
        time.sleep(0.02)
    msg = f"Processes are still in {top}; its cgroups could not be removed."
    raise RuntimeError(msg)


def cgroup2_mount() -> Path:
    """Return where cgroup v2 is mounted.

    Raises:
        RuntimeError: It is not.
    """
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, place, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(place)
    msg = "No cgroup2 file system is mounted; the sensor needs one."
    raise RuntimeError(msg)
