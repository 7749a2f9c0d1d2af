"""Merging and unlearning: counts are sums over windows, so order, batching and detours leave no trace."""

import math
from dataclasses import replace
from functools import reduce

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from model import snapshot
from model.baseline import Baseline
from model.errors import MergeError, UnlearnError
from model.merge import merge
from model.record import WIDTH
from model.settings import BaselineSettings
from model.state import BaselineState
from model.views import VIEWS, View
from tests.unit.model.workloads import SHELL, Server, sequence, tokens, window
from wire.ngram import N, pack

PROPERTY = settings(deadline=None, max_examples=20)

counts = st.dictionaries(
    st.builds(
        lambda calls, injected: pack(calls, injected=injected),
        st.lists(st.integers(1, 4), min_size=1, max_size=N),
        st.booleans(),
    ),
    st.integers(1, 1000),
    min_size=1,
    max_size=20,
)
replicas = st.lists(st.lists(counts, max_size=4), min_size=1, max_size=4)
COUNTED = ("ngrams", "counts", "held_by", "sizes", "sizes_held")
NUMBERS = ("windows", "windows_from_start", "refused_calls", "scores_seen")


def learned(parts: list[dict[int, int]]) -> Baseline:
    """Return a baseline of some windows."""
    baseline = Baseline()
    for part in parts:
        healthy = window(part)
        baseline.learn_window(healthy, baseline.score_window(healthy))
    return baseline


def totals(baseline: Baseline) -> list[float]:
    """Return the scores of the windows that are remembered."""
    rows = baseline.state().scores.tolist()
    return [math.fsum(bits for bits in row[:-1] if not math.isnan(bits)) for row in rows]


def counted(state: BaselineState) -> dict[str, object]:
    """Return all that is a sum over windows."""
    return {name: getattr(state, name).tolist() for name in COUNTED} | {
        name: getattr(state, name) for name in NUMBERS
    }


def everything(state: BaselineState) -> dict[str, object]:
    """Return a state in a form that can be compared."""
    return counted(state) | {"scores": state.scores.tolist()}


@PROPERTY
@given(replicas, st.randoms(use_true_random=False), counts)
def test_replicas_merge_into_the_baseline_of_all_their_windows(
    parts: list[list[dict[int, int]]], shuffle, asked: dict[int, int]
) -> None:
    """Whichever replica learned which window, and however they are merged: counts and scores are equal."""
    windows = [part for replica in parts for part in replica]
    shuffle.shuffle(windows)
    states = [learned(replica).state() for replica in parts]
    shuffle.shuffle(states)

    merged, whole = Baseline.from_state(reduce(merge, states)), learned(windows)

    assert counted(merged.state()) == counted(whole.state())
    one, other = merged.score_window(window(asked)), whole.score_window(window(asked))
    assert (one.score, one.novelty, one.contributions) == (other.score, other.novelty, other.contributions)


@PROPERTY
@given(*[st.lists(counts, max_size=4)] * 3)
def test_merging_is_commutative_and_associative(
    one: list[dict[int, int]], other: list[dict[int, int]], third: list[dict[int, int]]
) -> None:
    """Remembered scores included: any tree of merges gives the same state, bit for bit."""
    first, second, last = (learned(parts).state() for parts in (one, other, third))

    assert everything(merge(first, second)) == everything(merge(second, first))
    left, right = merge(merge(first, second), last), merge(first, merge(second, last))
    assert everything(left) == everything(right)


def test_merged_scores_are_those_of_both() -> None:
    """The record is a multiset union, in an order that favours neither the high nor the low ones."""
    healthy = Server(seed=41)
    one, other = (learned([healthy.counts(20) for _ in range(200)]).state() for _ in range(2))

    scores = merge(one, other).scores

    assert sorted(scores.tolist()) == sorted([*one.scores.tolist(), *other.scores.tolist()])
    assert scores.shape == (200, WIDTH)
    mix = scores[:, VIEWS.index(View.MIX)]
    assert np.quantile(mix, 0.3) < np.median(mix[:100]) < np.quantile(mix, 0.7)


def test_a_merged_baseline_goes_on() -> None:
    """It is snapshotted, ranks scores, and learns."""
    server = Server(seed=42)
    one, other = (learned([server.counts(50) for _ in range(30)]) for _ in range(2))

    merged = Baseline.from_state(merge(one.state(), other.state()))

    assert merged.windows_learned == 60
    assert merged.summary().unseen.windows == 0
    restored = snapshot.from_bytes(snapshot.to_bytes(merged))
    intruded = window(server.counts(50), sequence(tokens(SHELL), injected=True))
    score = restored.score_window(intruded)
    assert score == merged.score_window(intruded)
    assert score.p_value is not None
    assert score.p_value < score.resolution
    healthy = window(server.counts(50))
    assert merged.learn_window(healthy, merged.score_window(healthy))


def test_architectures_do_not_mix() -> None:
    """The same number is another call there."""
    with pytest.raises(MergeError, match="got x86_64 and aarch64"):
        merge(Baseline().state(), replace(Baseline().state(), arch="aarch64"))


@PROPERTY
@given(st.lists(counts, max_size=5), counts, counts)
def test_unlearning_undoes_learning(
    parts: list[dict[int, int]], extra: dict[int, int], asked: dict[int, int]
) -> None:
    """Counts are bit for bit those of before, and so is every score in bits."""
    baseline = learned(parts)
    before, score_before = counted(baseline.state()), baseline.score_window(window(asked))
    strange = window(extra)

    score = baseline.score_window(strange)
    baseline.learn_window(strange, score)
    baseline.unlearn_window(strange, score.score)

    assert counted(baseline.state()) == before
    score_after = baseline.score_window(window(asked))
    assert (score_after.score, score_after.contributions) == (score_before.score, score_before.contributions)
    assert snapshot.from_bytes(snapshot.to_bytes(baseline)).score_window(window(asked)) == score_after


@PROPERTY
@given(st.lists(counts, min_size=1, max_size=5), st.data())
def test_any_learned_window_can_be_unlearned(parts: list[dict[int, int]], data: st.DataObject) -> None:
    """Also long after: what is left is what the other windows taught."""
    at = data.draw(st.integers(0, len(parts) - 1))
    baseline, scores = Baseline(), []
    for part in parts:
        scores.append(baseline.score_window(window(part)))
        baseline.learn_window(window(part), scores[-1])

    baseline.unlearn_window(window(parts[at]), scores[at].score)

    assert counted(baseline.state()) == counted(learned(parts[:at] + parts[at + 1 :]).state())


def test_unlearning_takes_the_score_along() -> None:
    """A high score of an intrusion no longer stands for a healthy workload."""
    server = Server(seed=43)
    baseline = learned([server.counts(50) for _ in range(60)])
    intruded = window(server.counts(50), sequence(tokens(SHELL)))
    score = baseline.score_window(intruded)
    baseline.learn_window(intruded, score)
    assert score.score in totals(baseline)

    baseline.unlearn_window(intruded, score.score)

    assert score.score not in totals(baseline)
    assert len(totals(baseline)) == 29
    assert baseline.summary().windows_learned == 60
    assert 0 <= baseline.summary().unseen.low <= baseline.summary().unseen.high <= 1


def test_a_window_is_unlearned_by_its_score_alone() -> None:
    """Also one that was learned with the score of an earlier time, of which the views are not known."""
    baseline, earlier = learned([{1: 100, 2: 5}] * 60), window({1: 100, 2: 7})
    score = replace(baseline.score_window(earlier), score=77.0)
    baseline.learn_window(earlier, score)
    assert 77.0 in totals(baseline)

    baseline.unlearn_window(earlier, 77.0)

    assert 77.0 not in totals(baseline)


def test_the_largest_window_is_unlearned_too() -> None:
    """Load beyond experience is again beyond experience."""
    baseline = learned([{1: 100}, {1: 5000}])

    baseline.unlearn_window(window({1: 5000}), baseline.score_window(window({1: 5000})).score)

    assert baseline.largest_calls == 100


@pytest.mark.parametrize("strange", [{2: 1}, {1: 11}, {1: 10, 2: 1}, {1: 9}])
def test_what_was_never_learned_cannot_be_unlearned(strange: dict[int, int]) -> None:
    """Counts that do not add up are refused, and nothing changes."""
    baseline = learned([{1: 10}])
    before = everything(baseline.state())

    with pytest.raises(UnlearnError, match="a window that was learned"):
        baseline.unlearn_window(window(strange), baseline.score_window(window(strange)).score)

    assert everything(baseline.state()) == before


def test_a_start_that_was_never_learned_cannot_be_unlearned() -> None:
    """The number of windows seen from the start never falls below none."""
    baseline, late = Baseline(), window({1: 10}, from_start=False)
    baseline.learn_window(late, baseline.score_window(late))

    with pytest.raises(UnlearnError, match="from the start"):
        baseline.unlearn_window(window({1: 10}), baseline.score_window(late).score)


def test_nothing_can_be_unlearned_of_nothing() -> None:
    """Not even a window without calls."""
    with pytest.raises(UnlearnError, match="learned none"):
        Baseline().unlearn_window(window({}, from_start=False), 0.0)


def test_a_full_baseline_does_not_unlearn() -> None:
    """Nobody knows which calls of the window were refused when it was learned."""
    baseline = Baseline(settings=BaselineSettings(max_ngrams=1))
    both = window({1: 5, 2: 5})
    score = baseline.score_window(both)
    baseline.learn_window(both, score)

    with pytest.raises(UnlearnError, match="refused no calls; got one of 5 refused"):
        baseline.unlearn_window(both, score.score)
