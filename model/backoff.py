"""What follows from the counts of the six-grams: shorter sequences, and the probability of a newest call.

Nothing here is remembered; it is built anew when a sequence was learned that
was not known. Keys are sorted, and a key's low ten bits are its newest call, so
the continuations of one context are neighbours and need no index of their own.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.window import Counts, Ngrams
from wire.ngram import INJECTED, TOKEN_BITS, TOKEN_MASK, N
from wire.syscalls import TOKENS

Rows = NDArray[np.intp]
Floats = NDArray[np.float64]

ALPHABET: Final = TOKENS - 1
"""Calls that a token can name; `START` never follows anything."""
_NEWEST: Final = np.uint64(TOKEN_MASK)
_SHIFT: Final = np.uint64(TOKEN_BITS)


def suffix_keys(ngrams: Ngrams, order: int) -> Ngrams:
    """Return the newest `order` calls of each n-gram, with its lineage."""
    return ngrams & np.uint64(((1 << (order * TOKEN_BITS)) - 1) | INJECTED)


def find(keys: Ngrams, wanted: Ngrams) -> tuple[Rows, NDArray[np.bool_]]:
    """Return the row of each wanted key in sorted keys, and whether it is there; others get a valid row."""
    rows = np.searchsorted(keys, wanted)
    if not len(keys):
        return rows, np.zeros(len(wanted), dtype=np.bool_)
    np.minimum(rows, len(keys) - 1, out=rows)
    return rows, keys[rows] == wanted


@dataclass(frozen=True, slots=True)
class _Level:
    """One order below the highest, its sequences in ascending order."""

    rows: NDArray[np.int32]
    """A six-gram that ends so, of each: half the memory of the sequence itself."""
    counts: NDArray[np.uint16]
    """Distinct sequences of one call more that end so, at most 1,024."""


class Backoff:
    """Interpolated Witten-Bell over the orders from six calls down to one.

    Each order lends the share `kinds / (count + kinds)` to the order below,
    and the lowest to the uniform distribution over the alphabet [^1]. The
    orders below the highest count in how many different surroundings a
    sequence was met instead of how often [^2]: otherwise one step off a
    busy path would be paid for six times over, the more the busier it is.

    Args:
        ngrams: Ascending and distinct.
        counts: Calls of each, at least 1.

    References:
        [^1]: Witten, I. H. and Bell, T. C. "The zero-frequency problem." IEEE
            Transactions on Information Theory 37(4), 1991, method C;
            interpolated as in Chen, S. F. and Goodman, J. "An empirical study
            of smoothing techniques for language modeling." 1999.
        [^2]: Kneser, R. and Ney, H. "Improved backing-off for M-gram language
            modeling." ICASSP 1995.
    """

    def __init__(self, ngrams: Ngrams, counts: Counts) -> None:
        self._ngrams = ngrams
        self._levels: list[_Level] = []
        ends_so: list[Rows] = []
        rows = np.arange(len(ngrams), dtype=np.int32)
        for order in range(N - 1, 0, -1):
            level, rows_above = _shorten(suffix_keys(ngrams[rows], order), rows)
            self._levels.insert(0, level)
            ends_so.insert(0, rows_above)
            rows = level.rows
        lower = np.full(len(rows), 1 / ALPHABET)
        for order, (level, rows_above) in enumerate(zip(self._levels, ends_so, strict=True), start=1):
            context, totals, kinds = _contexts(self._keys(order), level.counts)
            lent = kinds[context] * lower
            lower = ((level.counts + lent) / (totals + kinds)[context])[rows_above]
        context, totals, kinds = _contexts(ngrams, counts)
        self._context = context.astype(np.int32)
        self._lent = kinds[context] * lower
        self._whole = totals + kinds

    def distinct(self) -> tuple[int, ...]:
        """Return how many distinct sequences of 1 to 5 calls there are."""
        return tuple(len(level.rows) for level in self._levels)

    def add(self, rows: Rows, counts: Counts) -> None:
        """Take note that the six-grams of these rows were counted so many times more; negative is less."""
        np.add.at(self._whole, self._context[rows], counts)

    def of_rows(self, rows: Rows, counts: Counts) -> Floats:
        """Return the probability of the newest call of known six-grams, by row and count learned."""
        return np.asarray((counts + self._lent[rows]) / self._whole[self._context[rows]])

    def of_any(self, wanted: Ngrams, counts: Counts) -> tuple[Floats, NDArray[np.int64]]:
        """Return the same of any six-grams, with one call of context more in each row.

        Args:
            wanted: Any six-grams.
            counts: What the six-grams that this was built of count now.

        Returns:
            Probabilities, shape (6, wanted): row k looks at the newest k + 1 calls. And
            how many of the newest calls of each were learned in this sequence, 0 to 6.
        """
        by_order = np.empty((N, len(wanted)))
        known = np.zeros(len(wanted), dtype=np.int64)
        probability = np.full(len(wanted), 1 / ALPHABET)
        for order, level in enumerate(self._levels, start=1):
            keys = suffix_keys(wanted, order)
            known += _interpolate(self._keys(order), level.counts, keys, probability)
            by_order[order - 1] = probability
        known += _interpolate(self._ngrams, counts, wanted, probability)
        by_order[N - 1] = probability
        return by_order, known

    def _keys(self, order: int) -> Ngrams:
        return suffix_keys(self._ngrams[self._levels[order - 1].rows], order)


def _shorten(suffixes: Ngrams, of: NDArray[np.int32]) -> tuple[_Level, Rows]:
    """Return the level that endings of the sequences above form, and the row in it of each.

    Args:
        suffixes: The ending of each sequence above.
        of: A six-gram that ends with each.
    """
    by_suffix = np.argsort(suffixes)
    ordered = suffixes[by_suffix]
    first, group = _runs(ordered)
    rows = np.empty(len(suffixes), dtype=np.intp)
    rows[by_suffix] = group
    return _Level(of[by_suffix[first]], np.diff(first, append=len(suffixes)).astype(np.uint16)), rows


def _contexts(keys: Ngrams, counts: NDArray[Any]) -> tuple[Rows, Counts, Counts]:
    """Return the number of each key's context, and of each context the sum of counts and the keys."""
    first, group = _runs(keys >> _SHIFT)
    totals = np.add.reduceat(counts, first, dtype=np.int64) if len(keys) else np.empty(0, dtype=np.int64)
    return group, totals, np.diff(first, append=len(keys))


def _runs(ordered: Ngrams) -> tuple[Rows, Rows]:
    """Return where each run of equal values begins, and the number of each value's run."""
    begins = np.ones(len(ordered), dtype=np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=begins[1:])
    return np.flatnonzero(begins), np.cumsum(begins) - 1


def _interpolate(
    keys: Ngrams, counts: NDArray[Any], wanted: Ngrams, probability: Floats
) -> NDArray[np.bool_]:
    """Replace the probability by one order higher, and return what was learned.

    A context never learned lends everything.
    """
    rows, there = find(keys, wanted)
    first = np.searchsorted(keys, wanted & ~_NEWEST)
    last = np.searchsorted(keys, wanted | _NEWEST, side="right")
    kinds = last - first
    if not kinds.any():
        return there
    sums = np.cumsum(counts, dtype=np.int64)
    total = np.where(kinds > 0, sums[last - 1] - sums[first - 1] * (first > 0), 0)
    seen = np.where(there, counts[rows], 0)
    np.divide(seen + kinds * probability, total + kinds, out=probability, where=kinds > 0)
    return there
