"""The detector of sequences that do not belong: back-off surprise, silent on what most windows hold."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from river.base import AnomalyDetector

from model.errors import UnlearnError
from model.orders import Found, Orders, Rows, suffix_keys
from model.views import SHORT
from model.window import Counts, Ngrams, as_arrays

ORDINARY_RARITY: Final = 4.0
"""Bits of rarity that are no news: any window holds a few sequences that one in sixteen does."""


@dataclass(frozen=True, slots=True, eq=False)
class News:
    """What of a window was never learned."""

    rows: Rows
    """Which n-grams."""
    endings: NDArray[np.int64]
    """How many of the newest calls of each of `rows` were learned in this sequence, 0 to 5."""
    short: NDArray[np.float64]
    """Bits of the endings of one, two and three calls, shape (3, n-grams of the window)."""


@dataclass(frozen=True, slots=True, eq=False)
class Surprises:
    """What the n-grams of one window are worth, in bits."""

    bits: NDArray[np.float64]
    """Of each n-gram; their sum is the score."""
    known_calls: int
    """Calls of the window in learned n-grams."""
    news: News | None = None
    """None where every n-gram is known."""


class BackoffSurprise(AnomalyDetector):
    """Sum over the distinct n-grams of a window of how surprising each is, in bits.

    The surprise of an n-gram is `-log2` of the probability of its newest call
    given the five before it (`Orders.probabilities`). One that was learned
    counts for no more than its rarity: the bits by which the share of windows that
    hold it, this one included, is below one in sixteen. More known calls than
    usual make it less rare, so load alone adds nothing. The number of calls enters as `log2(1 + count)`.

    Args:
        max_ngrams: Distinct n-grams held; calls in further ones are refused and counted.

    Examples:
        >>> from wire.ngram import pack
        >>> detector = BackoffSurprise()
        >>> usual = {pack([1]): 10, pack([1, 2]): 10, pack([1, 2, 1]): 10}
        >>> for _ in range(50):
        ...     detector.learn_one(usual)
        >>> detector.score_one(usual)
        0.0
        >>> detector.score_one(usual | {pack([1, 2, 9]): 1}) > 10
        True
    """

    def __init__(self, max_ngrams: int = 200_000) -> None:
        self.max_ngrams = max_ngrams
        self.orders = Orders()
        self.windows = 0
        self.calls = 0
        self.refused_calls = 0

    def learn_one(self, x: Mapping[Any, int]) -> None:
        self.learn_arrays(*as_arrays(x))

    def score_one(self, x: Mapping[Any, int]) -> float:
        return math.fsum(self.bits(*as_arrays(x)))

    def learn_arrays(
        self,
        ngrams: Ngrams,
        counts: Counts,
        *,
        held_by: Counts | None = None,
        windows: int = 1,
        found: Found | None = None,
    ) -> NDArray[np.bool_]:
        """Add one window, or the sum of several.

        Args:
            ngrams: Ascending and distinct.
            counts: Calls that ended each.
            held_by: How many of the windows held each; all of them by default.
            windows: How many windows the counts are of.
            found: What `Orders.find` says of the n-grams, where it is known already.

        Returns:
            Which n-grams were taken; there was no room for the others.
        """
        taken = self._room_for(ngrams)
        if not taken.all():
            self.refused_calls += int(counts[~taken].sum())
            ngrams, counts, found = ngrams[taken], counts[taken], None
            held_by = None if held_by is None else held_by[taken]
        self.orders.learn(ngrams, counts, windows if held_by is None else held_by, found)
        self.calls += int(counts.sum())
        self.windows += windows
        return taken

    def unlearn_arrays(self, ngrams: Ngrams, counts: Counts) -> None:
        """Take one learned window back, exactly.

        Raises:
            UnlearnError: It cannot have been learned, or nobody knows how much
                of it was, since calls were refused; nothing was changed.
        """
        if self.refused_calls:
            msg = f"Expected a baseline that refused no calls; got one of {self.refused_calls} refused calls."
            raise UnlearnError(msg)
        if not self.windows:
            msg = "Expected a baseline that learned the window; got one that learned none."
            raise UnlearnError(msg)
        self.orders.unlearn(ngrams, counts)
        self.calls -= int(counts.sum())
        self.windows -= 1

    def bits(self, ngrams: Ngrams, counts: Counts) -> NDArray[np.float64]:
        """Return what each n-gram adds to the score, at least 0."""
        return self.judge(ngrams, counts, self.orders.find(ngrams)).bits

    def judge(self, ngrams: Ngrams, counts: Counts, found: Found) -> Surprises:
        """Return what each n-gram adds to the score, and what its short endings do.

        Args:
            ngrams: Ascending and distinct.
            counts: Calls that ended each.
            found: What `Orders.find` says of them.
        """
        if found.all_known:
            bits = self._of_known(found.rows, counts, found.counts, found.windows)
            return Surprises(bits, int(counts.sum()))
        known, new = found.known, np.flatnonzero(~found.known)
        bits = np.empty(len(ngrams))
        here = counts[known]
        bits[known] = self._of_known(found.rows[known], here, found.counts[known], found.windows[known])
        by_order, endings = self.orders.probabilities(ngrams[new])
        bits[new] = -np.log2(by_order[-1]) * np.log2(1.0 + counts[new])
        short = np.zeros((len(SHORT), len(ngrams)))
        for place, order in enumerate(SHORT):
            strange = np.flatnonzero(endings < order)
            if len(strange):
                at = new[strange]
                surprise = -np.log2(by_order[order - 1, strange])
                short[place, at] = _of_endings(suffix_keys(ngrams[at], order), counts[at], surprise)
        return Surprises(bits, int(here.sum()), News(new, endings, short))

    def _of_known(self, rows: Rows, counts: Counts, learned: Counts, held_by: Counts) -> NDArray[np.float64]:
        bits = np.zeros(len(rows))
        # Load is what is known: a stranger who makes many calls must not pass for a busy hour.
        rarity = self._rarity(held_by, int(counts.sum())) - ORDINARY_RARITY
        rare = np.flatnonzero(rarity > 0)
        if len(rare):
            surprise = -np.log2(self.orders.known_probabilities(rows[rare], learned[rare]))
            bits[rare] = np.minimum(rarity[rare], surprise) * np.log2(1.0 + counts[rare])
        return bits

    def _rarity(self, held_by: Counts, calls: int) -> NDArray[np.float64]:
        share = (held_by + 1) / (self.windows + 1)
        usual = self.calls / self.windows if self.windows else 1.0
        # A window `times` as large as usual is that many draws; a smaller one stays one draw,
        # or what every busy window holds would look rare in an idle one.
        times = calls / max(usual, 1.0)
        if times <= 1:
            return -np.log2(share)
        with np.errstate(divide="ignore"):
            return np.asarray(-np.log2(-np.expm1(times * np.log1p(-np.minimum(share, 1.0)))))

    def _room_for(self, ngrams: Ngrams) -> NDArray[np.bool_]:
        held = len(self.orders.ngrams)
        if held + len(ngrams) <= self.max_ngrams:
            return np.ones(len(ngrams), dtype=np.bool_)
        new = ~self.orders.find(ngrams).known
        return np.asarray(~new | (np.cumsum(new) <= self.max_ngrams - held))


def _of_endings(keys: Ngrams, counts: Counts, surprise: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the bits of endings never learned, each shared out to the n-grams that have it, by their calls.

    Args:
        keys: The ending of each n-gram.
        counts: Calls that ended each n-gram.
        surprise: Of each; equal for equal endings.
    """
    distinct, group = np.unique(keys, return_inverse=True)
    calls = np.bincount(group, weights=counts, minlength=len(distinct))[group]
    return np.asarray(surprise * np.log2(1.0 + calls) * (counts / calls))
