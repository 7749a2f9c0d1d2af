"""What every detector of traces can do, and our own: all orders judged side by side, in one score."""

from typing import Final, Protocol, Self

import numpy as np

from model.evaluation.contexts import Contexts, Numbers
from model.evaluation.metrics import Scores
from model.evaluation.null import Null
from model.evaluation.profiles import NearestProfile
from model.evaluation.traces import Traces, folds

FOLDS: Final = 10


class Detector(Protocol):
    """Learns normal traces and gives each trace a score, higher where it is stranger."""

    def fit(self, traces: Traces) -> Self:
        """Learn normal traces, and forget what was learned before."""

    def score(self, traces: Traces) -> Scores:
        """Return the score of each trace."""


class Statistics:
    """Each order of a trace in the view that suits it: long ones as surprise, short ones as a profile.

    Long contexts tell best whether calls follow each other as they should;
    whole profiles of short sequences tell whether calls that are each in order
    ever came together in one trace.

    Args:
        depth: Longest sequence whose surprise is looked at.
        profiles: Longest sequence that is looked at as a profile; surprise begins one above it.
    """

    def __init__(self, depth: int, profiles: int) -> None:
        self._contexts = Contexts(depth)
        self._orders = profiles
        self._profiles: list[NearestProfile] = []

    def fit(self, traces: Traces) -> Self:
        """Learn normal traces."""
        self._contexts.fit(traces)
        _, numbers = self._walk(traces)
        rows = np.repeat(np.arange(len(traces)), traces.lengths)
        self._profiles = [
            NearestProfile(self._contexts.distinct(order)).fit(rows, each, len(traces))
            for order, each in enumerate(numbers, start=1)
        ]
        return self

    def views(self, traces: Traces) -> tuple[Scores, Scores]:
        """Return (orders, traces) mean surprise in bits per call, and (orders, traces) distances."""
        surprise, numbers = self._walk(traces)
        rows = np.repeat(np.arange(len(traces)), traces.lengths)
        pairs = zip(self._profiles, numbers, strict=True)
        return surprise, np.array([each.distances(rows, at, len(traces)) for each, at in pairs])

    def _walk(self, traces: Traces) -> tuple[Scores, list[Numbers]]:
        surprise = np.empty((self._contexts.depth - self._orders, len(traces)))
        numbers: list[list[Numbers]] = [[] for _ in range(self._orders)]
        for walk in self._contexts.walk(traces):
            if walk.depth <= self._orders:
                numbers[walk.depth - 1].append(walk.numbers)
            else:
                sums = np.add.reduceat(walk.bits, walk.starts)
                surprise[walk.depth - self._orders - 1, walk.first : walk.first + len(sums)] = sums
        return surprise / traces.lengths, [np.concatenate(each) for each in numbers]


class AllOrders:
    """One score of all orders: the mean of the normal scores of each view, given the trace's length.

    The distribution of each statistic is that of learned traces held back in
    ten folds, so that neither view nor order counts for more because of its
    unit. Nothing is weighted by what would tell attacks.

    Args:
        depth: See `Statistics`.
        profiles: See `Statistics`.
        seed: Of the folds.
    """

    def __init__(self, *, depth: int = 8, profiles: int = 2, seed: int = 1) -> None:
        self._depth = depth
        self._orders = profiles
        self._seed = seed

    def fit(self, traces: Traces) -> Self:
        """Learn normal traces."""
        held = folds(len(traces), FOLDS, self._seed)
        views = [np.empty((self._depth - self._orders, len(traces))), np.empty((self._orders, len(traces)))]
        for fold in range(FOLDS):
            inside, outside = np.flatnonzero(held == fold), np.flatnonzero(held != fold)
            if not len(inside):
                continue
            statistics = Statistics(self._depth, self._orders).fit(traces.take(outside))
            for view, values in zip(views, statistics.views(traces.take(inside)), strict=True):
                view[:, inside] = values
        lengths = traces.lengths.astype(np.float64)
        self._nulls = [[Null().fit(values, lengths) for values in view] for view in views]
        self._statistics = Statistics(self._depth, self._orders).fit(traces)
        self.held_back = self._combine(views, lengths)
        """Score of each learned trace, from the folds that did not learn it."""
        return self

    def score(self, traces: Traces) -> Scores:
        """Return the score of each trace."""
        return self._combine(self._statistics.views(traces), traces.lengths.astype(np.float64))

    def _combine(self, views: "list[Scores] | tuple[Scores, Scores]", lengths: Scores) -> Scores:
        means = [
            np.mean([null.scores(values, lengths) for null, values in zip(nulls, view, strict=True)], axis=0)
            for nulls, view in zip(self._nulls, views, strict=True)
        ]
        return np.asarray(np.mean(means, axis=0))
