"""Calibrator: p-values mean what they say."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from model.calibrate import LEAST_P, Calibrator

PROPERTY = settings(deadline=None, max_examples=60)

scores = st.lists(st.floats(0, 1e6), min_size=1, max_size=60)


def remembering(healthy: list[float]) -> Calibrator:
    """Return a calibrator that remembers exactly these scores."""
    calibrator = Calibrator(healthy)
    assert len(calibrator) == len(healthy)
    return calibrator


@PROPERTY
@given(st.lists(st.integers(0, 10**6).map(float), min_size=2, max_size=60, unique=True))
def test_a_threshold_keeps_its_promise(healthy: list[float]) -> None:
    """Of exchangeable scores without ties just the share k / (n + 1) has a p-value up to it."""
    for rank in {1, (len(healthy) + 1) // 2, len(healthy) - 1}:
        assert flagged(healthy, rank / len(healthy)) == rank


@PROPERTY
@given(st.lists(st.integers(0, 5).map(float), min_size=2, max_size=60))
def test_ties_cost_at_most_one_rank(healthy: list[float]) -> None:
    """Where scores are equal, a threshold that ranks reach is passed by at most one window too many."""
    for rank in {1, (len(healthy) + 1) // 2, len(healthy) - 1}:
        assert flagged(healthy, rank / len(healthy)) <= rank + 1


def flagged(healthy: list[float], alpha: float) -> int:
    """Return how many scores have a p-value up to alpha among the others."""
    found = 0
    for index, held_out in enumerate(healthy):
        calibrator = remembering(healthy[:index] + healthy[index + 1 :])
        found += calibrator.p_value(held_out) <= alpha * (1 + 1e-12)
    return found


@PROPERTY
@given(scores, st.floats(0, 1e7), st.floats(0, 1e7), st.floats(0, 1e4))
def test_a_stranger_window_is_never_less_unusual(
    healthy: list[float], one: float, other: float, more: float
) -> None:
    """The p-value falls as the score rises and rises with the size of the window; it is never 0."""
    calibrator = remembering(healthy)
    low, high = sorted((one, other))

    assert LEAST_P <= calibrator.p_value(high) <= calibrator.p_value(low) <= 1
    assert calibrator.p_value(high) <= calibrator.p_value(high, more) <= 1


def test_the_tail_begins_where_the_ranks_end() -> None:
    """Just above the highest score the p-value is the resolution; there is no jump to exploit."""
    calibrator = remembering([float(score) for score in range(100)])

    assert calibrator.p_value(99.0) == calibrator.resolution == 1 / 101
    assert calibrator.p_value(99.000001) == pytest.approx(calibrator.resolution)


def test_between_two_scores_the_p_value_is_between_theirs() -> None:
    """Every asked rate is spent, not only those that ranks hit."""
    calibrator = remembering([float(score) for score in range(100)])

    assert calibrator.p_value(90.0) == pytest.approx(10 / 101)
    assert calibrator.p_value(90.25) == pytest.approx(9.75 / 101)


def test_a_tie_counts_the_new_window_too() -> None:
    """Of four equal scores the next is one of five."""
    calibrator = remembering([7.0] * 4)

    assert calibrator.p_value(7.0) == 1
    assert calibrator.p_value(6.0) == 1


def test_a_quiet_record_does_not_make_a_thin_tail() -> None:
    """Without any surprise on record, the first one is judged by the least scale, as half of what is new."""
    calibrator = remembering([0.0] * 200)

    assert calibrator.tail_scale == calibrator.jump
    assert calibrator.p_value(24.0) == pytest.approx(1 / 201 / 2 * 1.1**-10)


def test_a_heavy_tail_widens_the_scale() -> None:
    """One score far above the others makes the next such score likelier."""
    usual = remembering([0.0] * 90 + [float(score) for score in range(1, 11)])
    heavy = remembering([0.0] * 90 + [1.0] * 9 + [1001.0])

    assert heavy.tail_scale > 10 * usual.tail_scale
    assert heavy.p_value(1301.0) > 100 * usual.p_value(310.0)


@pytest.mark.parametrize(("index", "least", "most"), [(None, 0.3, 1.3), (3.0, 0.3, 3.0)])
def test_the_tail_keeps_its_promise(index: float | None, least: float, most: float) -> None:
    """At half the resolution it is about kept on exponential and on heavy (Pareto) excesses."""
    generator = np.random.default_rng(7)
    raised, tried = 0, 0
    for _ in range(200):
        draw = (
            generator.exponential
            if index is None
            else lambda scale, size: scale * generator.pareto(3.0, size)
        )
        calibrator = remembering(draw(100.0, 99).tolist())
        fresh = draw(100.0, 500)
        raised += sum(calibrator.p_value(score) <= 0.005 for score in fresh.tolist())
        tried += len(fresh)

    assert least < raised / tried / 0.005 < most


def test_load_beyond_experience_is_judged_as_several_windows() -> None:
    """A window of the size of three may have the bits of two usual ones beside those of the largest."""
    calibrator = remembering([float(score) for score in range(100)])

    assert calibrator.p_value(99.0 + 2 * calibrator.mean, more=2.0) == pytest.approx(3 / 101)


def test_what_is_added_can_be_removed() -> None:
    """The record is afterwards what it was, ties included."""
    calibrator = remembering([1.0, 2.0, 2.0, 9.0])
    before = [calibrator.p_value(score) for score in (0.5, 2.0, 5.0, 20.0)]

    calibrator.add(2.0)
    calibrator.remove(2.0)

    assert [calibrator.p_value(score) for score in (0.5, 2.0, 5.0, 20.0)] == before
    assert (calibrator.highest, calibrator.mean) == (9.0, 3.5)


def test_nothing_new_is_never_unusual() -> None:
    """Scores are at least 0, so one of 0 is as usual as can be."""
    assert remembering([0.0, 3.0, 4.0]).p_value(0.0) == 1


def test_bits_of_p_values_halve() -> None:
    """Beyond the record of such scores each further bit makes the p-value half as large."""
    calibrator = Calibrator([1.0, 2.0, 5.0], jump=None)

    assert calibrator.p_value(5.0) == 0.25
    assert calibrator.p_value(6.0) == 0.125
    assert calibrator.p_value(8.0) == 1 / 32


def test_nothing_is_said_before_the_first_score() -> None:
    """Without a record every score is as usual as can be."""
    calibrator = Calibrator()

    assert calibrator.p_value(1e9) == 1
    assert calibrator.resolution == 1
    assert calibrator.quantiles() == ()


def test_quantiles_are_given_as_far_as_the_record_reaches() -> None:
    """Ninety-nine scores know their median, not their thousandth."""
    calibrator = remembering([float(score) for score in range(1, 100)])

    assert calibrator.quantiles() == ((0.5, 50.0), (0.9, 90.0), (0.99, 99.0))
