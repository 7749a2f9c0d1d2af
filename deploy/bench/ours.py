"""The sensor under test, opened as the agent opens it, and put on and taken off like any other contender."""

import contextlib
import os
from pathlib import Path

import numpy as np

from bench import bpf
from bench.contenders import Contender
from collector.probe import CgroupCounts
from collector.sensor import open_sensor
from collector.sensor.settings import SensorSettings
from wire.profile import LossCause


class Ours(Contender):
    """The sensor itself, as the agent opens it.

    It finds containers by their exec, so it stays attached while workloads are started, and only then is
    taken off and put on again: the same loaded programs, on new links.
    """

    def __init__(self, settings: SensorSettings | None = None) -> None:
        super().__init__("ours", "nonself")
        before = _link_descriptors()
        self.probe = open_sensor(settings or SensorSettings())
        self._links = sorted(_link_descriptors() - before)
        self._programs = [bpf.program_of(link) for link in self._links]
        self._attached = True

    def attach(self) -> None:
        for place, program in zip(self._links, self._programs, strict=True):
            link = bpf.attach(program)
            os.dup2(link, place)
            os.close(link)
        self._attached = True

    def detach(self) -> None:
        nothing = os.open("/dev/null", os.O_RDONLY)
        for place in self._links:
            os.dup2(nothing, place)
        os.close(nothing)
        self._attached = False

    def links(self) -> list[int]:
        return self._links if self._attached else []

    def drain(self) -> dict[int, CgroupCounts]:
        """End the sensor's epoch and return what it counted, by cgroup."""
        self.probe.events(0)
        return {each.cgroup_id: each for each in self.probe.drain()}

    def close(self) -> None:
        for program in self._programs:
            os.close(program)
        self.probe.close()


def counted(drained: dict[int, CgroupCounts], cgroup_ids: list[int]) -> np.ndarray:
    """Return the calls counted for each cgroup, 0 where the sensor has nothing."""
    return np.array([int(drained[each].counts.sum()) if each in drained else 0 for each in cgroup_ids])


def lost(drained: dict[int, CgroupCounts], cgroup_ids: list[int]) -> np.ndarray:
    """Return the calls the sensor says it lost of each cgroup."""
    causes = (LossCause.TABLE_FULL, LossCause.QUOTA)
    return np.array(
        [
            sum(drained[each].lost.get(cause, 0) for cause in causes) if each in drained else 0
            for each in cgroup_ids
        ]
    )


def _link_descriptors() -> set[int]:
    found = set()
    for each in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            if "bpf_link" in str(each.readlink()) or "bpf-raw-tracepoint" in str(each.readlink()):
                found.add(int(each.name))
    return found
