"""Traces as arrays, and their splits."""

import numpy as np
import pytest

from model.errors import SampleError
from model.evaluation.traces import Split, Traces, folds, shuffled, without_duplicates


def test_taking_keeps_sequences_whole() -> None:
    """Traces are taken in any order, and more than once."""
    taken = Traces.of([[0, 1], [2], [1, 1, 0]], 3).take(np.array([2, 0, 2]))

    assert taken.calls.tolist() == [1, 1, 0, 0, 1, 1, 1, 0]
    assert taken.starts.tolist() == [0, 3, 5, 8]


def test_an_empty_trace_is_refused() -> None:
    """It has no mean of anything."""
    with pytest.raises(SampleError, match="at least one call"):
        Traces.of([[0], []], 1)


def test_an_attack_that_equals_a_normal_trace_is_no_attack_without_duplicates() -> None:
    """Each sequence stays where it came first: learned, then normal, then attack."""
    traces = Traces.of([[0], [1], [0], [2], [2], [1], [3], [3]], 4)
    split = Split(np.array([0, 1]), np.array([2, 3, 4]), np.array([5, 6, 7]))

    found = without_duplicates(split, traces.contents())

    assert [rows.tolist() for rows in (found.learned, found.normal, found.attack)] == [[0, 1], [3], [6]]


def test_a_re_split_deals_the_normal_traces_anew() -> None:
    """All are there, as many learned as before, attacks are left; the same seed gives the same split."""
    split = Split(np.arange(10), np.arange(10, 40), np.arange(40, 45))
    first, again, other = shuffled(split, 1), shuffled(split, 1), shuffled(split, 2)

    assert sorted([*first.learned, *first.normal]) == list(range(40))
    assert len(first.learned) == 10
    assert first.attack.tolist() == split.attack.tolist()
    assert first.learned.tolist() == again.learned.tolist() != other.learned.tolist()


def test_folds_have_equal_sizes() -> None:
    """They differ by one trace at most."""
    assert sorted(np.bincount(folds(25, 10, 1)).tolist()) == [2] * 5 + [3] * 5
