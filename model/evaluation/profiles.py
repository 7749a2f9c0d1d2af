"""How far a trace is from the nearest learned one, by its shares of sequences of one length."""

from itertools import pairwise
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Numbers = NDArray[np.int64]
_BLOCK = 4096
_CELLS = 1 << 20


class NearestProfile:
    """One minus the largest cosine between a trace's weighted counts and those of any learned trace.

    A sequence weighs by how few learned traces hold it (inverse document
    frequency, with one trace added that holds everything [^1]); all that is
    unknown is one sequence that none holds.

    Args:
        known: How many sequences have a number, from 1 to `known`; 0 is unknown.

    Examples:
        >>> trace = np.array([0, 0, 0, 1, 1])
        >>> profile = NearestProfile(2).fit(trace, np.array([1, 1, 2, 2, 2]), 2)
        >>> profile.distances(np.array([0, 0, 1]), np.array([2, 2, 0]), 2).round(3).tolist()
        [0.0, 1.0]

    References:
        [^1]: Salton, G. and Buckley, C. "Term-weighting approaches in automatic text
            retrieval." Information Processing & Management 24(5), 1988.
    """

    def __init__(self, known: int) -> None:
        self._width = known + 1
        self._weights = np.ones(self._width)
        self._learned = np.empty((self._width, 0), dtype=np.float32)

    def fit(self, traces: Numbers, numbers: Numbers, size: int) -> Self:
        """Learn `size` traces, given for each call its ascending trace and the number it ends in."""
        counts = self._counts(traces, numbers, size)
        held_by = np.bincount(counts.indices, minlength=self._width)
        self._weights = np.log((1 + size) / (1 + held_by)) + 1
        self._learned = self._directions(counts).toarray().T.copy()
        return self

    def distances(self, traces: Numbers, numbers: Numbers, size: int) -> NDArray[np.float64]:
        """Return the distance of each of `size` traces, from 0 to 1."""
        directions = self._directions(self._counts(traces, numbers, size))
        nearest = [
            (directions[first : first + _BLOCK] @ self._learned).max(axis=1)
            for first in range(0, size, _BLOCK)
        ]
        # In single precision a trace differs from itself in the seventh place.
        return np.asarray(
            np.round(np.clip(1 - np.concatenate(nearest).astype(np.float64), 0, 1), 6), dtype=np.float64
        )

    def left_out(self, traces: Numbers, numbers: Numbers, size: int) -> NDArray[np.float64]:
        """Return the distance of each learned trace, at least two, as if it alone had not been learned.

        Its sequences are then held by one trace less, and those that no other one holds are unknown.
        """
        counts = self._counts(traces, numbers, size)
        at, data = counts.indices, counts.data.astype(np.float64)
        held_by = np.bincount(at, minlength=self._width)
        own, others = (np.log(size / np.maximum(each, 1)) + 1 for each in (held_by, held_by + 1))
        own, others = own**2, others**2
        alone = held_by == 1
        alone[0] = False

        def sparse(values: NDArray[np.float64]) -> csr_array:
            return csr_array((values, at, counts.indptr), shape=counts.shape)

        shared = data * ~alone[at]
        first, unknown = counts[:, [0]].toarray()[:, 0], sparse(data * alone[at]).sum(axis=1)
        products = (sparse(shared * own[at]) @ counts.T).toarray() + np.outer(unknown, first) * own[0]
        length = sparse(shared**2) @ own + unknown * (unknown + 2 * first) * own[0]
        # The length of any other trace, by the weights that are left without this one.
        there = sparse(np.ones(len(at))) @ sparse(data**2 * (own - others)[at]).T
        lengths = sparse(data**2) @ others + there.toarray()
        cosines = products / np.sqrt(lengths * length[:, None])
        np.fill_diagonal(cosines, -np.inf)
        return np.asarray(np.round(np.clip(1 - cosines.max(axis=1), 0, 1), 6))

    def _counts(self, traces: Numbers, numbers: Numbers, size: int) -> csr_array:
        # Counting into a small dense block is several times faster than sorting pairs.
        step = max(1, _CELLS // self._width)
        starts = np.searchsorted(traces, np.arange(0, size + step, step))
        pieces = []
        for block, (first, after) in enumerate(pairwise(starts.tolist())):
            height = min(step, size - block * step)
            cells = (traces[first:after] - block * step) * self._width + numbers[first:after]
            dense = np.bincount(cells, minlength=height * self._width)
            at = np.flatnonzero(dense)
            heights = np.bincount(at // self._width, minlength=height)
            pieces.append((dense[at].astype(np.float32), at % self._width, heights))
        data, columns, heights = (np.concatenate(each) for each in zip(*pieces, strict=True))
        return csr_array(
            (data, columns, np.concatenate(([0], np.cumsum(heights)))), shape=(size, self._width)
        )

    def _directions(self, counts: csr_array) -> csr_array:
        data = counts.data * self._weights[counts.indices].astype(np.float32)
        rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
        lengths = np.sqrt(np.bincount(rows, data.astype(np.float64) ** 2, counts.shape[0]))
        return csr_array(
            ((data / lengths[rows]).astype(np.float32), counts.indices, counts.indptr), shape=counts.shape
        )
