"""Detectors of river over the counts of calls of each trace, learned one trace after the other."""

from collections.abc import Callable, Hashable, Iterator
from typing import Any, Self

import numpy as np
from river import anomaly, base, preprocessing

from model.evaluation.metrics import Scores
from model.evaluation.traces import Traces

Maker = Callable[[], base.AnomalyDetector]
Features = dict[Hashable, Any]
"""As river takes them: here the share of each call, by its code."""


class Streaming:
    """Judge a trace by the share that each call has in it, with a detector of river.

    Shares are between 0 and 1, as half-space trees expect; the others see them
    in standard deviations. About a millisecond a trace.

    Args:
        make: Makes the detector, new for each `fit`.
        scaled: Whether shares are brought to standard deviations first.
    """

    def __init__(self, make: Maker, *, scaled: bool) -> None:
        self._make = make
        self._scaled = scaled

    def fit(self, traces: Traces) -> Self:
        """Learn normal traces, and forget what was learned before."""
        self._detector = self._make()
        self._scaler = _scaler()
        self._calls = np.unique(traces.calls).tolist()
        for features in _shares(traces, self._calls):
            if self._scaled:
                self._scaler.learn_one(features)
            self._detector.learn_one(self._seen(features))
        return self

    def score(self, traces: Traces) -> Scores:
        """Return the score of each trace."""
        each = (self._detector.score_one(self._seen(features)) for features in _shares(traces, self._calls))
        return np.fromiter(each, dtype=np.float64, count=len(traces))

    def _seen(self, features: Features) -> Features:
        if not self._scaled:
            return features
        scaled: Features = self._scaler.transform_one(features)
        return scaled


def _scaler() -> Any:  # noqa: ANN401 - its methods have no types
    return preprocessing.StandardScaler()


def _shares(traces: Traces, known: list[int]) -> Iterator[Features]:
    """Yield for each trace the share of each known call, and that of all others together."""
    for start, length in zip(traces.starts[:-1].tolist(), traces.lengths.tolist(), strict=True):
        counts = np.bincount(traces.calls[start : start + length], minlength=traces.alphabet)[known]
        shares: Features = dict(zip(map(str, known), (counts / length).tolist(), strict=True))
        yield shares | {"other": 1 - float(counts.sum()) / length}


def streaming(seed: int) -> dict[str, Callable[[], Streaming]]:
    """Return how each of these detectors is made, by its name.

    References:
        Tan, S. C., Ting, K. M. and Liu, T. F. "Fast anomaly detection for streaming data." IJCAI 2011.
        Pevny, T. "Loda: lightweight on-line detector of anomalies." Machine Learning 102, 2016.
        Schoelkopf, B. et al. "Estimating the support of a high-dimensional distribution."
        Neural Computation 13(7), 2001.
    """
    return {
        "half-space trees": lambda: Streaming(
            lambda: anomaly.HalfSpaceTrees(n_trees=25, height=10, window_size=100, seed=seed), scaled=False
        ),
        "LODA": lambda: Streaming(lambda: anomaly.LODA(seed=seed), scaled=True),
        "one-class SVM": lambda: Streaming(lambda: anomaly.OneClassSVM(nu=0.1), scaled=True),
    }
