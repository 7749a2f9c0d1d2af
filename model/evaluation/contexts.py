"""How probable each call of a trace is after its longest known context, for every depth at once.

Sequences of calls are numbered as they were learned, so that a longer one is
found by one look at a table from the number of the one before it. Number 0
stands for what was never learned.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from model.evaluation.hashed import Hashed
from model.evaluation.traces import Traces

Numbers = NDArray[np.int64]
_Floats = NDArray[np.float64]

CALLS: Final = 512
"""Calls that an architecture has, at most: each is as likely where nothing at all is known."""
_BLOCK: Final = 1 << 18
"""Calls walked at a time: many, since each depth brings its own tables into the processor's cache."""
_LARGEST_TABLE: Final = 1 << 21
"""Cells of a table that is looked into directly; longer sequences are found by their hash."""


@dataclass(slots=True)
class _Depth:
    """Sequences of one length: how each is found, what it costs, and what its absence costs."""

    keys: Numbers
    """Number of the sequence without its newest call, times the alphabet, plus that call; ascending."""
    table: NDArray[np.int32] | None
    """Number of each possible key; None where they are too many."""
    hashed: Hashed
    bits: _Floats
    """Of the newest call after the others, for each number."""
    back_off: _Floats
    """Bits added where the newest call never followed a context, for each number of a context."""

    def find(self, keys: Numbers) -> Numbers:
        if self.table is not None:
            return np.asarray(self.table[keys], dtype=np.int64)
        return self.hashed.find(keys)


@dataclass(frozen=True, slots=True)
class Walk:
    """Some whole traces, seen at one depth."""

    first: int
    """Row of the first trace."""
    starts: Numbers
    """Where each trace begins in the arrays below."""
    depth: int
    numbers: Numbers
    """Number of the sequence of `depth` calls that each call ends; 0 where it is new or too short."""
    bits: _Floats
    """Surprise of each call given at most `depth - 1` calls before it."""


def new_share(walk: Walk, lengths: Numbers) -> _Floats:
    """Return the share of each trace's sequences of the walk's depth that are new; 0 where it has none."""
    unknown = np.add.reduceat((walk.numbers == 0).astype(np.float64), walk.starts)
    # The first calls of a trace end no sequence, and count as unknown above.
    short = walk.depth - 1
    return np.asarray(np.maximum(unknown - short, 0) / np.maximum(lengths - short, 1))


class Contexts:
    """Witten-Bell model of the next call [^1], interpolated over all contexts up to `depth - 1` calls.

    Args:
        depth: Longest sequence looked at, at least 1.

    Examples:
        >>> contexts = Contexts(2).fit(Traces.of([[0, 1] * 50], 3))
        >>> seen, new = (walk.bits for walk in contexts.walk(Traces.of([[0, 1, 2]], 3)))
        >>> bool(new[1] < 0.2), bool(new[2] > 10)
        (True, True)

    References:
        [^1]: Witten, I. H. and Bell, T. C. "The zero-frequency problem." IEEE
            Transactions on Information Theory 37(4), 1991, method C.
    """

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self._depths: list[_Depth] = []

    def distinct(self, depth: int) -> int:
        """Return how many sequences of `depth` calls were learned."""
        return len(self._depths[depth - 1].keys)

    def fit(self, traces: Traces) -> Self:
        """Learn traces, and forget what was learned before."""
        self._depths = []
        alphabet = traces.alphabet
        position = np.arange(len(traces.calls)) - np.repeat(traces.starts[:-1], traces.lengths)
        before = np.ones(len(traces.calls), dtype=np.int64)
        bits = np.full(len(traces.calls), np.log2(CALLS))
        contexts = 1
        for depth in range(1, self.depth + 1):
            there = np.flatnonzero(position >= depth - 1)
            keys, first, numbers, counts = np.unique(
                before[there] * alphabet + traces.calls[there],
                return_index=True,
                return_inverse=True,
                return_counts=True,
            )
            context = keys // alphabet
            calls = np.bincount(context, counts, contexts + 1)
            kinds = np.bincount(context, minlength=contexts + 1)
            lower = np.exp2(-bits[there[first]])
            share = (counts + kinds[context] * lower) / (calls + kinds)[context]
            back_off = np.zeros(contexts + 1)
            np.log2(calls + kinds, out=back_off, where=kinds > 0)
            np.subtract(back_off, np.log2(kinds, where=kinds > 0, out=np.zeros(len(kinds))), out=back_off)
            self._depths.append(
                _Depth(
                    keys,
                    table := _dense(keys, (contexts + 1) * alphabet),
                    Hashed(keys if table is None else keys[:0]),
                    np.concatenate(([0.0], -np.log2(share))),
                    back_off,
                )
            )
            contexts = len(keys)
            at = np.zeros(len(traces.calls), dtype=np.int64)
            at[there] = numbers + 1
            bits[there] = self._depths[-1].bits[numbers + 1]
            before = _shifted(at, traces.starts[:-1])
        return self

    def walk(self, traces: Traces) -> Iterator[Walk]:
        """Yield blocks of whole traces, each at every depth in ascending order."""
        first = 0
        while first < len(traces):
            after = int(np.searchsorted(traces.starts, traces.starts[first] + _BLOCK, side="right")) - 1
            after = max(after, first + 1)
            calls = traces.calls[traces.starts[first] : traces.starts[after]]
            starts = traces.starts[first:after] - traces.starts[first]
            yield from self._block(calls, starts, traces.alphabet, first)
            first = after

    def left_out(self, traces: Traces) -> Iterator[Walk]:
        """Yield the learned traces at every depth, each as if it alone had not been learned.

        A trace that is left out takes its own counts along, and sequences that
        no other one holds: what is left is subtracted, not learned again.

        Args:
            traces: Those that were learned.
        """
        rows = np.repeat(np.arange(len(traces)), traces.lengths)
        before = np.ones(len(rows), dtype=np.int64)
        bits = np.full(len(rows), np.log2(CALLS))
        contexts = 1
        for number, depth in enumerate(self._depths, start=1):
            at = depth.find(before * traces.alphabet + traces.calls)
            there = np.flatnonzero(at)
            own, first, sequence = _counted(rows[there], at[there], len(depth.keys))
            own_calls, _, context = _counted(rows[there], before[there], contexts)
            all_ = np.bincount(at[there])[at[there]]
            alone = first[own == all_[first]]
            kinds = np.bincount(depth.keys // traces.alphabet)[before[there]]
            kinds = kinds - np.bincount(context[alone], minlength=len(own_calls))[context]
            calls = np.bincount(before[there])[before[there]] - own_calls[context]
            left, lower = all_ - own[sequence], bits[there]
            with np.errstate(divide="ignore", invalid="ignore"):  # where nothing is left
                known = np.log2(calls + kinds) - np.log2(left + kinds * np.exp2(-lower))
                back_off = np.where(kinds > 0, np.log2(calls + kinds) - np.log2(kinds), 0.0)
            bits = bits.copy()
            bits[there] = np.where(left > 0, known, lower + back_off)
            others = np.zeros(len(rows), dtype=np.int64)
            others[there] = np.where(left > 0, at[there], 0)
            yield Walk(0, traces.starts[:-1], number, others, bits)
            contexts = len(depth.keys)
            before = _shifted(at, traces.starts[:-1])

    def _block(self, calls: NDArray[np.int32], starts: Numbers, alphabet: int, first: int) -> Iterator[Walk]:
        before = np.ones(len(calls), dtype=np.int64)
        bits = np.full(len(calls), np.log2(CALLS))
        for number, depth in enumerate(self._depths, start=1):
            at = depth.find(before * alphabet + calls)
            bits = np.where(at > 0, depth.bits[at], bits + depth.back_off[before])
            yield Walk(first, starts, number, at, bits)
            before = _shifted(at, starts)


def _shifted(at: Numbers, starts: Numbers) -> Numbers:
    before = np.empty(len(at), dtype=np.int64)
    before[1:] = at[:-1]
    before[starts] = 0
    return before


def _counted(rows: Numbers, numbers: Numbers, most: int) -> tuple[Numbers, Numbers, Numbers]:
    """Return how often each pair of a row and a number occurs, where first, and for each place its pair."""
    _, first, pairs, counts = np.unique(
        rows * (most + 1) + numbers, return_index=True, return_inverse=True, return_counts=True
    )
    return counts, first, pairs


def _dense(keys: Numbers, size: int) -> NDArray[np.int32] | None:
    if size > _LARGEST_TABLE:
        return None
    table = np.zeros(size, dtype=np.int32)
    table[keys] = np.arange(1, len(keys) + 1)
    return table
