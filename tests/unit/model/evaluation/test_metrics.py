"""Area, detection and false alarms, by hand and against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from sklearn.metrics import roc_auc_score

from model.evaluation.metrics import alarms_at, area, curve, detection_at

SCORES = st.lists(st.integers(0, 6), min_size=2, max_size=30).map(
    lambda values: np.array(values, dtype=float)
)


@given(normal=SCORES, attack=SCORES)
@settings(max_examples=30, deadline=None)
def test_the_area_is_the_share_of_pairs_in_the_right_order(normal: np.ndarray, attack: np.ndarray) -> None:
    """It is the statistic of Mann and Whitney, ties counting half, and scikit-learn agrees."""
    pairs = attack[:, None] - normal
    found = area(normal, attack)
    labels = [0] * len(normal) + [1] * len(attack)

    assert found.value == pytest.approx(((pairs > 0) + 0.5 * (pairs == 0)).mean())
    assert found.value == pytest.approx(roc_auc_score(labels, np.concatenate((normal, attack))))
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_the_interval_is_delongs() -> None:
    """Worked by hand: placements of 2, 3 among 1, 2, 4 are 1/2 and 2/3, of the normal ones 1, 3/4 and 0."""
    found = area(np.array([1.0, 2.0, 4.0]), np.array([2.0, 3.0]))
    error = np.sqrt(np.var([1 / 2, 2 / 3], ddof=1) / 2 + np.var([1, 3 / 4, 0], ddof=1) / 3)

    assert found.value == pytest.approx(7 / 12)
    assert found.low == pytest.approx(max(0, 7 / 12 - 1.959964 * error))


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    """Of 300 samples of two normals one deviation apart, 95 % ± 4 hold the true area."""
    generator = np.random.default_rng(1)
    truth = 0.7602499
    found = [area(generator.normal(0, 1, 60), generator.normal(1, 1, 60)) for _ in range(300)]

    assert 0.91 < np.mean([each.low <= truth <= each.high for each in found]) < 0.99


def test_a_tie_at_the_threshold_is_not_detected() -> None:
    """Where the highest score is shared by attack and normal traces, no threshold at 10 % finds anything."""
    normal = np.array([0.0] * 8 + [1.0] * 2)

    assert detection_at(normal, np.array([1.0, 1.0]), 0.1) == 0
    assert detection_at(normal, np.array([1.0, 1.0]), 0.2) == 1


@given(normal=SCORES, attack=SCORES, rate=st.sampled_from([0.01, 0.1, 0.3]))
@settings(max_examples=30, deadline=None)
def test_no_threshold_within_the_rate_detects_more(
    normal: np.ndarray, attack: np.ndarray, rate: float
) -> None:
    """It is the best point of the curve that can be set."""
    false, true = curve(normal, attack)

    assert detection_at(normal, attack, rate) == pytest.approx(true[false <= rate + 1e-9].max())


def test_false_alarms_at_a_detection_are_counted_at_a_real_threshold() -> None:
    """To find nine of ten attacks the threshold falls to the ninth, and all normal traces there alarm."""
    attack = np.arange(10.0)

    assert alarms_at(np.array([0.0, 0.5, 1.0, 20.0]), attack, 0.9) == 0.5
