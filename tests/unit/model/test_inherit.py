"""What a new image's baseline takes over, and what it adds."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from model import snapshot
from model.baseline import Baseline
from model.errors import MergeError
from model.inherit import LEAST_SCORES, LEAST_WINDOWS, added, inherit
from model.window import Window, as_arrays
from wire.ngram import pack

CALLS = st.integers(min_value=1, max_value=9)
WINDOWS = st.lists(st.dictionaries(CALLS, st.integers(min_value=1, max_value=40), min_size=1), max_size=40)


def window(counts: dict[int, int]) -> Window:
    """Return a window in which some calls follow others."""
    ngrams, numbers = as_arrays({pack([call, call + 1]): count for call, count in counts.items()})
    return Window(ngrams=ngrams, counts=numbers)


def learned(windows: list[dict[int, int]], baseline: Baseline | None = None) -> Baseline:
    """Return a baseline that has learned windows."""
    baseline = baseline or Baseline()
    for each in windows:
        one = window(each)
        baseline.learn_window(one, baseline.score_window(one))
    return baseline


def counted(state: Any) -> tuple[list[int], list[int], list[int], int]:
    """Return what is counted of n-grams and windows."""
    return state.ngrams.tolist(), state.counts.tolist(), state.held_by.tolist(), state.windows


@given(WINDOWS, st.floats(min_value=0.01, max_value=1.0))
def test_all_that_was_known_stays_known_and_a_snapshot_holds_it(
    windows: list[dict[int, int]], weight: float
) -> None:
    """At any weight, with the largest size, and no more windows than before."""
    state = learned(windows).state()
    taken = inherit(state, weight=weight)

    again = snapshot.from_bytes(snapshot.to_bytes(Baseline.from_state(taken))).state()
    assert counted(again) == counted(taken)
    assert taken.ngrams.tolist() == state.ngrams.tolist()
    assert taken.windows <= state.windows
    assert taken.sizes.max(initial=0) == state.sizes.max(initial=0)
    assert bool(np.all(taken.counts <= state.counts))


@given(WINDOWS, WINDOWS)
def test_what_was_added_is_exactly_what_was_learned_since(
    before: list[dict[int, int]], since: list[dict[int, int]]
) -> None:
    """As of a baseline that learned nothing else."""
    began = inherit(learned(before).state())
    now = learned(since, Baseline.from_state(began)).state()

    assert counted(added(now, began)) == counted(learned(since).state())


def test_full_weight_changes_no_count() -> None:
    """Completeness alone begins anew."""
    state = learned([{1: 3, 2: 5}, {1: 4}]).state()
    assert counted(inherit(state, weight=1)) == counted(state)
    assert inherit(state).completeness == {}


def test_the_newest_scores_are_taken_over_and_at_least_so_many() -> None:
    """A rank among few would be coarser than the predecessor's."""
    state = learned([{1: 3 + index % 5} for index in range(2 * LEAST_SCORES + 100)]).state()
    taken = inherit(state)

    assert len(state.scores) > LEAST_SCORES
    assert len(taken.scores) == LEAST_SCORES
    assert taken.scores.tolist() == state.scores[-LEAST_SCORES:].tolist()
    one = window({1: 3})
    baseline = Baseline.from_state(taken)
    baseline.learn_window(one, baseline.score_window(one))
    assert len(baseline.state().scores) == LEAST_SCORES


def test_another_beginning_is_refused() -> None:
    """Counts that would become negative are no history."""
    with pytest.raises(MergeError, match="another history"):
        added(learned([{1: 1}]).state(), learned([{1: 5}]).state())
    with pytest.raises(MergeError, match="another history"):
        added(learned([{1: 1}]).state(), learned([{2: 1}]).state())


@pytest.mark.parametrize("weight", [0, -1, 1.5])
def test_a_weight_is_a_share(weight: float) -> None:
    """Nothing else is taken."""
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        inherit(Baseline().state(), weight=weight)


def test_a_young_predecessor_leaves_enough_to_rank_scores() -> None:
    """Whatever the weight, its successor is as ready as it was."""
    state = learned([{1: 3 + index % 5} for index in range(36)]).state()
    taken = Baseline.from_state(inherit(state))

    assert taken.windows_learned == LEAST_WINDOWS
    assert taken.ready
