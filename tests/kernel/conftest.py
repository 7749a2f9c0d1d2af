"""Cgroups that look like containers, and a program whose every call is known."""

import ctypes
import fcntl
import os
import shutil
import signal
import struct
import subprocess
import termios
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from collector.probe import CgroupCounts, Probe
from collector.sensor import KernelSensor, SensorSettings, open_sensor
from wire.ngram import INJECTED, pack
from wire.profile import LossCause

SEQUENCE = (
    39,
    110,
    102,
    104,
    107,
    108,
    111,
    186,
    39,
    39,
    110,
    24,
    102,
    102,
    102,
    104,
    186,
    107,
    24,
    108,
    110,
    39,
)
"""Numbers of the calls that `workload.c` makes in one round."""
READ, RT_SIGACTION, RT_SIGRETURN, CLONE, EXECVE, EXIT, KILL, WAIT4 = 0, 13, 15, 56, 59, 60, 62, 61
GETPID, GETUID, GETPPID, EXIT_GROUP, UNSHARE, SECCOMP = 39, 102, 110, 231, 272, 317
_CLONE_NEWNS = 0x00020000
_libc = ctypes.CDLL(None, use_errno=True)


def ngrams_of(numbers: Iterable[int], *, injected: bool = False, first_token: int = 1) -> Counter[int]:
    """Return the n-grams of one thread that makes these native calls in this order."""
    history: list[int] = []
    counts: Counter[int] = Counter()
    for number in numbers:
        history = [*history, number + first_token][-6:]
        counts[pack(history)] += 1
    return Counter({ngram | injected * INJECTED: count for ngram, count in counts.items()})


class Totals:
    """Sums of drains, per cgroup."""

    def __init__(self) -> None:
        self.counts: dict[int, Counter[int]] = {}
        self.lost: dict[int, Counter[LossCause]] = {}
        self.over_quota: set[int] = set()
        self.drains = 0

    def add(self, drained: list[CgroupCounts]) -> None:
        """Add one drain."""
        self.drains += 1
        for each in drained:
            ngrams = dict(zip(each.ngrams.tolist(), each.counts.tolist(), strict=True))
            self.counts.setdefault(each.cgroup_id, Counter()).update(ngrams)
            self.lost.setdefault(each.cgroup_id, Counter()).update(each.lost)
            if each.over_quota:
                self.over_quota.add(each.cgroup_id)


@contextmanager
def draining(probe: Probe) -> Iterator[Totals]:
    """Drain without a pause in another thread, and once more at the end."""
    totals, stop = Totals(), threading.Event()

    def drain() -> None:
        while not stop.is_set():
            totals.add(probe.drain())

    thread = threading.Thread(target=drain)
    thread.start()
    try:
        yield totals
    finally:
        stop.set()
        thread.join()
        totals.add(probe.drain())


class Box:
    """A cgroup whose processes can be started as a container's are: in a mount namespace of their own."""

    def __init__(self, directory: Path, workload: Path) -> None:
        self.directory = directory
        self.workload = workload
        directory.mkdir()
        self.id = directory.stat().st_ino
        self._started: list[subprocess.Popen[bytes]] = []

    def start(
        self, *arguments: object, private: bool = True, cpu: int | None = None
    ) -> subprocess.Popen[bytes]:
        """Start the workload inside; its first own call is the return of its exec."""
        procs = str(self.directory / "cgroup.procs")

        def enter() -> None:
            Path(procs).write_text("0")
            if cpu is not None:
                os.sched_setaffinity(0, {cpu})
            if private and _libc.unshare(_CLONE_NEWNS):
                raise OSError(ctypes.get_errno(), "unshare")

        command = [str(self.workload), *map(str, arguments)]
        # What `enter` does between fork and exec is the part of a runtime's init.
        process = subprocess.Popen(command, stdin=subprocess.PIPE, preexec_fn=enter)  # noqa: PLW1509 - no thread holds a lock
        self._started.append(process)
        return process

    def run(self, *arguments: object, private: bool = True, cpu: int | None = None) -> int:
        """Start the workload and wait for its end; return its status."""
        return self.start(*arguments, private=private, cpu=cpu).wait(60)

    def feed(self, process: subprocess.Popen[bytes], count: int = 1) -> None:
        """Give a process bytes to read, and wait until they are taken."""
        assert process.stdin
        process.stdin.write(b"." * count)
        process.stdin.flush()
        while struct.unpack("i", fcntl.ioctl(process.stdin, termios.FIONREAD, bytes(4)))[0]:
            time.sleep(0.001)

    def wait_until_reading(self, process: subprocess.Popen[bytes], threads: int = 1) -> None:
        """Wait until exactly so many threads are left, all of them waiting in read."""
        calls: list[str] = []
        for _ in range(10_000):
            tasks = list(Path(f"/proc/{process.pid}/task").iterdir())
            with suppress(OSError):
                calls = [(task / "syscall").read_text().split()[0] for task in tasks]
                # -1 is the first thread that has left before the others.
                if [call for call in calls if call != "-1"] == ["0"] * threads:
                    return
            time.sleep(0.001)
        pytest.fail(f"The known program has not come to wait in read: {calls}.")

    def close(self) -> None:
        """Kill what still runs and remove the cgroup."""
        for process in self._started:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                process.wait(10)
            if process.stdin:
                process.stdin.close()
        self.directory.rmdir()


def cgroup2_mount() -> Path:
    """Return where cgroup2 is mounted."""
    mounts = (line.split() for line in Path("/proc/self/mounts").read_text().splitlines())
    return next(Path(fields[1]) for fields in mounts if fields[2] == "cgroup2")


@pytest.fixture(scope="session")
def workload(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The known program, compiled for this machine."""
    if not shutil.which("gcc"):
        pytest.skip("needs gcc to build the known program")
    program = tmp_path_factory.mktemp("kernel") / "workload"
    flags = [
        "-Wall",
        "-Wextra",
        "-Werror",
        "-O1",
        "-static",
        "-nostdlib",
        "-ffreestanding",
        "-fno-stack-protector",
    ]
    subprocess.run(["gcc", *flags, "-o", program, Path(__file__).parent / "workload.c"], check=True)
    return program


@pytest.fixture
def boxes(workload: Path) -> Iterator["BoxMaker"]:
    """Makes as many boxes as a test wants, and removes them."""
    maker = BoxMaker(workload)
    yield maker
    maker.close()


class BoxMaker:
    """Call it for a new box."""

    def __init__(self, workload: Path) -> None:
        self._workload = workload
        self._made: list[Box] = []

    def __call__(self) -> Box:
        box = Box(cgroup2_mount() / f"nonself-test-{uuid.uuid4().hex[:12]}", self._workload)
        self._made.append(box)
        return box

    def close(self) -> None:
        for box in self._made:
            box.close()


@pytest.fixture
def box(boxes: BoxMaker) -> Box:
    """One container-like cgroup."""
    return boxes()


@pytest.fixture
def sensor() -> Iterator[KernelSensor]:
    """A sensor with the settings it has by default."""
    with open_sensor(SensorSettings()) as opened:
        yield opened
