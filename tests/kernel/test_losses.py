"""What the sensor cannot count it counts as lost, by container and exactly."""

import os
from collections import Counter

import pytest

from collector.sensor import KernelSensor, SensorSettings, open_sensor
from collector.sensor.loader import possible_cpus
from collector.sensor.settings import LINE_BYTES
from tests.kernel.conftest import EXECVE, EXIT, SEQUENCE, Box, BoxMaker, draining, ngrams_of
from wire.profile import LossCause

pytestmark = pytest.mark.kernel

RANDOM_CALLS = 300_000
KINDS = 32


def random_numbers(calls: int, seed: int, kinds: int) -> list[int]:
    """Return the numbers that the workload's `random` mode uses."""
    numbers, state = [], seed
    for _ in range(calls):
        state = (state * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        numbers.append(470 + (state >> 33) % kinds)
    return numbers


def smallest_settings(lines: int, quota: int) -> SensorSettings:
    """Return settings that give a table of so many lines per CPU."""
    cpus = possible_cpus().bound
    settings = SensorSettings(memory_bytes=lines * LINE_BYTES * 2 * cpus, quota=quota)
    assert settings.lines(cpus) == lines
    return settings


def test_a_table_too_small_reports_exactly_what_it_lost(boxes: BoxMaker) -> None:
    """Counted and lost calls add up to those made, and no n-gram has more counts than it was called."""
    box = boxes()
    made = ngrams_of([EXECVE, *random_numbers(RANDOM_CALLS, 7, KINDS), EXIT])
    with (
        open_sensor(smallest_settings(64, quota=1 << 30)) as sensor,
        draining(sensor) as totals,
    ):
        assert box.run("random", RANDOM_CALLS, 7, KINDS) == 0

    counted, lost = totals.counts[box.id], totals.lost[box.id]
    assert lost[LossCause.TABLE_FULL] > RANDOM_CALLS // 10
    assert counted.total() + lost[LossCause.TABLE_FULL] == made.total() == RANDOM_CALLS + 2
    assert counted <= made
    assert box.id not in totals.over_quota


def test_a_flood_costs_itself_and_not_its_neighbour(boxes: BoxMaker) -> None:
    """A container of random calls on one CPU meets its quota; its neighbour on another keeps every count."""
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        pytest.skip("needs two CPUs")
    offender, neighbour = boxes(), boxes()
    rounds = 20_000
    quota = 1000
    with open_sensor(SensorSettings(quota=quota)) as sensor:
        flood = offender.start("random", RANDOM_CALLS, 11, KINDS, cpu=cpus[0])
        assert neighbour.run("sequence", 1, rounds, cpu=cpus[-1]) == 0
        assert flood.wait(60) == 0
        drained = {each.cgroup_id: each for each in sensor.drain()}

    kept, flooded = drained[neighbour.id], drained[offender.id]
    expected = ngrams_of([EXECVE, *SEQUENCE * rounds, EXIT])
    assert dict(zip(kept.ngrams.tolist(), kept.counts.tolist(), strict=True)) == expected
    assert not kept.lost
    assert not kept.over_quota
    assert flooded.over_quota
    assert 0.9 * quota < flooded.ngrams.size <= quota
    assert int(flooded.counts.sum()) + flooded.lost[LossCause.QUOTA] == RANDOM_CALLS + 2


def test_a_flood_does_not_push_a_neighbour_out_of_its_own_cpu(boxes: BoxMaker) -> None:
    """On the same CPU too, the quota leaves the neighbour its slots."""
    cpu = min(os.sched_getaffinity(0))
    offender, neighbour = boxes(), boxes()
    rounds = 20_000
    with open_sensor(SensorSettings()) as sensor:
        flood = offender.start("random", RANDOM_CALLS, 11, KINDS, cpu=cpu)
        assert neighbour.run("sequence", 1, rounds, cpu=cpu) == 0
        assert flood.wait(60) == 0
        drained = {each.cgroup_id: each for each in sensor.drain()}

    kept = drained[neighbour.id]
    assert dict(zip(kept.ngrams.tolist(), kept.counts.tolist(), strict=True)) == ngrams_of(
        [EXECVE, *SEQUENCE * rounds, EXIT]
    )
    assert drained[offender.id].over_quota


def test_a_quota_is_renewed_with_each_epoch(boxes: BoxMaker) -> None:
    """After a drain a container may claim its quota again, and losses stay in the epoch they belong to."""
    box = boxes()
    calls = 50_000
    with open_sensor(SensorSettings(quota=100)) as sensor:
        cpu = min(os.sched_getaffinity(0))
        seen = []
        for seed in (1, 2, 3):
            box.run("random", calls, seed, KINDS, cpu=cpu)
            seen += [each for each in sensor.drain() if each.cgroup_id == box.id]

        for each in seen:
            assert 90 < each.ngrams.size <= 100
            assert int(each.counts.sum()) + each.lost[LossCause.QUOTA] == calls + 2
        assert len(seen) == 3
        assert [each for each in sensor.drain() if each.cgroup_id == box.id] == []


def test_many_patterns_fit_without_loss(sensor: KernelSensor, box: Box) -> None:
    """Ten thousand distinct n-grams of one container are counted exactly, n-gram by n-gram."""
    numbers = random_numbers(10_000, 3, KINDS)
    box.run("random", 10_000, 3, KINDS)

    (each,) = [each for each in sensor.drain() if each.cgroup_id == box.id]
    counted = Counter(dict(zip(each.ngrams.tolist(), each.counts.tolist(), strict=True)))
    assert counted == ngrams_of([EXECVE, *numbers, EXIT])
    assert not each.lost
