"""The probe that runs in the kernel: two tables that take turns, and records per container."""

import mmap
import os
import struct
import threading
import time
from types import TracebackType
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from collector.errors import SensorError
from collector.probe import CgroupCounts, CgroupEvent, ProbeHealth
from collector.sensor import bpf, layout
from collector.sensor.loader import Loaded, load
from collector.sensor.losses import LossBook
from collector.sensor.ring import EventRing
from collector.sensor.settings import EPOCHS, SensorSettings
from collector.sensor.table import take
from wire.profile import LossCause

_PAGE: Final = mmap.PAGESIZE
_U32: Final = 0xFFFFFFFF
_NOTHING: Final[NDArray[np.uint64]] = np.empty(0, np.uint64)


def open_sensor(settings: SensorSettings) -> "KernelSensor":
    """Compile, load and attach the sensor.

    Raises:
        RequirementError: This machine lacks something; the message holds the cure.
        SensorError: The sensor does not compile, or the kernel refused it.
    """
    try:
        return KernelSensor(load(settings))
    except OSError as error:
        msg = f"The sensor cannot be opened: {error.strerror or error}."
        raise SensorError(msg) from error


class KernelSensor:
    """A `collector.probe.Probe` over a loaded sensor; attached until `close`."""

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded
        lines_of_all = loaded.cpus.bound * loaded.lines
        table_bytes = EPOCHS * lines_of_all * layout.LINE.itemsize
        self._table_memory = mmap.mmap(loaded.table.fd, -(-table_bytes // _PAGE) * _PAGE)
        self._control_memory = mmap.mmap(loaded.control.fd, _PAGE)
        lines: NDArray[np.void] = np.frombuffer(self._table_memory, layout.LINE, EPOCHS * lines_of_all)
        self._lines = lines.reshape(EPOCHS, lines_of_all)
        self._control: NDArray[np.void] = np.frombuffer(self._control_memory, layout.CONTROL, 1)
        self._losses = LossBook(loaded.losses, loaded.cpus.count)
        self._ring = EventRing(loaded.events)
        self._reading = threading.Lock()
        self._grace = bpf.GracePeriod()
        self._refused = 0
        self._closed = False
        self._links = [bpf.attach(program) for program in loaded.programs]

    def events(self, timeout_s: float) -> list[CgroupEvent]:
        with self._reading:
            return [] if self._closed else self._ring.read(timeout_s)

    def drain(self) -> list[CgroupCounts]:
        epoch = int(self._control["epoch"][0])
        self._control["epoch"][0] = (epoch + 1) & _U32
        # After this no program run is left that read the old epoch: its table is ours alone.
        self._grace.wait()
        lost = self._losses.take(epoch & 1)
        counted = {
            self._losses.name(owner): (grams, counts) for owner, grams, counts in take(self._lines[epoch & 1])
        }
        return [
            _counts(cgroup_id, *counted.get(cgroup_id, (_NOTHING, _NOTHING)), lost.get(cgroup_id, {}))
            for cgroup_id in sorted(counted.keys() | lost.keys())
        ]

    def adopt(self, cgroup_id: int) -> None:
        self._record(cgroup_id, adopted_before=time.monotonic_ns())

    def ignore(self, cgroup_id: int) -> None:
        self._record(cgroup_id, ignored=1)

    def forget(self, cgroup_id: int) -> None:
        key = struct.pack("=Q", cgroup_id)
        self._loaded.containers.delete(key)
        self._losses.forget(cgroup_id)

    def health(self) -> ProbeHealth:
        dropped, unwatched = (
            struct.unpack("=Q", self._loaded.stats.lookup(struct.pack("=I", which)) or bytes(8))[0]
            for which in (layout.STAT_DROPPED_EVENTS, layout.STAT_UNWATCHED)
        )
        missed = sum(bpf.missed_runs(program) for program in self._loaded.programs)
        return ProbeHealth(missed, dropped, unwatched + self._refused)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        for descriptor in self._links:
            os.close(descriptor)
        self._ring.wake()
        with self._reading:
            self._ring.close()
        del self._lines, self._control
        self._table_memory.close()
        self._control_memory.close()
        self._grace.close()
        loaded = self._loaded
        maps = (loaded.table, loaded.control, loaded.containers, loaded.losses, loaded.events, loaded.stats)
        for descriptor in (*loaded.programs, *(each.fd for each in maps)):
            os.close(descriptor)

    def _record(self, cgroup_id: int, *, adopted_before: int = 0, ignored: int = 0) -> None:
        key = struct.pack("=Q", cgroup_id)
        record = np.zeros(1, layout.CONTAINER)
        record["adopted_before"], record["ignored"] = adopted_before, ignored
        try:
            self._losses.open(cgroup_id)
            self._loaded.containers.update(key, record.tobytes())
        except SensorError:
            self._refused += 1
            return
        self._control["generation"][0] = (int(self._control["generation"][0]) + 1) & _U32

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.close()


def _counts(
    cgroup_id: int, grams: NDArray[np.uint64], counts: NDArray[np.uint64], lost: dict[LossCause, int]
) -> CgroupCounts:
    # The highest of all, so it can only be the last.
    if grams.size and grams[-1] == layout.OVER_QUOTA:
        lost[LossCause.QUOTA] = lost.get(LossCause.QUOTA, 0) + int(counts[-1])
        grams, counts = grams[:-1], counts[:-1]
    return CgroupCounts(cgroup_id, grams, counts, lost, LossCause.QUOTA in lost)
