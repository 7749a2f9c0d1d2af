"""Recorded traces as arrays, and how they are split into learned and judged ones."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.errors import SampleError

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Traces:
    """Sequences of calls behind one another.

    Attributes:
        calls: Codes of calls, from 0 to `alphabet - 1`, of all traces.
        starts: Where each trace begins in `calls`, and at the end where the last one stops.
        alphabet: How many codes there are.
    """

    calls: NDArray[np.int32]
    starts: Rows
    alphabet: int

    def __len__(self) -> int:
        """Return how many traces there are."""
        return len(self.starts) - 1

    @property
    def lengths(self) -> Rows:
        """Calls of each trace, at least 1."""
        return np.diff(self.starts)

    @classmethod
    def of(cls, sequences: Iterable[Sequence[int] | NDArray[np.int32]], alphabet: int) -> "Traces":
        """Return traces of sequences of codes.

        Raises:
            SampleError: A sequence is empty.

        Examples:
            >>> Traces.of([[0, 1], [1]], 2).lengths
            array([2, 1])
        """
        arrays = [np.asarray(sequence, dtype=np.int32) for sequence in sequences]
        if any(not len(each) for each in arrays):
            msg = "Expected traces of at least one call, got an empty one."
            raise SampleError(msg)
        calls = np.concatenate(arrays) if arrays else np.empty(0, dtype=np.int32)
        return cls(calls, np.cumsum([0, *map(len, arrays)]), alphabet)

    def take(self, rows: Rows) -> "Traces":
        """Return some of the traces, in the order of `rows`."""
        lengths = self.lengths[rows]
        starts = np.concatenate(([0], np.cumsum(lengths)))
        shift = np.repeat(self.starts[rows] - starts[:-1], lengths)
        return Traces(self.calls[np.arange(starts[-1]) + shift], starts, self.alphabet)

    def contents(self) -> Rows:
        """Return a number for each trace; equal sequences have the same, that of the first of them.

        Examples:
            >>> Traces.of([[0, 1], [1], [0, 1]], 2).contents()
            array([0, 1, 0])
        """
        first: dict[bytes, int] = {}
        pairs = zip(self.starts[:-1].tolist(), self.starts[1:].tolist(), strict=True)
        keys = (self.calls[start:stop].tobytes() for start, stop in pairs)
        return np.array([first.setdefault(key, row) for row, key in enumerate(keys)], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Split:
    """Rows of the traces that are learned, and of the normal and attack traces that are judged."""

    learned: Rows
    normal: Rows
    attack: Rows


def without_duplicates(split: Split, contents: Rows) -> Split:
    """Return the split with each sequence once: learned before normal, normal before attack.

    Examples:
        >>> split = Split(np.array([0, 1]), np.array([2, 3]), np.array([4, 5]))
        >>> without_duplicates(split, np.array([0, 0, 0, 3, 3, 5]))
        Split(learned=array([0]), normal=array([3]), attack=array([5]))
    """
    known = np.empty(0, dtype=np.int64)
    parts = []
    for rows in (split.learned, split.normal, split.attack):
        _, first = np.unique(contents[rows], return_index=True)
        once = rows[np.sort(first)]
        parts.append(once[~np.isin(contents[once], known)])
        known = np.union1d(known, contents[once])
    return Split(*parts)


def shuffled(split: Split, seed: int) -> Split:
    """Return the split with its normal traces dealt anew, as many learned as before: exchangeable."""
    pool = np.random.default_rng(seed).permutation(np.concatenate((split.learned, split.normal)))
    return Split(pool[: len(split.learned)], pool[len(split.learned) :], split.attack)


def folds(traces: int, number: int, seed: int) -> Rows:
    """Return a fold from 0 to `number - 1` for each trace, at random and of equal sizes but for one.

    Duplicates are dealt like all others: a trace to be judged may equal a
    learned one as well, and what is held back must be as likely to.
    """
    return np.random.default_rng(seed).permutation(np.arange(traces) % number)
