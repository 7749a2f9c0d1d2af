"""Known detectors of traces to compare with, written anew from their papers."""

from typing import Any, Final, Self

import numpy as np
from sklearn.ensemble import IsolationForest
from sklearn.feature_extraction.text import TfidfTransformer

from model.evaluation.contexts import Contexts, new_share
from model.evaluation.metrics import Scores
from model.evaluation.traces import Traces

_TREES: Final = 100


class Length:
    """Length of a trace: what it alone tells, a detector must not be praised for."""

    def fit(self, traces: Traces) -> Self:  # noqa: ARG002 - nothing to learn
        return self

    def score(self, traces: Traces) -> Scores:
        return traces.lengths.astype(np.float64)


class AllowList:
    """Share of calls that no learned trace made, as a seccomp profile recorded while learning would refuse.

    Examples:
        >>> AllowList().fit(Traces.of([[0, 1]], 3)).score(Traces.of([[0, 1], [1, 2]], 3)).tolist()
        [0.0, 0.5]
    """

    def fit(self, traces: Traces) -> Self:
        self._allowed = np.zeros(traces.alphabet, dtype=np.bool_)
        self._allowed[traces.calls] = True
        return self

    def score(self, traces: Traces) -> Scores:
        refused = (~self._allowed[traces.calls]).astype(np.float64)
        return np.asarray(np.add.reduceat(refused, traces.starts[:-1]) / traces.lengths)


class Stide:
    """Share of a trace's n-grams that were never learned; a trace shorter than one has none, and scores 0.

    Examples:
        >>> Stide(2).fit(Traces.of([[0, 1, 0]], 2)).score(Traces.of([[0, 1, 1], [1, 0]], 2)).tolist()
        [0.5, 0.0]

    References:
        Forrest, S., Hofmeyr, S., Somayaji, A. and Longstaff, T. "A sense of self for
        Unix processes." IEEE Symposium on Security and Privacy, 1996.
    """

    def __init__(self, n: int = 6) -> None:
        self._n = n
        self._contexts = Contexts(n)

    def fit(self, traces: Traces) -> Self:
        self._contexts.fit(traces)
        return self

    def score(self, traces: Traces) -> Scores:
        shares = np.empty(len(traces))
        for walk in self._contexts.walk(traces):
            if walk.depth == self._n:
                rows = slice(walk.first, walk.first + len(walk.starts))
                shares[rows] = new_share(walk, traces.lengths[rows])
        return shares


class WittenBell:
    """Mean surprise of a call in bits, by a Witten-Bell model of n-grams (`Contexts`)."""

    def __init__(self, n: int = 8) -> None:
        self._n = n
        self._contexts = Contexts(n)

    def fit(self, traces: Traces) -> Self:
        self._contexts.fit(traces)
        return self

    def score(self, traces: Traces) -> Scores:
        total = np.empty(len(traces))
        for walk in self._contexts.walk(traces):
            if walk.depth == self._n:
                sums = np.add.reduceat(walk.bits, walk.starts)
                total[walk.first : walk.first + len(sums)] = sums
        return total / traces.lengths


class Forest:
    """Isolation forest of scikit-learn over tf-idf weighted counts of calls.

    References:
        Liu, F. T., Ting, K. M. and Zhou, Z.-H. "Isolation forest." ICDM 2008.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def fit(self, traces: Traces) -> Self:
        self._weights = TfidfTransformer().fit(_counts(traces))
        self._forest = IsolationForest(n_estimators=_TREES, random_state=self._seed)
        self._forest.fit(self._weighted(traces))
        return self

    def score(self, traces: Traces) -> Scores:
        return np.asarray(-self._forest.score_samples(self._weighted(traces)))

    def _weighted(self, traces: Traces) -> Any:  # noqa: ANN401 - scikit-learn ships no types
        return self._weights.transform(_counts(traces)).toarray()


def _counts(traces: Traces) -> Scores:
    rows = np.repeat(np.arange(len(traces)), traces.lengths)
    cells = rows * traces.alphabet + traces.calls
    counts = np.bincount(cells, minlength=len(traces) * traces.alphabet)
    return counts.reshape(len(traces), traces.alphabet).astype(np.float64)
