"""What every detector of traces can do, and our own: all orders judged side by side, in one score."""

from collections.abc import Iterable
from typing import Final, Protocol, Self

import numpy as np

from model.evaluation.contexts import Contexts, Numbers, Walk, new_share
from model.evaluation.metrics import Scores
from model.evaluation.null import Null
from model.evaluation.profiles import NearestProfile
from model.evaluation.traces import Traces, folds

FOLDS: Final = 10
"""In which scores of learned traces are held back from what they are held against."""
SURPRISE: Final = 8
"""Calls in the sequences whose surprise is looked at."""
NEW: Final = 6
"""Calls in the sequences of which the share that was never learned is looked at."""
PROFILES: Final = (1, 2)
"""Calls in the sequences that are looked at as profiles."""
WEIGHTS: Final = (1 / 3, 1 / 3, *(1 / 3 / len(PROFILES) for _ in PROFILES))
"""Each view counts once, however many statistics it has."""


class Detector(Protocol):
    """Learns normal traces and gives each trace a score, higher where it is stranger."""

    def fit(self, traces: Traces) -> Self:
        """Learn normal traces, and forget what was learned before."""

    def score(self, traces: Traces) -> Scores:
        """Return the score of each trace."""


class Statistics:
    """A trace in three views: what follows what, what is new, and what comes together.

    Long contexts tell best whether calls follow each other as they should; the
    share of new sequences is not moved by how often known but rare ones
    occur; profiles of short sequences tell whether calls that are each in
    order ever came together in one trace.
    """

    def __init__(self) -> None:
        self._contexts = Contexts(SURPRISE)
        self._profiles: list[NearestProfile] = []

    def fit(self, traces: Traces) -> Self:
        """Learn normal traces."""
        self._contexts.fit(traces)
        _, numbers = self._seen(self._contexts.walk(traces), traces)
        rows = np.repeat(np.arange(len(traces)), traces.lengths)
        self._profiles = [
            NearestProfile(self._contexts.distinct(order)).fit(rows, each, len(traces))
            for order, each in zip(PROFILES, numbers, strict=True)
        ]
        return self

    def values(self, traces: Traces) -> Scores:
        """Return (views, traces): bits per call, share of new sequences, distance of each profile."""
        # A score depends on the sequence alone: equal traces are looked at once.
        _, first, place = np.unique(traces.contents(), return_index=True, return_inverse=True)
        once = traces.take(first)
        found, numbers = self._seen(self._contexts.walk(once), once)
        rows = np.repeat(np.arange(len(once)), once.lengths)
        pairs = zip(self._profiles, numbers, strict=True)
        distances = [each.distances(rows, at, len(once)) for each, at in pairs]
        return np.vstack((found, *distances))[:, place]

    def left_out(self, traces: Traces) -> Scores:
        """Return (views, traces) of the learned traces, at least two, each as if it were not learned."""
        found, _ = self._seen(self._contexts.left_out(traces), traces)
        _, numbers = self._seen(self._contexts.walk(traces), traces)
        rows = np.repeat(np.arange(len(traces)), traces.lengths)
        pairs = zip(self._profiles, numbers, strict=True)
        return np.vstack((found, *(each.left_out(rows, at, len(traces)) for each, at in pairs)))

    def _seen(self, walks: Iterable[Walk], traces: Traces) -> tuple[Scores, list[Numbers]]:
        found = np.empty((2, len(traces)))
        numbers: list[list[Numbers]] = [[] for _ in PROFILES]
        for walk in walks:
            rows = slice(walk.first, walk.first + len(walk.starts))
            if walk.depth in PROFILES:
                numbers[PROFILES.index(walk.depth)].append(walk.numbers)
            if walk.depth == NEW:
                found[1, rows] = new_share(walk, traces.lengths[rows])
            if walk.depth == SURPRISE:
                found[0, rows] = np.add.reduceat(walk.bits, walk.starts) / traces.lengths[rows]
        return found, [np.concatenate(each) for each in numbers]


class AllOrders:
    """One score of all orders: the mean of the normal scores of three views, given the trace's length.

    The distribution of each statistic is that of the learned traces, each seen
    as if it alone had not been learned, so that no view counts for more because
    of its unit. Nothing is weighted by what would tell attacks.
    """

    def fit(self, traces: Traces) -> Self:
        """Learn normal traces, at least two."""
        self._statistics = Statistics().fit(traces)
        values = self._statistics.left_out(traces)
        lengths = traces.lengths.astype(np.float64)
        self._nulls = _nulls(values, lengths)
        self.held_back = np.empty(len(traces))
        """Score of each learned trace, had it not been learned."""
        of_trace = folds(len(traces), FOLDS, 1)
        for fold in range(FOLDS):
            # A trace must not have a part in the distribution that it is held against, as no judged one has.
            inside, outside = np.flatnonzero(of_trace == fold), np.flatnonzero(of_trace != fold)
            nulls = _nulls(values[:, outside], lengths[outside])
            self.held_back[inside] = _combine(nulls, values[:, inside], lengths[inside])
        return self

    def score(self, traces: Traces) -> Scores:
        """Return the score of each trace."""
        values = self._statistics.values(traces)
        return _combine(self._nulls, values, traces.lengths.astype(np.float64))


def _nulls(values: Scores, lengths: Scores) -> list[Null]:
    return [Null().fit(each, lengths) for each in values]


def _combine(nulls: list[Null], values: Scores, lengths: Scores) -> Scores:
    scores = [null.scores(each, lengths) for null, each in zip(nulls, values, strict=True)]
    return np.asarray(np.average(scores, axis=0, weights=WEIGHTS))
