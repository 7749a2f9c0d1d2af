"""Counts of every order: how often each sequence of one to six calls was learned, and what followed it.

All of it follows from the counts of the six-grams, because their low bits hold
the shorter sequences; the tables below exist so that a window is scored with
one search and a walk along indices. Rows are sorted by key and counts are
added, so the same windows give the same arrays in whatever order they came.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.window import Counts, Ngrams
from wire.ngram import INJECTED, TOKEN_BITS, N
from wire.syscalls import TOKENS

_Rows = NDArray[np.int64]
_Floats = NDArray[np.float64]

ALPHABET: Final = TOKENS - 1
"""Calls that a token can name; `START` never follows anything."""
_INJECTED: Final = np.uint64(INJECTED)
_SHIFT: Final = np.uint64(TOKEN_BITS)


def suffix_keys(ngrams: Ngrams, order: int) -> Ngrams:
    """Return the newest `order` calls of each n-gram, with its lineage."""
    return ngrams & np.uint64(((1 << (order * TOKEN_BITS)) - 1) | INJECTED)


def context_keys(keys: Ngrams) -> Ngrams:
    """Return what came before the newest call, with the lineage."""
    return ((keys & ~_INJECTED) >> _SHIFT) | (keys & _INJECTED)


def find(keys: Ngrams, wanted: Ngrams) -> tuple[_Rows, NDArray[np.bool_]]:
    """Return the row of each wanted key in sorted keys, and whether it is there; others get a valid row."""
    rows = np.searchsorted(keys, wanted)
    if not len(keys):
        return rows, np.zeros(len(wanted), dtype=np.bool_)
    np.minimum(rows, len(keys) - 1, out=rows)
    return rows, keys[rows] == wanted


def _keys() -> Ngrams:
    return np.empty(0, dtype=np.uint64)


def _ints() -> NDArray[np.int64]:
    return np.empty(0, dtype=np.int64)


@dataclass(slots=True)
class _Level:
    """One order: its sequences, and the contexts that they continue."""

    order: int
    keys: Ngrams = field(default_factory=_keys)
    counts: Counts = field(default_factory=_ints)
    """Calls at the highest order; below it, distinct sequences of one call more that end so."""
    suffix: _Rows = field(default_factory=_ints)
    """Row of the sequence without its oldest call, one level below."""
    context: _Rows = field(default_factory=_ints)
    context_keys: Ngrams = field(default_factory=_keys)
    context_counts: Counts = field(default_factory=_ints)
    """Sum of the counts that continue each context."""
    context_kinds: Counts = field(default_factory=_ints)
    """Distinct calls that followed the context."""

    def add(self, rows: _Rows, counts: Counts | int) -> None:
        """Count rows, of which one may occur several times."""
        np.add.at(self.counts, rows, counts)
        np.add.at(self.context_counts, self.context[rows], counts)

    def admit(self, new: Ngrams, below: "_Level | None") -> _Rows:
        """Add rows for ascending sequences not yet known, count 0; return where each former row is now."""
        contexts = np.unique(context_keys(new))
        contexts = contexts[~find(self.context_keys, contexts)[1]]
        at = np.searchsorted(self.context_keys, contexts)
        self.context = _moved(at, len(self.context_keys))[self.context]
        self.context_keys = np.insert(self.context_keys, at, contexts)
        self.context_counts = np.insert(self.context_counts, at, 0)
        self.context_kinds = np.insert(self.context_kinds, at, 0)

        at = np.searchsorted(self.keys, new)
        moved = _moved(at, len(self.keys))
        continues = np.searchsorted(self.context_keys, context_keys(new))
        np.add.at(self.context_kinds, continues, 1)
        self.context = np.insert(self.context, at, continues)
        if below is not None:
            ends_so = np.searchsorted(below.keys, suffix_keys(new, below.order))
            self.suffix = np.insert(self.suffix, at, ends_so)
            below.add(ends_so, 1)
        self.keys = np.insert(self.keys, at, new)
        self.counts = np.insert(self.counts, at, 0)
        return moved


def _moved(at: _Rows, rows: int) -> _Rows:
    before = np.arange(rows)
    return before + np.searchsorted(at, before, side="right")


class Orders:
    """Counts of all orders, and the probability of the newest call given those before it.

    Own and injected lineages share no count at any order: a shell that somebody
    brings in must not look normal because the service starts shells itself.

    Examples:
        >>> from wire.ngram import pack
        >>> orders = Orders()
        >>> orders.learn(np.array([pack([1]), pack([1, 2])], dtype=np.uint64), np.array([3, 3]))
        >>> orders.distinct()
        (2, 2, 2, 2, 2, 2)
        >>> seen, new = orders.probabilities(np.array([pack([1, 2]), pack([1, 3])], dtype=np.uint64))
        >>> seen > 0.9 > 0.01 > new
        np.True_
    """

    def __init__(self) -> None:
        self._levels = [_Level(order) for order in range(1, N + 1)]
        self._windows = _ints()
        self._lower = np.empty(0)

    @property
    def ngrams(self) -> Ngrams:
        """Distinct n-grams learned, ascending."""
        return self._levels[-1].keys

    @property
    def counts(self) -> Counts:
        """Calls learned for each of `ngrams`."""
        return self._levels[-1].counts

    @property
    def windows(self) -> Counts:
        """Windows learned that held each of `ngrams`."""
        return self._windows

    def distinct(self) -> tuple[int, ...]:
        """Return how many distinct sequences of 1, 2, … calls were learned."""
        return tuple(len(level.keys) for level in self._levels)

    def learn(self, ngrams: Ngrams, counts: Counts, windows: Counts | int = 1) -> None:
        """Add the counts of ascending, distinct n-grams; `windows` is how many windows held each."""
        rows, known = find(self.ngrams, ngrams)
        if not known.all():
            self._admit(ngrams[~known])
            # The lower orders change with new sequences only, so a quiet window pays nothing for them.
            self._lower = _interpolate(self._walk(), len(self.ngrams))
            rows = np.searchsorted(self.ngrams, ngrams)
        self._windows[rows] += windows
        self._levels[-1].add(rows, counts)

    def learned(self, ngrams: Ngrams) -> tuple[Counts, Counts]:
        """Return calls and windows learned of each n-gram, 0 where it is new."""
        rows, known = find(self.ngrams, ngrams)
        if not len(self.ngrams):
            return np.zeros(len(ngrams), dtype=np.int64), np.zeros(len(ngrams), dtype=np.int64)
        return np.where(known, self.counts[rows], 0), np.where(known, self.windows[rows], 0)

    def longest_known(self, ngram: int) -> int:
        """Return the length of the longest ending of an n-gram that was learned, 0 to 6."""
        wanted = np.array([ngram], dtype=np.uint64)
        for level in reversed(self._levels):
            if find(level.keys, suffix_keys(wanted, level.order))[1][0]:
                return level.order
        return 0

    def probabilities(self, ngrams: Ngrams) -> _Floats:
        """Return the probability of each newest call given its context, by interpolated Witten-Bell.

        Each order lends the share `kinds / (count + kinds)` to the order below,
        and the lowest to the uniform distribution over the alphabet [^1]. The
        orders below the highest count in how many different surroundings a
        sequence was met instead of how often [^2]: otherwise one step off a
        busy path would be paid for six times over, the more the busier it is.

        References:
            [^1]: Witten, I. H. and Bell, T. C. "The zero-frequency problem." IEEE
                Transactions on Information Theory 37(4), 1991, method C;
                interpolated as in Chen, S. F. and Goodman, J. "An empirical study
                of smoothing techniques for language modeling." 1999.
            [^2]: Kneser, R. and Ney, H. "Improved backing-off for M-gram language
                modeling." ICASSP 1995.
        """
        rows, known = find(self.ngrams, ngrams)
        if known.all():
            return self._of_rows(rows)
        result = np.empty(len(ngrams))
        result[known] = self._of_rows(rows[known])
        result[~known] = _interpolate(self._search(ngrams[~known]), int((~known).sum()))
        return result

    def _of_rows(self, rows: _Rows) -> _Floats:
        level = self._levels[-1]
        context = level.context[rows]
        kinds = level.context_kinds[context]
        return np.asarray(
            (level.counts[rows] + kinds * self._lower[rows]) / (level.context_counts[context] + kinds)
        )

    def _admit(self, new: Ngrams) -> None:
        below: _Level | None = None
        moved = _ints()
        for level in self._levels:
            if below is not None:
                level.suffix = moved[level.suffix]
            wanted = np.unique(suffix_keys(new, level.order))
            wanted = wanted[~find(level.keys, wanted)[1]]
            if level.order == N:
                self._windows = np.insert(self._windows, np.searchsorted(level.keys, wanted), 0)
            moved = level.admit(wanted, below)
            below = level

    def _walk(self) -> Iterator[tuple[Counts, Counts, Counts]]:
        """Yield count, the context's count and its kinds of all rows, for each order below the highest."""
        path = [self._levels[-1].suffix]
        for level in reversed(self._levels[1:-1]):
            path.append(level.suffix[path[-1]])
        for level, at in zip(self._levels[:-1], reversed(path), strict=True):
            context = level.context[at]
            yield level.counts[at], level.context_counts[context], level.context_kinds[context]

    def _search(self, ngrams: Ngrams) -> Iterator[tuple[Counts, Counts, Counts]]:
        """Yield the same for any n-grams and every order, shortest first."""
        for level in self._levels:
            keys = suffix_keys(ngrams, level.order)
            at, there = find(level.keys, keys)
            context, follows = find(level.context_keys, context_keys(keys))
            if not follows.any():
                continue
            yield (
                np.where(there, level.counts[at], 0),
                np.where(follows, level.context_counts[context], 0),
                np.where(follows, level.context_kinds[context], 0),
            )


def _interpolate(orders: Iterator[tuple[Counts, Counts, Counts]], size: int) -> _Floats:
    probability = np.full(size, 1 / ALPHABET)
    for counts, context_counts, kinds in orders:
        # A context never learned lends everything to the order below.
        total = context_counts + kinds
        np.divide(counts + kinds * probability, total, out=probability, where=total > 0)
    return probability
