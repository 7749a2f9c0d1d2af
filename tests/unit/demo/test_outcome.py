"""What the demo calls a success."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from demo.intrusions import INTRUSIONS
from demo.report import as_json
from demo.story import Outcome, Raised
from demo.watch import Finding
from demo.workloads import NAMES

_START = datetime(2026, 11, 23, 12, tzinfo=UTC)
_FINDING = Finding(
    alert_id=1, start=_START, end=_START + timedelta(seconds=1), score=900.0, p_value=1e-9, why=()
)


def _outcome() -> Outcome:
    raised = [Raised(each, _START, _START, _FINDING, 1.5) for each in INTRUSIONS]
    return Outcome(
        window_s=1, benign_windows={"shop/web": 40}, benign_findings={"shop/web": []}, raised=raised
    )


def test_all_raised_and_nothing_else_is_a_success():
    """Every intrusion raised, no finding without a cause."""
    assert _outcome().ok


@pytest.mark.parametrize("chapter", ["benign_findings", "unexplained"])
def test_one_false_alarm_is_a_failure(chapter):
    """A finding that no intrusion explains fails the demo, whichever chapter it falls in."""
    outcome = _outcome()
    setattr(outcome, chapter, {"shop/web": [_FINDING]})

    assert not outcome.ok


def test_one_missed_intrusion_is_a_failure():
    """Seven of eight are not enough."""
    outcome = _outcome()
    outcome.raised[3] = replace(outcome.raised[3], finding=None, seen_after_s=None)

    assert not outcome.ok


def test_no_intrusion_is_a_failure():
    """A story cut short proves nothing."""
    outcome = _outcome()
    outcome.raised.clear()

    assert not outcome.ok


def test_the_json_says_the_same():
    """A script reads the verdict and each delay from the JSON."""
    plain = as_json(_outcome())

    assert plain["ok"] is True
    assert [each["seen_after_s"] for each in plain["intrusions"]] == [1.5] * len(INTRUSIONS)


def test_a_finding_overlaps_what_shares_a_moment_with_its_window():
    """Windows are half-open: one that ended when the intrusion began did not see it."""
    second = timedelta(seconds=1)

    assert _FINDING.overlaps(_START - second, _START)
    assert _FINDING.overlaps(_START + 0.5 * second, _START + 9 * second)
    assert not _FINDING.overlaps(_START + second, _START + 2 * second)
    assert not _FINDING.overlaps(_START - 2 * second, _START - second)


def test_every_workload_is_intruded_and_neighbours_in_order_differ():
    """No intrusion follows another on the same workload, and no workload is spared."""
    order = [each.workload for each in INTRUSIONS]

    assert set(order) == set(NAMES)
    assert all(one != two for one, two in itertools.pairwise(order))
