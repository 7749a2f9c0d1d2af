"""What the baseline of a new release of a program takes over from its predecessor's, and what it then adds.

A new image does most of what the one before did. Its baseline begins with all that was known, so that
it ranks scores from its first window on, at a reduced weight, so that what the new image does outweighs
that soon: with a weight of 1/4 after a quarter of the windows (ADR 0101).
"""

import math
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.errors import MergeError
from model.settings import BaselineSettings
from model.state import BaselineState

WEIGHT: Final = 0.25
"""Of each window of the predecessor, beside one of the new image."""
LEAST_WINDOWS: Final = BaselineSettings().min_windows
"""Windows that are inherited at least where there were so many: with fewer no score could be ranked."""
LEAST_SCORES: Final = 512
"""Remembered scores that are taken over where there are so many, for a rank to be fine enough."""


def inherit(state: BaselineState, *, weight: float = WEIGHT) -> BaselineState:
    """Return what a successor begins with.

    All n-grams stay known: counts are rounded up. Of remembered scores the newest are taken over.
    Completeness begins anew, so that it tells how much of what is new in the successor was seen.

    Args:
        state: Of the predecessor.
        weight: In (0, 1]; a higher one is taken where fewer than thirty windows would be inherited.

    Raises:
        ValueError: The weight is outside.

    Examples:
        >>> from model.baseline import Baseline
        >>> inherit(Baseline().state()).windows
        0
    """
    if not 0 < weight <= 1:
        msg = f"Expected a weight above 0 and at most 1; got {weight}."
        raise ValueError(msg)
    weight = max(weight, min(1.0, LEAST_WINDOWS / max(state.windows, 1)))
    sizes, sizes_held = _scaled_sizes(state, weight)
    scores, start_scores = _newest(state.scores, weight), _newest(state.start_scores, weight)
    return replace(
        state,
        windows=math.ceil(state.windows * weight),
        windows_from_start=math.ceil(state.windows_from_start * weight),
        scores_seen=_seen(state.scores_seen, state.scores, scores),
        counts=_scaled(state.counts, weight),
        held_by=_scaled(state.held_by, weight),
        sizes=sizes,
        sizes_held=sizes_held,
        scores=scores,
        start_scores_seen=_seen(state.start_scores_seen, state.start_scores, start_scores),
        start_scores=start_scores,
        completeness={},
    )


def added(now: BaselineState, inherited: BaselineState) -> BaselineState:
    """Return what a successor learned by itself: its counts without those that it began with.

    Records are not divided: the remembered scores are those of both.

    Args:
        now: Of the successor.
        inherited: What `inherit` returned when it began.

    Raises:
        MergeError: The successor did not begin with that.
    """
    at = np.searchsorted(now.ngrams, inherited.ngrams)
    begun = len(now.ngrams) >= len(inherited.ngrams) and np.array_equal(
        now.ngrams[np.minimum(at, max(len(now.ngrams) - 1, 0))], inherited.ngrams
    )
    counts, held_by = now.counts.copy(), now.held_by.copy()
    if begun:
        counts[at] -= inherited.counts
        held_by[at] -= inherited.held_by
    if not begun or (counts < 0).any() or (held_by < 0).any() or now.arch != inherited.arch:
        msg = "Expected a baseline and what it began with; got two that have another history."
        raise MergeError(msg)
    own = held_by > 0
    return replace(
        now,
        windows=now.windows - inherited.windows,
        windows_from_start=now.windows_from_start - inherited.windows_from_start,
        ngrams=now.ngrams[own],
        counts=counts[own],
        held_by=held_by[own],
    )


def _scaled(counts: NDArray[np.int64], weight: float) -> NDArray[np.int64]:
    scaled: NDArray[np.int64] = np.ceil(counts * weight).astype(np.int64)
    return scaled


def _scaled_sizes(state: BaselineState, weight: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return sizes and windows of each, from the largest on, so that the largest stays and the sum fits."""
    from_largest = _scaled(np.cumsum(state.sizes_held[::-1]), weight)
    held = np.diff(from_largest, prepend=0)[::-1]
    return state.sizes[held > 0], held[held > 0]


def _newest(rows: NDArray[Any], weight: float) -> NDArray[Any]:
    kept = min(len(rows), max(math.ceil(len(rows) * weight), LEAST_SCORES))
    return rows[len(rows) - kept :].copy()


def _seen(seen: int, before: NDArray[Any], kept: NDArray[Any]) -> int:
    """Return how many windows the kept rows stand for: a record remembers the later half of what it saw."""
    return seen if len(kept) == len(before) else 2 * len(kept)
