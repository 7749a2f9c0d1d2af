"""Which processes the sensor watches, from when on, and as whose."""

import os
from pathlib import Path

import pytest

from collector.probe import CgroupEventKind, ProbeHealth
from collector.sensor import KernelSensor, SensorSettings, open_sensor
from tests.kernel.conftest import (
    CLONE,
    EXECVE,
    EXIT,
    GETUID,
    READ,
    SEQUENCE,
    WAIT4,
    Box,
    BoxMaker,
    Totals,
    cgroup2_mount,
    ngrams_of,
)  # fmt: skip

pytestmark = pytest.mark.kernel


def drained(sensor: KernelSensor) -> Totals:
    """Return one drain."""
    totals = Totals()
    totals.add(sensor.drain())
    return totals


def test_the_runtimes_init_never_counts(sensor: KernelSensor, box: Box) -> None:
    """A host program inside the cgroup is not the workload, until it execs in the container's own mounts."""
    box.run("sequence", 1, 1, private=False)
    before = drained(sensor)
    box.run("enter", "sequence", 1, 1, private=False)

    assert box.id not in before.counts
    assert drained(sensor).counts[box.id] == ngrams_of([EXECVE, *SEQUENCE, EXIT])


def test_an_injected_process_and_its_children_are_marked(sensor: KernelSensor, box: Box) -> None:
    """What enters a running container by an exec is marked; so are its children, and what they exec."""
    own = box.start("steps")
    box.wait_until_reading(own)
    box.run("fork", 1, 1)
    box.run("execute", "sequence", 1, 1)
    own.communicate()

    expected = ngrams_of([EXECVE, READ, EXIT])
    for calls in (
        [EXECVE, CLONE, WAIT4, EXIT],
        [*SEQUENCE, EXIT],
        [EXECVE, GETUID],
        [EXECVE, *SEQUENCE, EXIT],
    ):
        expected += ngrams_of(calls, injected=True)
    assert drained(sensor).counts[box.id] == expected


def test_the_containers_own_children_are_not_marked(sensor: KernelSensor, box: Box) -> None:
    """A program that the container's own process starts is its own lineage, exec or not."""
    box.run("fork-execute", "sequence", 1, 1)

    expected = (
        ngrams_of([EXECVE, CLONE, WAIT4, EXIT]) + ngrams_of([GETUID]) + ngrams_of([EXECVE, *SEQUENCE, EXIT])
    )
    assert drained(sensor).counts[box.id] == expected


def test_an_adopted_container_counts_from_its_next_calls(boxes: BoxMaker) -> None:
    """Threads older than the sensor are watched from the end of their present calls, as its own."""
    box = boxes()
    process = box.start("told", 5, 1)
    box.wait_until_reading(process, threads=5)

    with open_sensor(SensorSettings()) as sensor:
        sensor.adopt(box.id)
        box.feed(process, 5)
        process.wait(10)

        expected = ngrams_of([])
        for _ in range(5):
            expected += ngrams_of([READ, *SEQUENCE, EXIT])
        assert drained(sensor).counts[box.id] == expected


def test_an_exec_into_an_adopted_container_is_marked(boxes: BoxMaker) -> None:
    """The processes of an adopted container are its own; one that enters after it is not."""
    box = boxes()
    process = box.start("steps")
    box.wait_until_reading(process)

    with open_sensor(SensorSettings()) as sensor:
        sensor.adopt(box.id)
        box.run("sequence", 1, 1)
        process.communicate()

        expected = ngrams_of([READ, EXIT]) + ngrams_of([EXECVE, *SEQUENCE, EXIT], injected=True)
        assert drained(sensor).counts[box.id] == expected


def test_a_container_that_nobody_adopts_does_not_count(boxes: BoxMaker) -> None:
    """Without `adopt`, processes from before the attachment stay unwatched."""
    box = boxes()
    process = box.start("told", 5, 1)
    box.wait_until_reading(process, threads=5)

    with open_sensor(SensorSettings()) as sensor:
        box.feed(process, 5)
        process.wait(10)

        assert box.id not in drained(sensor).counts


def test_an_ignored_cgroup_stops_counting(sensor: KernelSensor, box: Box) -> None:
    """From `ignore` on neither its present processes nor later execs count."""
    process = box.start("steps")
    box.wait_until_reading(process)
    before = drained(sensor)
    sensor.ignore(box.id)
    process.communicate(b"..")
    box.run("sequence", 1, 1)

    assert before.counts[box.id] == ngrams_of([EXECVE])
    assert box.id not in drained(sensor).counts


def test_a_moved_process_counts_for_where_it_is(sensor: KernelSensor, boxes: BoxMaker) -> None:
    """Each container's profile holds only calls made inside it; the history is cut at the move."""
    first, second = boxes(), boxes()
    process = first.start("steps")
    first.wait_until_reading(process)
    first.feed(process)
    first.wait_until_reading(process)
    (second.directory / "cgroup.procs").write_text(str(process.pid))
    process.communicate()

    counts = drained(sensor).counts
    assert counts[first.id] == ngrams_of([EXECVE, READ, *SEQUENCE])
    assert counts[second.id] == ngrams_of([READ, EXIT])


def test_a_process_moved_to_the_root_leaves_its_container(sensor: KernelSensor, box: Box) -> None:
    """The root cgroup is no container, whoever comes there."""
    process = box.start("steps")
    box.wait_until_reading(process)
    (cgroup2_mount() / "cgroup.procs").write_text(str(process.pid))
    process.communicate(b"..")

    counts = drained(sensor).counts
    assert counts[box.id] == ngrams_of([EXECVE])
    assert cgroup2_mount().stat().st_ino not in counts


def test_host_services_count_when_asked_for(boxes: BoxMaker) -> None:
    """With the switch, a cgroup in the host's own mount namespace counts from its first exec."""
    box = boxes()
    with open_sensor(SensorSettings(host_services=True)) as sensor:
        box.run("sequence", 1, 1, private=False)

        assert drained(sensor).counts[box.id] == ngrams_of([EXECVE, *SEQUENCE, EXIT])


def test_births_first_execs_and_deaths_are_told_in_order(sensor: KernelSensor, boxes: BoxMaker) -> None:
    """However short a cgroup's life, its birth, its first exec and its death come as events."""
    made = [boxes() for _ in range(20)]
    for box in made:
        box.run("sequence", 1, 1)
        box.directory.rmdir()

    events = sensor.events(1.0)

    for box in made:
        told = [event for event in events if event.cgroup_id == box.id]
        assert [event.kind for event in told] == [
            CgroupEventKind.BORN, CgroupEventKind.WATCHED, CgroupEventKind.DIED,
        ]  # fmt: skip
        assert [event.path for event in told] == ["/" + box.directory.name, "", "/" + box.directory.name]
        assert told[0].pid == told[2].pid == os.getpid()
        box.directory.mkdir()


def test_events_that_nobody_reads_are_counted_as_dropped(sensor: KernelSensor, box: Box) -> None:
    """A full ring buffer drops the newest events and says how many."""
    kept_at_most = 128 * 4096 // 528
    nested = box.directory / "many"
    for _ in range(kept_at_most):
        nested.mkdir()
        nested.rmdir()

    kept = [event for event in sensor.events(1.0) if event.path.startswith(f"/{box.directory.name}/")]

    assert sensor.health().dropped_events >= 2 * kept_at_most - len(kept) > 0
    assert sensor.events(0.0) == []


def test_a_path_is_cut_where_the_record_ends(sensor: KernelSensor, box: Box) -> None:
    """Deep cgroups keep the first 511 bytes of their path."""
    deep = [Path(box.directory, *["d" * 200] * depth) for depth in (1, 2, 3)]
    for each in deep:
        each.mkdir()
    for each in reversed(deep):
        each.rmdir()

    paths = [event.path for event in sensor.events(1.0) if event.path.startswith("/" + box.directory.name)]

    assert max(map(len, paths)) == 511


def test_a_container_without_a_record_is_counted_as_unwatched(boxes: BoxMaker) -> None:
    """Where the table of containers is full, the next one stays out, and health says so."""
    made = [boxes() for _ in range(4)]
    with open_sensor(SensorSettings(containers=2)) as sensor:
        for box in made[:2]:
            sensor.ignore(box.id)
        for box in made[2:]:
            box.run("sequence", 1, 1)

        assert sensor.health().unwatched_containers >= 2
        sensor.forget(made[0].id)
        sensor.forget(made[1].id)
        made[3].run("sequence", 1, 1)
        assert drained(sensor).counts[made[3].id] == ngrams_of([EXECVE, *SEQUENCE, EXIT])


def test_an_idle_sensor_is_in_good_health(sensor: KernelSensor) -> None:
    """Nothing is missed or dropped when nothing happens."""
    assert sensor.health() == ProbeHealth()
