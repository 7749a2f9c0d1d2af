"""Adds baselines of one workload's replicas: the counts of all their windows, in any order and batching.

Everything counted is a sum over windows, so `merge` is commutative and
associative bit for bit, and gives the counts, and therefore the scores in bits
and the novelty, that one baseline of all the windows has; as long as no
baseline refused n-grams, for which ones are refused depends on what came first.

Remembered scores are not such a sum. Each was taken before its window was
learned and tells what its own replica knew then; one baseline of all windows
would have known more, and scored lower. The merged record is the multiset of
all remembered scores, in an order that follows from their values alone, so it
too is the same however replicas are merged; p-values differ from those of a
baseline that saw all windows itself. Each phase has its own. A record is cut to its
usual length with the next window that it learns.
"""

import hashlib
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.errors import MergeError
from model.state import BaselineState
from model.window import Counts


def merge(one: BaselineState, other: BaselineState) -> BaselineState:
    """Return the state of a baseline of the windows of both.

    Completeness is not merged: its blocks follow the windows of one baseline, and learning begins them anew.

    Raises:
        MergeError: The baselines are of different architectures.

    Examples:
        >>> from model.baseline import Baseline
        >>> empty = Baseline().state()
        >>> merge(empty, empty).windows
        0
    """
    if one.arch != other.arch:
        msg = f"Expected baselines of one architecture; got {one.arch} and {other.arch}."
        raise MergeError(msg)
    ngrams, counts, held_by = _add(
        np.concatenate((one.ngrams, other.ngrams)),
        np.concatenate((one.counts, other.counts)),
        np.concatenate((one.held_by, other.held_by)),
    )
    sizes, sizes_held = _add(
        np.concatenate((one.sizes, other.sizes)), np.concatenate((one.sizes_held, other.sizes_held))
    )
    return BaselineState(
        arch=one.arch,
        windows=one.windows + other.windows,
        windows_from_start=one.windows_from_start + other.windows_from_start,
        refused_calls=one.refused_calls + other.refused_calls,
        scores_seen=one.scores_seen + other.scores_seen,
        ngrams=ngrams,
        counts=counts,
        held_by=held_by,
        sizes=sizes,
        sizes_held=sizes_held,
        scores=_shuffled(np.concatenate((one.scores, other.scores))),
        start_scores_seen=one.start_scores_seen + other.start_scores_seen,
        start_scores=_shuffled(np.concatenate((one.start_scores, other.start_scores))),
        stop_scores_seen=one.stop_scores_seen + other.stop_scores_seen,
        stop_scores=_shuffled(np.concatenate((one.stop_scores, other.stop_scores))),
    )


def _add(keys: NDArray[Any], *columns: Counts) -> tuple[NDArray[Any], ...]:
    """Return ascending, distinct keys, and of each column the sums for them."""
    distinct, rows = np.unique(keys, return_inverse=True)
    sums = [np.zeros(len(distinct), dtype=np.int64) for _ in columns]
    for total, column in zip(sums, columns, strict=True):
        np.add.at(total, rows, column)
    return distinct, *sums


def _shuffled(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return rows in an order that is the same for equal multisets and favours no size of score.

    The record forgets from the front. Each of equal rows has a place of
    its own, or quiet windows, which tie, would all be forgotten at once.
    """
    words = sorted(row.tobytes() for row in rows)
    order = []
    for word, equal in groupby(words):
        for copy, _ in enumerate(equal):
            order.append((hashlib.blake2b(word + copy.to_bytes(8, "little"), digest_size=8).digest(), word))
    return np.frombuffer(b"".join(word for _, word in sorted(order)), dtype=rows.dtype).reshape(rows.shape)
