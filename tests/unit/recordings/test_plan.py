"""What a recording is planned to hold: all benign operations in each half, and enough intrusions."""

import json
import random
import re
from collections import Counter
from dataclasses import dataclass
from itertools import takewhile

import pytest
from demo.workloads import NAMES
from recordings.actions import ACTIONS
from recordings.benign import PHASES, timetable
from recordings.deliveries import _BY_SERVICE
from recordings.diary import Diary
from recordings.intrusions import PAUSE_S
from recordings.machine_code import ROUTINES
from recordings.operations import OPERATIONS

from api.evaluate.events import read_events

HOURS_2 = 7200


@pytest.mark.parametrize("workload", NAMES)
@pytest.mark.parametrize("seed", range(5))
def test_every_operation_happens_in_both_halves(workload, seed):
    """Whatever the seed: what is learned is also judged, restarts and nightly jobs included."""
    times = timetable(OPERATIONS[workload], random.Random(seed))
    within = list(takewhile(lambda each: each[0] < HOURS_2, times))

    names = {operation.name for operation in OPERATIONS[workload]}
    assert {operation.name for at_s, operation in within if at_s < HOURS_2 / 2} == names
    assert {operation.name for at_s, operation in within if at_s >= HOURS_2 / 2} == names
    assert [at_s for at_s, _ in within] == sorted(at_s for at_s, _ in within)


def test_every_workload_is_reloaded_works_at_night_and_restarts():
    """Load has bursts and idle stretches; each workload has a job of the night and is restarted."""
    assert set(OPERATIONS) == set(NAMES)
    for operations in OPERATIONS.values():
        names = {operation.name for operation in operations}
        assert "restart" in names
        assert names & {"reload", "changed settings"}
        assert any(name.startswith("nightly") for name in names)
    assert {"idle", "burst"} <= {phase.name for phase in PHASES}


def test_at_least_thirty_actions_by_each_way_in():
    """Names tell them apart, proofs are regular expressions, and every tactic is one of ATT&CK's."""
    assert len(ACTIONS) >= 30
    assert len(ROUTINES) >= 30
    for some in (ACTIONS, ROUTINES):
        assert max(Counter(each.name for each in some).values()) == 1
        assert len({each.tactic for each in some}) >= 7
    for action in ACTIONS:
        re.compile(action.proof)
        assert "TOOL" not in action.script
    assert set(_BY_SERVICE) == set(NAMES)


def test_no_intrusion_can_borrow_the_window_of_another():
    """Between two there are more than two windows of the default length."""
    assert min(PAUSE_S) > 20


@dataclass(frozen=True)
class Container:
    """As much of a container as the diary asks for."""

    name: str = "nginx"


@dataclass(frozen=True)
class Pod:
    """As much of a pod as the diary asks for."""

    name: str = "web-0"
    namespace: str = "shop"
    uid: str = "u"
    container: Container = Container()


@dataclass(frozen=True)
class Pinned:
    """As much of a workload as the diary asks for."""

    name: str = "shop/web"
    pod: Pod = Pod()


def test_the_diary_is_what_the_evaluation_reads(tmp_path):
    """An event ends when its block does; one that failed says so and raises."""
    diary = Diary(tmp_path / "events.jsonl")
    with diary.event(Pinned(), "intrusion", "shell", delivery="exec", tactic="execution"):
        pass
    with pytest.raises(ValueError, match="no effect"), diary.event(Pinned(), "operation", "reload"):
        raise ValueError("no effect")
    diary.close()

    done, failed = read_events(tmp_path / "events.jsonl")
    assert (done.kind, done.name, done.delivery, done.pod_uid, done.ok) == (
        "intrusion",
        "shell",
        "exec",
        "u",
        True,
    )
    assert done.start <= done.end <= failed.start
    assert not failed.ok
    assert json.loads((tmp_path / "events.jsonl").read_text().splitlines()[1])["detail"] == "no effect"
