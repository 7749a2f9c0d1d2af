"""What is compared: each contender can be attached to the running workloads and taken off again."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from bench import bpf

_READY_S = 20.0


class Contender:
    """One thing to attach; this base attaches nothing and so is the control."""

    rare = False
    """True where attaching takes so long that only a few rounds are affordable."""

    def __init__(self, name: str, label: str) -> None:
        self.name, self.label = name, label
        self.pids: list[int] = []

    def follow(self, pids: list[int]) -> None:
        """Say which processes matter, for a contender that can only follow processes."""
        self.pids = pids

    def attach(self) -> None:
        """Attach to the whole system, or to the processes to follow."""

    def detach(self) -> None:
        """Take everything off the hook."""

    def links(self) -> list[int]:
        """Return the descriptors of the links that are ours just now."""
        return []

    def consumer_ns(self) -> int:
        """Return the CPU time that a reader of this contender's events has used so far."""
        return 0

    def close(self) -> None:
        """Free everything."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Program(Contender):
    """One of `programs.c` on the sensor's own hook."""

    def __init__(self, name: str, label: str, program: int) -> None:
        super().__init__(name, label)
        self._program, self._link = program, -1

    def attach(self) -> None:
        self._link = bpf.attach(self._program)

    def detach(self) -> None:
        os.close(self._link)
        self._link = -1

    def links(self) -> list[int]:
        return [self._link] if self._link >= 0 else []


class Ring(Program):
    """Every call as an event, with a reader on CPU 1 that does nothing but count them."""

    def __init__(self, name: str, label: str, programs: bpf.Programs, work: Path) -> None:
        super().__init__(name, label, programs.programs["ring"])
        counted = os.memfd_create("bench-events", 0)
        os.ftruncate(counted, 4096)
        command = ["taskset", "-c", "1", str(work), "consume", str(counted), str(programs.ring_fd)]
        self._reader = subprocess.Popen(
            command,
            pass_fds=[counted, programs.ring_fd],
            env={**os.environ, "RING_BYTES": str(bpf.RING_BYTES)},
        )
        os.close(counted)

    def consumer_ns(self) -> int:
        return int(Path(f"/proc/{self._reader.pid}/schedstat").read_text().split()[0])

    def close(self) -> None:
        self._reader.kill()
        self._reader.wait()


class Tool(Contender):
    """A program of its own that is started to attach and interrupted to detach."""

    rare = True

    def __init__(self, name: str, label: str, command: Callable[[list[int]], list[str]]) -> None:
        super().__init__(name, label)
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    def attach(self) -> None:
        self._process = subprocess.Popen(
            ["taskset", "-c", "1", *self._command(self.pids)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        deadline = time.monotonic() + _READY_S
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                said = self._process.stdout.read().decode() if self._process.poll() is not None else "nothing"
                self.detach()
                msg = f"{self.label} was not ready within {_READY_S:.0f} s; it said: {said.strip()[-300:]}"
                raise RuntimeError(msg)

    def detach(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=_READY_S)
        process.kill()
        process.communicate()

    def close(self) -> None:
        self.detach()

    def _is_ready(self) -> bool:
        raise NotImplementedError


class Strace(Tool):
    """`strace -f -c` on the processes of the workload."""

    def __init__(self) -> None:
        super().__init__(
            "strace", "strace -f -c", lambda pids: ["strace", "-f", "-c", *(f"-p{pid}" for pid in pids)]
        )

    def _is_ready(self) -> bool:
        time.sleep(0.01)
        return all("TracerPid:\t0\n" not in Path(f"/proc/{pid}/status").read_text() for pid in self.pids)


class Bpftrace(Tool):
    """bpftrace that counts calls by cgroup, with tracefs mounted for it alone."""

    SCRIPT = (
        'tracepoint:raw_syscalls:sys_exit { @[cgroup] = count(); } interval:ms:200 { printf("ready\\n"); }'
    )

    def __init__(self) -> None:
        mount = 'mount -t tracefs nodev /sys/kernel/tracing; exec bpftrace -e "$0"'
        super().__init__(
            "bpftrace",
            "bpftrace @[cgroup]",
            lambda _: ["unshare", "-m", "--propagation", "private", "sh", "-c", mount, self.SCRIPT],
        )

    def _is_ready(self) -> bool:
        assert self._process is not None
        os.set_blocking(self._process.stdout.fileno(), False)
        time.sleep(0.05)
        return b"ready" in (self._process.stdout.read() or b"")


def tools(say: Callable[[str], None]) -> list[Tool]:
    """Return the tools that are installed; say which are not."""
    found = []
    for name, make in (("bpftrace", Bpftrace), ("strace", Strace)):
        if shutil.which(name):
            found.append(make())
        else:
            say(f"{name} is left out: it is not installed (apt-get install {name})")
    return found
