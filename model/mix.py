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

    Args:
        scale: Largest score, in bits.

    Examples:
        >>> detector = MixShift(scale=8.0)
        >>> detector.learn_one({1: 30, 2: 10})
        >>> detector.score_one({1: 3000, 2: 1000}), detector.score_one({7: 5})
        (0.0, 8.0)
        >>> 0 < detector.score_one({1: 10, 2: 30}) < 8
        True

    References:
        [^1]: Lin, J. "Divergence measures based on the Shannon entropy." IEEE
            Transactions on Information Theory 37(1), 1991.
    """

    def __init__(self, scale: float = 8.0) -> None:
        self.scale = scale
        self.calls = np.zeros(_KINDS, dtype=np.int64)

    def learn_one(self, x: Mapping[Any, int]) -> None:
        self.learn_arrays(*as_arrays(x))

    def score_one(self, x: Mapping[Any, int]) -> float:
        bits, absent = self.bits(*as_arrays(x))
        return math.fsum((*bits, absent))

    def learn_arrays(self, ngrams: Ngrams, counts: Counts) -> None:
        """Add one window."""
        np.add.at(self.calls, _kind(ngrams), counts)

    def unlearn_arrays(self, ngrams: Ngrams, counts: Counts) -> None:
        """Take one learned window back."""
        np.subtract.at(self.calls, _kind(ngrams), counts)

    def bits(self, ngrams: Ngrams, counts: Counts) -> tuple[NDArray[np.float64], float]:
        """Return what each n-gram adds to the score, and what the calls add that are not in the window."""
        learned = int(self.calls.sum())
        if not learned or not len(ngrams):
            return np.zeros(len(ngrams)), 0.0
        kind = _kind(ngrams)
        calls = np.zeros(_KINDS, dtype=np.int64)
        np.add.at(calls, kind, counts)
        here, usual = calls[kind] / counts.sum(), self.calls[kind] / learned
        # A kind's term of the divergence is never negative, so it can be shared out by its n-grams' calls.
        term = 0.5 * (_part(here, usual) + _part(usual, here))
        missing = 1 - int(self.calls[calls > 0].sum()) / learned
        return self.scale * np.maximum(term, 0.0) * (counts / calls[kind]), self.scale * 0.5 * missing


def _part(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    ratio = np.divide(2 * one, one + other, out=np.ones_like(one), where=one > 0)
    return np.asarray(one * np.log2(ratio))


def _kind(ngrams: Ngrams) -> NDArray[np.int64]:
    injected = (ngrams & np.uint64(INJECTED)) != 0
    return np.asarray((ngrams & np.uint64(TOKEN_MASK)).astype(np.int64) + injected * TOKENS)
