"""Budget: what is asked, what can be promised, and how sure a realised rate is."""

import math

import pytest
from hypothesis import given, strategies as st

from model.budget import EXTRAPOLATION, Promise, poisson_interval, threshold, windows_per_week


def promise(
    per_week: float = 1.0, learned: int = 0, replicas: float = 1.0, max_scores: int = 4096
) -> Promise:
    """Return the promise of windows of ten seconds."""
    return Promise(
        per_week=per_week,
        windows_per_week=windows_per_week(10, replicas),
        learned_windows=learned,
        max_scores=max_scores,
    )


def test_replicas_share_a_budget() -> None:
    """Four containers of a workload yield four times the windows, so each gets a quarter of alpha."""
    assert promise(replicas=4.0).alpha == pytest.approx(promise().alpha / 4)
    assert windows_per_week(10, 0.2) == windows_per_week(10, 1.0)


def test_a_budget_beyond_all_windows_allows_everything() -> None:
    """Alpha is a probability."""
    assert threshold(1e9, 60_480.0) == 1.0


def test_a_young_baseline_promises_what_it_can() -> None:
    """The threshold is the one asked for from the first window on; the promise is not."""
    young = promise(learned=600)

    assert young.alpha == pytest.approx(1 / 60_480)
    assert not young.kept
    assert young.promised_per_week == young.finest_per_week == pytest.approx(60_480 / 16 / 301)


def test_the_default_budget_is_promised_after_a_day() -> None:
    """One a week at windows of ten seconds takes 7,558 windows, 21 hours."""
    assert promise().needed_windows == 7_558
    assert promise().wait_s(60_480) == pytest.approx(7_558 * 10, abs=1)
    assert promise(learned=7_558).kept
    assert not promise(learned=7_556).kept


def test_a_budget_that_no_record_supports_is_never_promised() -> None:
    """The record has an end, and the promise with it."""
    never = promise(per_week=0.01)

    assert never.needed_windows is None
    assert never.wait_s(60_480) is None


@given(st.floats(0.05, 1e5), st.integers(0, 100_000), st.floats(1, 500), st.integers(1, 20_000))
def test_what_is_needed_is_enough(per_week: float, learned: int, replicas: float, max_scores: int) -> None:
    """With the needed windows learned a budget is kept, with fewer it is not; alpha never depends on them."""
    asked = promise(per_week, learned, replicas, max_scores)
    needed = asked.needed_windows

    if needed is None:
        assert not promise(per_week, 10**9, replicas, max_scores).kept
        return
    assert promise(per_week, needed, replicas, max_scores).kept
    if needed > 2:
        assert not promise(per_week, needed - 2, replicas, max_scores).kept
    assert asked.alpha >= 0.999 / (EXTRAPOLATION * (max_scores + 1))


@pytest.mark.parametrize("events", [0, 1, 7, 60])
def test_the_interval_is_exact(events: int) -> None:
    """At its ends, as many events or fewer, and as many or more, have 2.5 % each."""

    def at_most(most: int, mean: float) -> float:
        return sum(math.exp(each * math.log(mean) - mean - math.lgamma(each + 1)) for each in range(most + 1))

    low, high = poisson_interval(events)

    assert at_most(events, high) == pytest.approx(0.025)
    if events:
        assert 1 - at_most(events - 1, low) == pytest.approx(0.025)
    else:
        assert low == 0
