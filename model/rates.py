"""How unusual a container's counts of calls are, from one short interval to the next.

Order is not looked at: this is for sources that tell only how often each call
was made. Calls of a workload come in fixed proportions: what is usual is near
to a learned vector, proportion by proportion.
"""

from collections.abc import Sequence
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter
from sklearn.metrics import pairwise_distances_argmin_min

from model.errors import RatesError

CallCounts = NDArray[np.int64]
"""Vectors by calls: how often each call was made in each of consecutive intervals, at least 0."""
Scores = NDArray[np.float64]

LEAST_P: Final = 1e-12
"""Where the tail stops, as in `model.calibrate`."""
LOAD: Final = np.log(10.0) ** 2
"""Variance of the logarithm of load that is always allowed for: a ten-fold change is one deviation."""
ONE_CALL: Final = float(np.sqrt(1 + 3 / 8) - np.sqrt(3 / 8))
"""How far one call is from none, on the scale of square roots."""
OWN_LEVEL: Final = 0.01
"""How fast a container's own level replaces that of its replicas: within some 100 vectors."""


class CallRates:
    """Judge each vector of a stream, after learning healthy streams.

    Each call is foretold from all others by the linear regression that learned
    vectors give. Calls that a workload makes in fixed proportion (each file
    opened is closed) foretell each other closely, however much their number
    varies, so a few calls out of proportion make a large error, in standard
    errors, where the call itself is common. Counts are looked at as square
    roots, on which chance scatters each call alike, however frequent [^1].

    A workload does several things, and each has proportions of its own. So
    errors are not judged against zero but against those of learned vectors: the
    signal is the squared distance to the nearest of these [^2].

    The error always allows for a change of load, which moves all calls in
    proportion, and for one vector more than was learned in which a call is made
    once, all by itself: the longer the record, the stranger a call never made.

    The signal becomes a p-value by its rank among the signals of healthy
    intervals that were held back: streams are cut into folds, each fold is
    judged by what the others teach. Beyond the highest rank the tail falls as
    a power, as Hill measured it [^3]. The score is -log2 of the p-value.

    Args:
        forget: How fast the level of each call follows the stream, from 0 to 1 a
            vector. 0 keeps the learned level: right where the container itself was
            learned. Where only its replicas were, their level is the one to begin
            with (`OWN_LEVEL`); a level that follows hides what comes slowly.

    Examples:
        >>> generator = np.random.default_rng(1)
        >>> stream = generator.poisson([30.0, 20.0, 0.0], (300, 3))
        >>> rates = CallRates().fit([stream], [np.arange(300) // 100])
        >>> usual, doubled, stranger = rates.score(np.array([[31, 18, 0], [59, 42, 0], [31, 18, 2]]))
        >>> threshold = rates.threshold(0.01)
        >>> bool(usual < threshold), bool(doubled < threshold), bool(stranger > threshold)
        (True, True, True)

    References:
        [^1]: Anscombe, F. J. "The transformation of Poisson, binomial and
            negative-binomial data." Biometrika 35(3-4), 1948.
        [^2]: Ramaswamy, S., Rastogi, R. and Shim, K. "Efficient algorithms for mining
            outliers from large data sets." SIGMOD, 2000.
        [^3]: Hill, B. M. "A simple general approach to inference about the tail of a
            distribution." Annals of Statistics 3(5), 1975.
    """

    def __init__(self, *, forget: float = 0.0) -> None:
        self.healthy: Scores = np.empty(0)
        """Scores of the learned vectors, each judged by the folds it is not in; ascending."""
        self._forget = forget
        self._usual: _Usual | None = None
        self._ranks: _Ranks | None = None

    def fit(self, streams: Sequence[CallCounts], folds: Sequence[NDArray[np.int64]]) -> Self:
        """Learn healthy streams; what was learned before is forgotten.

        Args:
            streams: Consecutive vectors of one container each, all over the same calls.
            folds: For each vector its fold. Choose folds that differ from each
                other as what will be scored differs from the streams: blocks of
                time for the same containers later, containers for other containers.

        Raises:
            RatesError: The streams do not fit each other or the folds, or there are fewer than two folds.
        """
        _check(streams, folds)
        signals = []
        for each in np.unique(np.concatenate(folds)):
            cuts = [(stream, fold == each) for stream, fold in zip(streams, folds, strict=True)]
            usual = _Usual([stream[~held_back] for stream, held_back in cuts], self._forget)
            signals += [usual.signals(stream[held_back]) for stream, held_back in cuts if held_back.any()]
        self._usual = _Usual(streams, self._forget)
        self._ranks = _Ranks(np.concatenate(signals))
        self.healthy = np.sort(-np.log2(self._ranks.p_values(self._ranks.sorted, own=True)))
        return self

    def score(self, stream: CallCounts) -> Scores:
        """Return a score in bits for each vector.

        Raises:
            RatesError: Nothing was learned, or the stream is not over the learned calls.
        """
        if self._usual is None or self._ranks is None:
            msg = "Expected learned streams before the first score; got none."
            raise RatesError(msg)
        calls = len(self._usual.mean)
        if stream.ndim != 2 or stream.shape[1] != calls:
            msg = f"Expected vectors over {calls} calls, as learned; got an array of shape {stream.shape}."
            raise RatesError(msg)
        return np.asarray(-np.log2(self._ranks.p_values(self._usual.signals(stream), own=False)))

    def threshold(self, rate: float) -> float:
        """Return the score that at most a share `rate` of the healthy vectors exceeds."""
        return float(np.quantile(self.healthy, 1 - rate, method="higher"))


STEP: Final = 1.0
"""Bits by which an alarm raises a tracked threshold: the next one must be half as probable."""
MOST: Final = 0.05
"""Share of alarms above which a tracked threshold goes on rising."""


def tracked(scores: Scores, threshold: float, most: float = MOST) -> NDArray[np.bool_]:
    """Return which scores of one stream exceed a threshold that follows the stream.

    Each alarm raises the threshold by `STEP`, each vector without lowers it by
    `most` of that, never below where it began. So the share of alarms in a long
    stream cannot stay above `most`, however far the stream is from what was
    learned (quantile tracking [^1]): a container unlike its replicas alarms
    when it appears and not for ever, and any other keeps the threshold that was
    learned but for a moment after an alarm. Only scores before a vector bear on it.

    Args:
        scores: Bits for each vector of one stream, in order.
        threshold: Where the threshold begins.
        most: Share of vectors that may alarm for long, between 0 and 1.

    Examples:
        >>> tracked(np.array([1.0, 9.0, 9.0, 9.0, 9.0, 9.0]), threshold=6.5, most=0.01).tolist()
        [False, True, True, True, False, False]

    References:
        [^1]: Angelopoulos, A. N., Candes, E. J. and Tibshirani, R. J. "Conformal PID control
            for time series prediction." NeurIPS, 2023.
    """
    alarms = np.zeros(len(scores), dtype=np.bool_)
    now = threshold
    for place, score in enumerate(scores.tolist()):
        alarms[place] = score > now
        now += STEP * (1 - most) if score > now else -STEP * most
        now = max(now, threshold)
    return alarms


class _Usual:
    """What is usual in one interval."""

    def __init__(self, streams: Sequence[CallCounts], forget: float) -> None:
        counts = np.concatenate(streams)
        self.mean = _roots(counts).mean(axis=0)
        self._forget = forget
        levelled = np.concatenate([self._levelled(stream) for stream in streams])
        single = ONE_CALL**2 * np.eye(counts.shape[1])
        mean = counts.mean(axis=0)
        load = np.minimum(np.sqrt(mean) / 2, ONE_CALL * mean)  # what the logarithm of load moves
        covariance = (levelled.T @ levelled + single) / len(counts) + LOAD * np.outer(load, load)
        precision = np.linalg.inv(covariance)
        self._errors = precision / np.sqrt(np.diag(precision))
        self._learned = np.unique(levelled, axis=0) @ self._errors

    def signals(self, counts: CallCounts) -> Scores:
        """Return of each vector of a stream how far its errors are from the nearest learned ones, squared."""
        errors = self._levelled(counts) @ self._errors
        _, distances = pairwise_distances_argmin_min(errors, self._learned, metric="sqeuclidean")
        # Equal vectors of different streams must tie whatever the rounding of the means.
        return np.asarray(np.round(distances, 6))

    def _levelled(self, stream: CallCounts) -> Scores:
        """Return the stream less the mean; that of the vectors before it, where the level follows."""
        centred = _roots(stream) - self.mean
        if not self._forget:
            return np.asarray(centred)
        return np.asarray(lfilter([1, -1], [1, self._forget - 1], centred, axis=0))


def _roots(counts: CallCounts) -> Scores:
    return np.asarray(np.sqrt(counts + 3 / 8))


class _Ranks:
    """P-values by rank among healthy signals, then by a tail that falls as a power."""

    def __init__(self, healthy: Scores) -> None:
        self.sorted = np.sort(healthy)
        count = len(healthy)
        top = self.sorted[count - max(count // 50, min(10, count)) :]
        self.highest = max(float(self.sorted[-1]), 1e-9)
        least = max(float(top[0]), 1e-9)
        self.index = 1 / max(float(np.mean(np.log(np.maximum(top, least) / least))), 0.1)

    def p_values(self, signals: Scores, *, own: bool) -> Scores:
        """Return the share of healthy signals at least as large; one not of its `own` is counted too."""
        count = len(self.sorted)
        above = count - np.searchsorted(self.sorted, signals, side="left")
        if own:
            return np.asarray(np.maximum(above, 1) / count)
        tail = np.maximum(signals / self.highest, 1.0) ** -self.index
        return np.maximum((above + 1) / (count + 1) * np.where(above == 0, tail, 1.0), LEAST_P)


def _check(streams: Sequence[CallCounts], folds: Sequence[NDArray[np.int64]]) -> None:
    if len({stream.shape[1:] for stream in streams}) != 1 or any(stream.ndim != 2 for stream in streams):
        msg = f"Expected streams over the same calls; got shapes {[stream.shape for stream in streams]}."
        raise RatesError(msg)
    if [len(stream) for stream in streams] != [len(fold) for fold in folds]:
        lengths = [len(stream) for stream in streams]
        msg = f"Expected one fold for each of {lengths} vectors; got {[len(fold) for fold in folds]}."
        raise RatesError(msg)
    number = len(np.unique(np.concatenate(folds)))
    if number < 2:
        msg = f"Expected at least two folds; got {number}."
        raise RatesError(msg)
