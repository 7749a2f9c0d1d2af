"""The sensor for static rules: loaded and attached, told what to report, read record by record."""

import mmap
import os
import struct
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from collector.errors import SensorError
from collector.events import layout
from collector.events.catalogue import slots
from collector.events.event import Record, decode
from collector.events.layout import Access
from collector.events.source import EVENTS
from collector.sensor import bpf
from collector.sensor.bpf import Map
from collector.sensor.loader import compile_source, possible_cpus
from collector.sensor.ring import Ring

PREFIXES: Final = 4096
"""Most path prefixes that the kernel compares opens with."""
HOSTS: Final = 1024
"""Cgroups of the host that the kernel remembers; user space remembers more, and so never forgets first."""
_PAGE: Final = mmap.PAGESIZE
_NOTHING: Final = bytes(layout.CALL.size)
NO_ACCESS: Final = Access(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """What the kernel is to report."""

    types: frozenset[str]
    """Values of `evt.type`."""
    contained: frozenset[str] = frozenset()
    """Those of them that nobody asks for of the host's own processes (see `EventSensor.mark_host`)."""
    prefixes: Mapping[str, Access]
    """Beginnings of absolute paths; an open below one of them is reported if it is for that."""
    any_path: Access = NO_ACCESS
    """Opens for this are reported whatever their path."""
    env_bytes: int = 0
    """Of the environment, with each exec."""
    data_bytes: int = 0
    """Of buffers that are written or read."""
    always_cwd: bool = False
    """Tell the working directory with every call."""


@dataclass(frozen=True, slots=True)
class Sums:
    """What became of events since the sensor was opened."""

    dropped: int
    """Found no room in the ring buffer."""
    filtered: int
    """Opens that no prefix asked for, and calls of the host that no rule asked for."""
    sent: int


class EventSensor:
    """Attached until `close`; reports the life of processes at once, and calls once `subscribe` was called.

    Args:
        ring_bytes: Room for records that nobody has read yet; a power of two of at least one page.
        silent: At most two processes whose calls are not reported; this one where none is given.

    Raises:
        RequirementError: This machine lacks something; the message holds the cure.
        SensorError: The kernel refused.
    """

    def __init__(self, ring_bytes: int = 16 << 20, silent: Sequence[int] = ()) -> None:
        if ring_bytes < _PAGE or ring_bytes & (ring_bytes - 1):
            msg = f"The ring buffer takes a power of two of at least {_PAGE} bytes; got {ring_bytes}."
            raise SensorError(msg)
        self._silent = (*(silent or (os.getpid(),)), 0)[:2]
        maps, programs = compile_source(
            EVENTS, {"RECORD_PAGES": ring_bytes // _PAGE, "PREFIXES": PREFIXES, "HOSTS": HOSTS}
        )
        cpus = possible_cpus()
        calls, config, prefixes, hosts, records, stats = maps
        self._calls = Map(calls, 4, layout.CALL.size)
        self._config = Map(config, 4, layout.CONFIG.size)
        self._prefixes = Map(prefixes, layout.PREFIX.size, 4)
        self._hosts = Map(hosts, 8, 8)
        self._records = Map(records, 0, ring_bytes)
        self._stats = Map(stats, 4, 8 * cpus.count)
        self._programs = programs
        self._subscribed: dict[int, bytes] = {}
        self._known: set[bytes] = set()
        self._ring = Ring(self._records)
        self._links: list[int] = []
        self._closed = False
        self.attach()

    def attach(self) -> None:
        """Report again after `detach`."""
        self._links = [bpf.attach(program) for program in self._programs]

    def detach(self) -> None:
        """Report nothing and cost nothing until `attach`."""
        while self._links:
            os.close(self._links.pop())

    def subscribe(self, wanted: Subscription) -> None:
        """Report from now on what is wanted, and nothing else.

        While it changes, more may be reported than either asked for, but never less.

        Raises:
            SensorError: There are more prefixes than the kernel's table takes.
        """
        new = slots(wanted.types, wanted.contained)
        self._configure(wanted, ~NO_ACCESS)
        for slot, call in slots(wanted.types).items():
            self._calls.update(struct.pack("=I", slot), call)
        for slot in self._subscribed.keys() - new.keys():
            self._calls.update(struct.pack("=I", slot), _NOTHING)
        self._subscribed = new
        any_path = wanted.any_path
        keys: dict[bytes, Access] = {}
        for prefix, access in wanted.prefixes.items():
            text = prefix.encode("latin-1", errors="surrogateescape")[: layout.KEY_BYTES]
            key = layout.PREFIX.pack(8 * len(text), text)
            keys[key] = keys.get(key, NO_ACCESS) | access
        keys = _widened(keys)
        for key in self._known - keys.keys():
            self._prefixes.delete(key)
        for key, access in keys.items():
            self._prefixes.update(key, struct.pack("=I", _of_anybody(access)))
        self._known = set(keys)
        self._configure(wanted, any_path)
        for slot, call in new.items():
            self._calls.update(struct.pack("=I", slot), call)

    def mark_host(self, cgroup: int, seconds: float) -> None:
        """Hold a cgroup for one of the host for so long: its calls that nobody asks for are kept back.

        Fork, exec, exit and rename are reported all the same. What a call is judged by is the cgroup in which
        it ends.
        """
        until = time.clock_gettime_ns(time.CLOCK_BOOTTIME) + round(seconds * 1e9)
        self._hosts.update(struct.pack("=Q", cgroup), struct.pack("=Q", until))

    def _configure(self, wanted: Subscription, any_path: Access) -> None:
        record = layout.CONFIG.pack(
            _of_anybody(any_path), wanted.env_bytes, wanted.data_bytes, wanted.always_cwd, *self._silent
        )
        self._config.update(struct.pack("=I", 0), record)

    def wait(self, timeout_s: float) -> None:
        """Wait for a first record, for `wake`, or for at most `timeout_s`."""
        self._ring.wait(timeout_s)

    def wake(self) -> None:
        """Let the present and every later `wait` return at once."""
        self._ring.wake()

    def read(self) -> Iterator[Record]:
        """Return the records that are there."""
        return map(decode, self._ring.records())

    def raw(self) -> Iterator[bytes]:
        """Return the records that are there, not decoded."""
        return self._ring.records()

    def sums(self) -> Sums:
        """Return what became of events since the sensor was opened."""
        values = []
        for which in range(layout.STATS):
            data = self._stats.lookup(struct.pack("=I", which)) or b""
            values.append(sum(each[0] for each in struct.iter_unpack("=Q", data)))
        missed = sum(bpf.missed_runs(program) for program in self._programs)
        return Sums(values[0] + missed, values[1], values[2])

    def close(self) -> None:
        """Detach and free everything; nobody may be reading."""
        if self._closed:
            return
        self._closed = True
        self.detach()
        self._ring.close()
        for each in (self._calls, self._config, self._prefixes, self._hosts, self._records, self._stats):
            os.close(each.fd)
        for descriptor in self._programs:
            os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.close()


def _of_anybody(access: Access) -> int:
    """Add to what is asked for of all others what is asked for of the host: they may be of it."""
    return access | access >> layout.HOST_SHIFT


def _widened(keys: dict[bytes, Access]) -> dict[bytes, Access]:
    """Give each prefix what shorter prefixes of it ask for too: the kernel finds the longest one only."""
    found = {}
    for key, access in keys.items():
        bits, text = layout.PREFIX.unpack(key)
        text = text[: bits // 8]
        for size in range(len(text)):
            access |= keys.get(layout.PREFIX.pack(8 * size, text[:size]), NO_ACCESS)  # noqa: PLW2901 - a sum
        found[key] = access
    return found


def boot_to_wall_ns() -> int:
    """Return what to add to nanoseconds since boot to get wall time, as of now."""
    return time.time_ns() - time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def collect(sensor: EventSensor, until: float) -> Iterable[Record]:
    """Return records until a moment of `time.monotonic`."""
    while (left := until - time.monotonic()) > 0:
        sensor.wait(left)
        yield from sensor.read()
