"""The detector of a changed mix of calls: bounded, and blind to how many calls there are."""

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from river.base import AnomalyDetector

from model.window import Counts, Ngrams, as_arrays
from wire.ngram import INJECTED, TOKEN_MASK
from wire.syscalls import TOKENS

_KINDS: Final = 2 * TOKENS
"""Calls of the own lineage, then the same calls of injected ones."""


class MixShift(AnomalyDetector):
    """Jensen-Shannon divergence between a window's shares of calls and the learned ones, times `scale`.

    It is 0 for the learned mix at any load, and `scale` where no call is shared [^1].
    A window with fewer calls than the mean one counts for as much less: its
    shares are those of a handful of requests, and filled up with usual calls
    to the usual number it would differ by no more than that, as the divergence is convex.

    Args:
        scale: Largest score, in bits.

    Examples:
        >>> detector = MixShift(scale=8.0)
        >>> detector.learn_one({1: 30, 2: 10})
        >>> detector.score_one({1: 3000, 2: 1000}), detector.score_one({7: 50}), detector.score_one({7: 5})
        (0.0, 8.0, 1.0)
        >>> 0 < detector.score_one({1: 10, 2: 30}) < 8
        True

    References:
        [^1]: Lin, J. "Divergence measures based on the Shannon entropy." IEEE
            Transactions on Information Theory 37(1), 1991.
    """

    def __init__(self, scale: float = 8.0) -> None:
        self.scale = scale
        self.windows = 0
        self.learned = 0
        self.calls = np.zeros(_KINDS, dtype=np.int64)

    def learn_one(self, x: Mapping[Any, int]) -> None:
        self.learn_arrays(*as_arrays(x))

    def score_one(self, x: Mapping[Any, int]) -> float:
        bits, absent = self.bits(*as_arrays(x))
        return math.fsum((*bits, absent))

    def learn_arrays(self, ngrams: Ngrams, counts: Counts, *, windows: int = 1) -> None:
        """Add one window, or the sum of several."""
        np.add.at(self.calls, _kind(ngrams), counts)
        self.learned += int(counts.sum())
        self.windows += windows

    def unlearn_arrays(self, ngrams: Ngrams, counts: Counts) -> None:
        """Take one learned window back."""
        np.subtract.at(self.calls, _kind(ngrams), counts)
        self.learned -= int(counts.sum())
        self.windows -= 1

    def bits(self, ngrams: Ngrams, counts: Counts) -> tuple[NDArray[np.float64], float]:
        """Return what each n-gram adds to the score, and what the calls add that are not in the window."""
        if not self.learned or not len(ngrams):
            return np.zeros(len(ngrams)), 0.0
        kind = _kind(ngrams)
        calls = np.asarray(np.bincount(kind, weights=counts), dtype=np.float64)
        total = float(counts.sum())
        present = np.flatnonzero(calls)
        here_calls, usual_calls = calls[present], self.calls[present]
        here, usual = here_calls / total, usual_calls / self.learned
        # A kind's term of the divergence is never negative, so it can be shared out by its n-grams' calls.
        both = here + usual
        term = here * np.log2(2 * here / both)
        term += usual * np.log2(2 * usual / both, out=np.zeros(len(usual)), where=usual > 0)
        weight = 0.5 * self.scale * min(1.0, total * self.windows / self.learned)
        calls[present] = weight * np.maximum(term, 0.0) / here_calls
        missing = 1 - int(usual_calls.sum()) / self.learned
        return np.asarray(calls[kind] * counts), weight * missing


def _kind(ngrams: Ngrams) -> NDArray[np.int64]:
    """Return a number below 2,048 for each n-gram's newest call and lineage."""
    if not len(ngrams) or ngrams[-1] < INJECTED:
        return np.asarray(ngrams & np.uint64(TOKEN_MASK)).view(np.int64)
    injected = (ngrams & np.uint64(INJECTED)) != 0
    return np.asarray((ngrams & np.uint64(TOKEN_MASK)).astype(np.int64) + injected * TOKENS)
