"""Every detector keeps river's contract, and the part of it that river leaves to the detector.

River's own data sets have named columns; n-grams are integers, so its checks
run here on streams of windows.
"""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings, strategies as st
from river import base, checks
from river.checks import common

from model.mix import MixShift
from model.surprise import BackoffSurprise
from wire.ngram import N, pack

PROPERTY = settings(deadline=None, max_examples=40)

DETECTORS = [BackoffSurprise(), MixShift()]
STREAM = [
    {pack([1]): 3, pack([1, 2]): 3, pack([1, 2, 1 + index % 3]): 2, pack([4], injected=True): 1}
    for index in range(20)
]
GENERAL = [
    common.check_repr,
    common.check_str,
    common.check_tags,
    common.check_clone_same_class,
    common.check_clone_is_idempotent,
    common.check_clone_changes_memory_addresses,
    common.check_clone_with_new_params_applies,
    common.check_get_params_matches_signature,
    common.check_init_has_default_params_for_tests,
    common.check_init_default_params_are_not_mutable,
    common.check_mutate_can_be_idempotent,
    common.check_repr_roundtrips_clone,
]
ON_A_STREAM = [
    common.check_learn_one,
    common.check_shuffle_features_no_impact,
    common.check_emerging_features,
    common.check_disappearing_features,
    common.check_radically_disappearing_features,
    common.check_predict_one_pure,
    common.check_predict_one_before_any_learn,
    common.check_no_state_aliasing_with_input,
    common.check_clone_is_independent,
]
windows = st.dictionaries(
    st.builds(pack, st.lists(st.integers(1, 6), min_size=1, max_size=N)),
    st.integers(1, 1000),
    min_size=1,
    max_size=30,
)


class Stream:
    """Windows in the form that river's checks read."""

    def __iter__(self) -> Iterator[tuple[dict[int, int], bool]]:
        return ((dict(window), False) for window in STREAM)


def named(value: object) -> str:
    """Name a detector or a check."""
    return getattr(value, "__name__", type(value).__name__)


@pytest.mark.parametrize("check", GENERAL, ids=named)
@pytest.mark.parametrize("detector", DETECTORS, ids=named)
def test_a_detector_is_a_river_estimator(detector: base.AnomalyDetector, check) -> None:
    """It is cloned, shown and configured as river's own are."""
    check(detector.clone())


@pytest.mark.parametrize("check", ON_A_STREAM, ids=named)
@pytest.mark.parametrize("detector", DETECTORS, ids=named)
def test_a_detector_learns_a_stream(detector: base.AnomalyDetector, check) -> None:
    """Scoring is pure, the order of features means nothing, features may come and go."""
    check(detector.clone(), Stream())


@pytest.mark.parametrize("detector", DETECTORS, ids=named)
def test_the_checks_are_those_of_river(detector: base.AnomalyDetector) -> None:
    """Every check that river has for detectors is run here, or left out for a reason given here."""
    left_out = {
        "check_doc": "wants numpydoc sections; ours are Google's",
        "check_pickling": "snapshots are data, never pickle",
        "check_pickling_supports_roundtrip": "snapshots are data, never pickle",
        "check_mutable_attributes_exist": "none is declared",
        "check_roc_auc": "reads columns with names",
        "check_bounded_memory_growth": "reads columns with names; the cap has a test of its own",
    }
    ours = {check.__name__ for check in GENERAL + ON_A_STREAM}

    rivers = {check.__name__ for check in checks.yield_checks(detector.clone())}

    assert rivers <= ours | left_out.keys()


@PROPERTY
@given(st.lists(windows, max_size=5), windows)
def test_scores_repeat_bit_for_bit(learned: list[dict[int, int]], asked: dict[int, int]) -> None:
    """Two detectors that learned the same windows, in any order, give one score."""
    for detector in DETECTORS:
        one, other = detector.clone(), detector.clone()
        for window in learned:
            one.learn_one(window)
        for window in reversed(learned):
            other.learn_one(dict(reversed(window.items())))

        assert one.score_one(asked) == other.score_one(dict(reversed(asked.items())))


@PROPERTY
@given(st.lists(windows, max_size=5), windows)
def test_a_score_is_finite_and_not_negative(learned: list[dict[int, int]], asked: dict[int, int]) -> None:
    """Whatever was learned, and nothing learned included."""
    for detector in DETECTORS:
        each = detector.clone()
        for window in learned:
            each.learn_one(window)

        assert 0 <= each.score_one(asked) < 1e9
