"""Calibrator: p-values mean what they say."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from model.calibrate import LEAST_P, Calibrator

PROPERTY = settings(deadline=None, max_examples=60)

scores = st.lists(st.floats(0, 1e6), min_size=1, max_size=60)


def remembering(healthy: list[float]) -> Calibrator:
    """Return a calibrator that remembers exactly these scores."""
    calibrator = Calibrator()
    calibrator.restore(healthy, seen=2 * len(healthy))
    return calibrator


@PROPERTY
@given(scores)
def test_a_threshold_keeps_its_promise(healthy: list[float]) -> None:
    """Among exchangeable windows, at most a share alpha has a p-value up to alpha, where ranks reach it."""
    for alpha in (0.02, 0.05, 0.5):
        flagged = 0
        for index, held_out in enumerate(healthy):
            calibrator = remembering(healthy[:index] + healthy[index + 1 :])
            flagged += alpha >= calibrator.resolution and calibrator.p_value(held_out) <= alpha

        assert flagged <= alpha * len(healthy)


@PROPERTY
@given(scores, st.floats(0, 1e7), st.floats(0, 1e7), st.floats(1, 1e4))
def test_a_stranger_window_is_never_less_unusual(
    healthy: list[float], one: float, other: float, times: float
) -> None:
    """The p-value falls as the score rises and rises with the size of the window; it is never 0."""
    calibrator = remembering(healthy)
    low, high = sorted((one, other))

    assert LEAST_P <= calibrator.p_value(high) <= calibrator.p_value(low) <= 1
    assert calibrator.p_value(high) <= calibrator.p_value(high, times) <= 1


def test_the_tail_begins_where_the_ranks_end() -> None:
    """Just above the highest score the p-value is the resolution; there is no jump to exploit."""
    calibrator = remembering([float(score) for score in range(100)])

    assert calibrator.p_value(99.0) == 2 / 101
    assert calibrator.p_value(99.000001) == pytest.approx(calibrator.resolution)
    assert calibrator.p_value(99.0 + calibrator.tail_scale) == pytest.approx(calibrator.resolution * 1.1**-10)


def test_a_quiet_record_does_not_make_a_thin_tail() -> None:
    """Without any surprise on record, the first one is judged by the least scale."""
    calibrator = remembering([0.0] * 200)

    assert calibrator.tail_scale == calibrator.least_scale
    assert calibrator.p_value(24.0) == pytest.approx(1 / 201 * 1.1**-10)


def test_a_heavy_tail_widens_the_scale() -> None:
    """The deviation of the excesses counts where it is larger than their mean."""
    excess = [1.0] * 9 + [1001.0]
    calibrator = remembering([0.0] * 90 + excess)

    assert calibrator.tail_scale == pytest.approx(300.0 * (1 + 10**-0.5))


def test_the_tail_keeps_its_promise_on_exponential_scores() -> None:
    """Asked for a tenth of the resolution, the tail gives at most twice that on average over records."""
    generator = np.random.default_rng(7)
    asked, raised, tried = 1e-3, 0, 0
    for _ in range(400):
        calibrator = remembering(generator.exponential(100.0, size=99).tolist())
        fresh = generator.exponential(100.0, size=500)
        raised += sum(calibrator.p_value(score) <= asked for score in fresh.tolist())
        tried += len(fresh)

    assert asked / 4 < raised / tried < 2 * asked


def test_the_first_half_is_forgotten() -> None:
    """High scores of the time when everything was new do not stand for a healthy workload."""
    calibrator = Calibrator()
    for score in [1000.0] * 50 + [1.0] * 50:
        calibrator.learn_one(score)

    assert calibrator.recent == (1.0,) * 50
    assert calibrator.p_value(500.0) < calibrator.resolution


def test_memory_is_bounded() -> None:
    """At most `max_scores` are held, the newest of them."""
    calibrator = Calibrator(max_scores=10)
    for score in range(100):
        calibrator.learn_one(float(score))

    assert calibrator.recent == tuple(float(score) for score in range(90, 100))
    assert len(calibrator) == 10


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
