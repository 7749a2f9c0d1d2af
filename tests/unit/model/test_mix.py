"""MixShift: bounded, blind to load, and the divergence it claims to be."""

import math
from collections.abc import Mapping

import pytest
from hypothesis import given, settings, strategies as st

from model.mix import MixShift
from wire.ngram import INJECTED, pack

PROPERTY = settings(deadline=None, max_examples=60)

mixes = st.dictionaries(
    st.builds(lambda call, injected: pack([call], injected=injected), st.integers(1, 9), st.booleans()),
    st.integers(1, 10_000),
    min_size=1,
)


def divergence(one: Mapping[int, float], other: Mapping[int, float]) -> float:
    """Return the Jensen-Shannon divergence in bits from its definition."""
    first = {key: count / sum(one.values()) for key, count in one.items()}
    second = {key: count / sum(other.values()) for key, count in other.items()}
    middle = {key: (first.get(key, 0) + second.get(key, 0)) / 2 for key in first.keys() | second.keys()}
    half = [
        share * math.log2(share / middle[key])
        for part in (first, second)
        for key, share in part.items()
        if share
    ]
    return math.fsum(half) / 2


@PROPERTY
@given(mixes, mixes)
def test_the_score_is_the_divergence(learned: dict[int, int], window: dict[int, int]) -> None:
    """In bits, times the scale and the share of the usual calls, and never outside 0 to the scale."""
    detector = MixShift(scale=8.0)
    detector.learn_one(learned)

    score = detector.score_one(window)

    size = min(1.0, sum(window.values()) / sum(learned.values()))
    assert score == pytest.approx(8 * size * divergence(learned, window), abs=1e-9)
    assert -1e-9 <= score <= 8 + 1e-9


@PROPERTY
@given(mixes, mixes, st.integers(2, 1000))
def test_load_changes_nothing(learned: dict[int, int], window: dict[int, int], times: int) -> None:
    """From the usual number of calls on, the same mix at another load has the same score."""
    detector = MixShift()
    detector.learn_one(learned)
    usual = {ngram: count * sum(learned.values()) for ngram, count in window.items()}
    louder = {ngram: count * times for ngram, count in usual.items()}

    assert detector.score_one(louder) == pytest.approx(detector.score_one(usual), abs=1e-9)


@PROPERTY
@given(mixes, mixes)
def test_a_quiet_window_differs_by_no_more_than_one_filled_up(
    learned: dict[int, int], window: dict[int, int]
) -> None:
    """Usual calls added up to the usual number leave a divergence that is at most the score."""
    detector = MixShift()
    for _ in range(3):
        detector.learn_one({ngram: 10 * count for ngram, count in learned.items()})
    missing = 10 * sum(learned.values()) - sum(window.values())
    if missing <= 0:
        return
    share = missing / sum(learned.values())
    filled = {
        ngram: window.get(ngram, 0) + share * learned.get(ngram, 0)
        for ngram in learned.keys() | window.keys()
    }

    assert 8 * divergence(learned, filled) <= detector.score_one(window) + 1e-9


def test_an_injected_call_is_another_kind() -> None:
    """Calls of an injected lineage share nothing with the same calls of the own one."""
    detector = MixShift(scale=8.0)
    detector.learn_one({1: 10})

    assert detector.score_one({1 | INJECTED: 10}) == 8.0


def test_without_a_mix_there_is_no_shift() -> None:
    """Nothing learned, or nothing seen, is not a change."""
    detector = MixShift()

    assert detector.score_one({1: 10}) == 0
    detector.learn_one({1: 10})
    assert detector.score_one({}) == 0
