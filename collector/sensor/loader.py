"""Starts the compiling process and receives the sensor's maps and programs from it."""

import json
import os
import secrets
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from collector.errors import RequirementError, SensorError
from collector.sensor import compiler, layout
from collector.sensor.bpf import Map
from collector.sensor.settings import SensorSettings
from collector.sensor.source import COUNTING, Source

EVENT_PAGES: Final = 128
"""Of the ring buffer: room for about 980 cgroup events that nobody has read yet."""
PLACE_BITS: Final = 14
"""Threads share 2 to this power places of 64 bytes for their states; whose is taken uses task storage."""
_PAGE_BYTES: Final = 4096
_COMPILE_TIMEOUT_S: Final = 60
_SAID_BYTES: Final = 2000


@dataclass(frozen=True, slots=True)
class Cpus:
    """The CPUs that this kernel may ever use; their numbers may have holes."""

    bound: int
    """One more than the highest number: for what is indexed by the number of a CPU."""
    count: int
    """How many there are: for the values of a per-CPU map, which the kernel hands out without holes."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """Descriptors of a loaded sensor that is not attached yet."""

    cpus: Cpus
    lines: int
    """Of the table, per CPU and epoch."""
    table: Map
    control: Map
    containers: Map
    losses: Map
    events: Map
    stats: Map
    programs: tuple[int, ...]
    """In the order in which they are to be attached."""


def load(settings: SensorSettings) -> Loaded:
    """Compile and load; takes about a second.

    Raises:
        RequirementError: This machine lacks something; the message holds the cure.
        SensorError: The sensor does not compile, or the kernel refused it.
    """
    cpus = possible_cpus()
    lines = settings.lines(cpus.bound)
    given = {
        "CPUS": cpus.bound,
        "LINES": lines,
        "PLACE_BITS": PLACE_BITS,
        "QUOTA": settings.quota,
        "SEED": settings.seed or secrets.randbits(63),
        "CONTAINERS": settings.containers,
        "HOST_MNT_NS": host_mount_namespace(),
        "HOST_SERVICES": int(settings.host_services),
        "EVENT_PAGES": EVENT_PAGES,
    }
    maps, programs = compile_source(COUNTING, given)
    table, control, containers, losses, events, stats = maps
    return Loaded(
        cpus=cpus,
        lines=lines,
        table=Map(table, 4, layout.LINE.itemsize),
        control=Map(control, 4, layout.CONTROL.itemsize),
        containers=Map(containers, 8, layout.CONTAINER.itemsize),
        losses=Map(losses, 8, layout.LOSSES.itemsize * cpus.count),
        events=Map(events, 0, EVENT_PAGES * _PAGE_BYTES),
        stats=Map(stats, 4, 8),
        programs=tuple(programs),
    )


def possible_cpus(path: Path = Path("/sys/devices/system/cpu/possible")) -> Cpus:
    """Return how many CPUs this kernel may ever use, and below which number."""
    ranges = [part.split("-") for part in path.read_text().strip().split(",")]
    return Cpus(bound=int(ranges[-1][-1]) + 1, count=sum(int(each[-1]) - int(each[0]) + 1 for each in ranges))


def host_mount_namespace(proc: Path = Path("/proc")) -> int:
    """Return the inode of the mount namespace that the host's own processes live in.

    That is kthreadd's, which is process 2 and never leaves the first
    namespaces; where it is not in sight, this process's own.
    """
    kthreadd = proc / "2"
    try:
        if (kthreadd / "comm").read_text() == "kthreadd\n":
            return (kthreadd / "ns/mnt").stat().st_ino
    except OSError:
        pass
    return (proc / "self/ns/mnt").stat().st_ino


def compile_source(source: Source, given: dict[str, int]) -> tuple[list[int], list[int]]:
    """Compile and load a source in a process of its own; return the descriptors of its maps and programs.

    Args:
        source: What to compile.
        given: Macros beside the offsets of the source's kernel fields.

    Raises:
        RequirementError: This machine lacks something; the message holds the cure.
        SensorError: The source does not compile, or the kernel refused it.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        ours.settimeout(_COMPILE_TIMEOUT_S)
        ours.sendall(json.dumps({"source": source.as_json(), "given": given}).encode())
        with subprocess.Popen(
            [sys.executable, "-c", f"from {compiler.__name__} import main; main()"],
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={
                "PATH": os.defpath,
                "PYTHONPATH": str(Path(__file__).parents[2]),
                "BCC_KERNEL_SOURCE": str(compiler.SOURCES / "shim"),
            },
        ) as child:
            theirs.close()
            try:
                # Read to the end first: a compiler with much to say must not block on a full pipe.
                _, said = child.communicate(timeout=_COMPILE_TIMEOUT_S)
            except subprocess.TimeoutExpired as error:
                child.kill()
                msg = f"The sensor's compiler did not finish within {_COMPILE_TIMEOUT_S} s."
                raise SensorError(msg) from error
        answer, descriptors, _, _ = socket.recv_fds(ours, 1 << 16, len(source.maps) + len(source.programs))
    last_words = said.decode(errors="replace").strip()[-_SAID_BYTES:]
    if not answer:
        msg = (
            f"The sensor's compiler ended with status {child.returncode} and no answer: {last_words or '-'}."
        )
        raise SensorError(msg)
    result = json.loads(answer)
    if result["error"]:
        if result["requirement"]:
            raise RequirementError(result["error"])
        msg = " ".join(filter(None, [result["error"], last_words]))
        raise SensorError(msg)
    return descriptors[: len(source.maps)], descriptors[len(source.maps) :]
