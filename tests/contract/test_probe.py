"""Every probe keeps the promises of `collector.probe.Probe`, the real one and its stand-in alike."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from collector.probe import CgroupEventKind, Probe, ProbeHealth
from collector.sensor import SensorSettings, open_sensor
from tests.fakes import FakeProbe
from tests.kernel.conftest import BoxMaker, workload

__all__ = ["workload"]


@dataclass
class World:
    """A probe, a cgroup below it, and a way to let something happen there."""

    probe: Probe
    cgroup_id: int
    path: str
    run: Callable[[], None]
    """Runs a program of 24 calls in the cgroup."""
    die: Callable[[], None]


@pytest.fixture
def fake() -> Iterator[World]:
    """The stand-in, told what the kernel would see."""
    with FakeProbe() as probe:
        probe.happen(CgroupEventKind.BORN, 7, "/box")
        ran = []

        def run() -> None:
            if not ran and 7 not in probe.ignored:
                probe.happen(CgroupEventKind.WATCHED, 7)
            ran.append(1)
            probe.count(7, {60: 20, 59: 4})

        yield World(probe, 7, "/box", run, lambda: probe.happen(CgroupEventKind.DIED, 7, "/box"))


@pytest.fixture
def real(workload: Path) -> Iterator[World]:
    """The sensor in the kernel, and a cgroup with the known program."""
    boxes = BoxMaker(workload)
    with open_sensor(SensorSettings()) as probe:
        box = boxes()

        def die() -> None:
            box.directory.rmdir()

        yield World(probe, box.id, "/" + box.directory.name, lambda: box.run("sequence", 1, 1), die)
        box.directory.mkdir(exist_ok=True)
        boxes.close()


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.kernel)])
def world(request: pytest.FixtureRequest) -> World:
    """Each probe in turn."""
    return request.getfixturevalue(request.param)


def kinds(world: World, wanted: int) -> list[CgroupEventKind]:
    """Return what was told of the world's cgroup, waiting for so many events."""
    told = []
    deadline = time.monotonic() + 5
    while len(told) < wanted and time.monotonic() < deadline:
        told += [event for event in world.probe.events(0.1) if event.cgroup_id == world.cgroup_id]
    assert all(event.path == ("" if event.kind is CgroupEventKind.WATCHED else world.path) for event in told)
    assert all(event.pid > 0 for event in told)
    return [event.kind for event in told]


def of_cgroup(world: World) -> list[tuple[int, bool]]:
    """Drain, and return (calls, over quota) of the world's cgroup."""
    drained = world.probe.drain()
    assert [each.cgroup_id for each in drained] == sorted({each.cgroup_id for each in drained})
    for each in drained:
        assert each.ngrams.dtype == each.counts.dtype == np.uint64
        assert (each.ngrams[1:] > each.ngrams[:-1]).all()
        assert (each.counts > 0).all()
        assert each.ngrams.size or each.lost
        assert all(each.lost.values())
    return [
        (int(each.counts.sum()), each.over_quota) for each in drained if each.cgroup_id == world.cgroup_id
    ]


def test_a_life_is_told_in_order(world: World) -> None:
    """Birth, first exec, death; a second exec is no event."""
    world.run()
    world.run()
    world.die()

    assert kinds(world, 3) == [CgroupEventKind.BORN, CgroupEventKind.WATCHED, CgroupEventKind.DIED]


def test_a_call_is_in_one_drain(world: World) -> None:
    """What was drained does not come again; what comes after it is in the next."""
    world.run()
    first = of_cgroup(world)
    world.run()
    second = of_cgroup(world)

    assert first == second == [(24, False)]
    assert of_cgroup(world) == []


def test_what_is_ignored_does_not_count(world: World) -> None:
    """No call after `ignore`, and no event of a first exec."""
    world.probe.ignore(world.cgroup_id)
    world.run()

    assert of_cgroup(world) == []
    assert kinds(world, 1) == [CgroupEventKind.BORN]


def test_what_is_forgotten_may_be_forgotten_twice(world: World) -> None:
    """Forgetting frees; what is not there is as good as freed."""
    world.run()
    of_cgroup(world)
    world.probe.forget(world.cgroup_id)
    world.probe.forget(world.cgroup_id)

    assert of_cgroup(world) == []


def test_a_healthy_probe_has_lost_nothing(world: World) -> None:
    """All counters are 0 at first."""
    world.run()

    assert world.probe.health() == ProbeHealth()


def test_closing_ends_a_wait_for_events(world: World) -> None:
    """A thread that waits in `events` comes back, long before its time; closing twice is closing once."""
    kinds(world, 1)
    waiting = threading.Thread(target=world.probe.events, args=(60.0,))
    waiting.start()

    world.probe.close()
    world.probe.close()
    waiting.join(10)

    assert not waiting.is_alive()
    assert world.probe.events(60.0) == []
