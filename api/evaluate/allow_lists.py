"""What peers alert on: membership in a list of everything that was seen while learning."""

from collections import defaultdict
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from api.workloads.identity import WorkloadKey, identify
from model.evaluation.judged import NEW_CALL, NEW_NGRAM
from wire.ngram import GRAM_MASK, TOKEN_BITS
from wire.profile import ProfileDelta

_NEWEST = np.uint64((1 << TOKEN_BITS) - 1)
_GRAM = np.uint64(GRAM_MASK)


class AllowLists:
    """One list of calls and one of 6-grams for each workload; whose child a process is, they do not know."""

    def __init__(self) -> None:
        self._calls: defaultdict[WorkloadKey, set[int]] = defaultdict(set)
        self._ngrams: defaultdict[WorkloadKey, set[int]] = defaultdict(set)

    def learn(self, deltas: Iterable[ProfileDelta]) -> None:
        """Allow everything that some windows hold."""
        for delta in deltas:
            key, _ = identify(delta.container, "")
            calls, ngrams = _parts(delta)
            self._calls[key].update(calls.tolist())
            self._ngrams[key].update(ngrams.tolist())

    def refuses(self, delta: ProfileDelta) -> frozenset[str]:
        """Return which of the lists hold not all of a window."""
        key, _ = identify(delta.container, "")
        calls, ngrams = _parts(delta)
        new_call = not self._calls[key].issuperset(calls.tolist())
        new_ngram = not self._ngrams[key].issuperset(ngrams.tolist())
        return frozenset(name for name, new in ((NEW_CALL, new_call), (NEW_NGRAM, new_ngram)) if new)


def _parts(delta: ProfileDelta) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    grams = np.array(delta.ngrams, dtype=np.uint64) & _GRAM
    return np.unique(grams & _NEWEST), np.unique(grams)
