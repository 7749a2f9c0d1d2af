"""The sensor counts each call of a container exactly once, under the right n-gram."""

import os
import signal
import struct

import pytest

from collector.sensor import KernelSensor, SensorSettings, loader, open_sensor
from tests.kernel.conftest import (
    CLONE,
    EXECVE,
    EXIT,
    EXIT_GROUP,
    GETPID,
    GETPPID,
    GETUID,
    KILL,
    READ,
    RT_SIGACTION,
    RT_SIGRETURN,
    SECCOMP,
    SEQUENCE,
    WAIT4,
    Box,
    BoxMaker,
    Totals,
    draining,
    ngrams_of,
)  # fmt: skip
from wire.syscalls import COMPAT_BASE, NATIVE_OTHER

pytestmark = pytest.mark.kernel


def drained(sensor: KernelSensor) -> Totals:
    """Return one drain."""
    totals = Totals()
    totals.add(sensor.drain())
    return totals


def test_23_calls_of_one_thread_are_23_counts(sensor: KernelSensor, box: Box) -> None:
    """A program of 22 calls and an exit gives exactly its n-grams, its exec's return before them."""
    box.run("sequence", 1, 1)

    assert drained(sensor).counts[box.id] == ngrams_of([EXECVE, *SEQUENCE, EXIT])


def test_23_calls_of_each_of_7_threads_are_161_counts(sensor: KernelSensor, box: Box) -> None:
    """Seven threads of 23 calls keep seven histories, each cut at its thread's start."""
    box.run("sequence", 7, 1)

    expected = ngrams_of([EXECVE, *[CLONE] * 7, EXIT])
    for _ in range(7):
        expected += ngrams_of([*SEQUENCE, EXIT])
    assert drained(sensor).counts[box.id] == expected


def test_threads_that_share_a_place_keep_their_own_histories(
    monkeypatch: pytest.MonkeyPatch, box: Box
) -> None:
    """Where there are only two places, most threads live without one, and count as exactly."""
    monkeypatch.setattr(loader, "PLACE_BITS", 1)
    with open_sensor(SensorSettings()) as sensor:
        for injected in range(20):
            box.run("sequence", 7, 50)
            expected = ngrams_of([EXECVE, *[CLONE] * 7, EXIT], injected=injected > 0)
            for _ in range(7):
                expected += ngrams_of([*SEQUENCE * 50, EXIT], injected=injected > 0)
            assert drained(sensor).counts[box.id] == expected


@pytest.mark.parametrize("threads", [1, 7])
def test_a_drain_takes_nothing_and_doubles_nothing(
    sensor: KernelSensor, boxes: BoxMaker, threads: int
) -> None:
    """While another thread drains without a pause, each of 2 million calls on all CPUs counts once."""
    pinned = [(boxes(), cpu) for cpu in sorted(os.sched_getaffinity(0))]
    rounds = 2_000_000 // threads // len(SEQUENCE) // len(pinned) + 1

    with draining(sensor) as totals:
        running = [box.start("sequence", threads, rounds, cpu=cpu) for box, cpu in pinned]
        for process in running:
            assert process.wait(120) == 0

    thread = ngrams_of([*SEQUENCE * rounds, EXIT])
    expected = ngrams_of([EXECVE, *SEQUENCE * rounds, EXIT])
    if threads > 1:
        expected = ngrams_of([EXECVE, *[CLONE] * threads, EXIT])
        for _ in range(threads):
            expected += thread
    assert totals.drains > 10
    for box, _ in pinned:
        assert totals.counts[box.id] == expected
        assert not totals.lost[box.id]
    assert sum(totals.counts[box.id].total() for box, _ in pinned) >= 2_000_000
    assert sensor.health().missed_runs == 0


def test_calls_that_seccomp_denies_count(sensor: KernelSensor, box: Box) -> None:
    """A denied call counts; so does a denied exit_group, once, beside the exit that follows it."""
    box.run("denied", 3)

    calls = [EXECVE, SECCOMP, *[GETPPID] * 3, SECCOMP, EXIT_GROUP, EXIT_GROUP, EXIT]
    assert drained(sensor).counts[box.id] == ngrams_of(calls)


def test_a_call_for_which_seccomp_kills_the_process_counts(sensor: KernelSensor, box: Box) -> None:
    """The last call of a process that seccomp kills is in its profile, once."""
    status = box.run("killed")

    assert status == -signal.SIGSYS
    assert drained(sensor).counts[box.id] == ngrams_of([EXECVE, SECCOMP, GETUID, GETPPID])


def test_a_call_for_which_seccomp_kills_one_thread_counts(sensor: KernelSensor, box: Box) -> None:
    """It never passes sys_exit, and is counted where the thread dies."""
    process = box.start("killed-thread")
    box.wait_until_reading(process)
    process.communicate(b".")

    expected = ngrams_of([EXECVE, SECCOMP, CLONE, READ, EXIT]) + ngrams_of([GETPPID])
    assert drained(sensor).counts[box.id] == expected


def test_exit_group_counts(sensor: KernelSensor, box: Box) -> None:
    """The call that ends a process counts although it never returns."""
    box.run("exit-group")

    assert drained(sensor).counts[box.id] == ngrams_of([EXECVE, EXIT_GROUP])


def test_a_process_killed_by_a_signal_ends_with_its_last_call(sensor: KernelSensor, box: Box) -> None:
    """Death by a signal adds no call; the call it interrupted counts once."""
    process = box.start("steps")
    box.feed(process)
    box.wait_until_reading(process)
    process.kill()
    process.wait(10)

    assert drained(sensor).counts[box.id] == ngrams_of([EXECVE, READ, *SEQUENCE, READ])


def test_the_return_of_a_signal_handler_is_named(sensor: KernelSensor, box: Box) -> None:
    """rt_sigreturn, whose number the kernel has erased by the time it ends, keeps its name."""
    box.run("signal")

    calls = [EXECVE, RT_SIGACTION, GETPID, KILL, GETUID, RT_SIGRETURN, EXIT]
    assert drained(sensor).counts[box.id] == ngrams_of(calls)


def test_compat_calls_have_tokens_of_their_own(sensor: KernelSensor, box: Box) -> None:
    """Number 20 through int 0x80 is the 32-bit getpid, not writev."""
    if box.run("compat") == -signal.SIGSEGV:
        pytest.skip("needs a kernel that takes 32-bit calls (CONFIG_IA32_EMULATION)")

    compat = COMPAT_BASE + 20 - 1
    assert drained(sensor).counts[box.id] == ngrams_of([EXECVE, compat, compat, compat, EXIT])


def test_the_upper_half_of_the_number_hides_nothing(sensor: KernelSensor, box: Box) -> None:
    """The kernel takes a call's number from 32 bits of the register, and so does the sensor."""
    box.run("upper-half")

    assert drained(sensor).counts[box.id] == ngrams_of([EXECVE, GETPID, EXIT])


def test_numbers_beyond_the_table_are_other(sensor: KernelSensor, box: Box) -> None:
    """Calls 509 and 510: the first still has its own token, the second shares one."""
    box.run("number", 509)
    box.run("number", 510)

    expected = ngrams_of([EXECVE, 509, EXIT]) + ngrams_of([EXECVE, NATIVE_OTHER - 1, EXIT], injected=True)
    assert drained(sensor).counts[box.id] == expected


def test_a_new_process_begins_a_new_history(sensor: KernelSensor, box: Box) -> None:
    """Children start empty, and the child's side of a clone is not a second call."""
    box.run("fork", 3, 1)

    expected = ngrams_of([EXECVE, *[CLONE, WAIT4] * 3, EXIT])
    for _ in range(3):
        expected += ngrams_of([*SEQUENCE, EXIT])
    assert drained(sensor).counts[box.id] == expected


def test_an_exec_begins_a_new_history(sensor: KernelSensor, box: Box) -> None:
    """No n-gram spans two programs; the exec's return is the first call of the new one."""
    box.run("execute", "sequence", 1, 1)

    expected = ngrams_of([EXECVE, GETUID]) + ngrams_of([EXECVE, *SEQUENCE, EXIT])
    assert drained(sensor).counts[box.id] == expected


def test_the_same_calls_on_two_cpus_are_one_ngram(sensor: KernelSensor, box: Box) -> None:
    """A drain sums over CPUs and gives each n-gram once, ascending."""
    for cpu in sorted(os.sched_getaffinity(0)):
        box.run("sequence", 1, 1, cpu=cpu)

    (counts,) = [each for each in sensor.drain() if each.cgroup_id == box.id]
    assert (counts.ngrams[1:] > counts.ngrams[:-1]).all()
    assert struct.calcsize("Q") == counts.ngrams.itemsize
