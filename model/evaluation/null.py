"""How a statistic of normal traces is distributed given their length: the way to normal scores."""

from typing import Self

import numpy as np
from scipy.stats import norm

from model.evaluation.metrics import Scores

_KNOTS = 32
_BANDWIDTH = 0.5
"""Of the kernel over the natural logarithm of the length: traces half or twice as long count as alike."""
_PRIOR = 20.0
"""Traces of any length that each length is taken to have besides its own."""
_TAIL_SHARE = 0.1


class Null:
    """Normal scores of a statistic, as held-back normal traces of like length distribute it.

    Mean and deviation given the length are kernel estimates [^1], shrunk to those
    over all lengths; what is left is mapped to a standard normal deviate by its
    rank [^2]. Beyond the highest rank the map goes on as a straight line, as
    steep as over the highest tenth, so that two strange traces never tie.

    References:
        [^1]: Nadaraya, E. A. "On estimating regression." Theory of Probability and
            its Applications 9(1), 1964.
        [^2]: Blom, G. "Statistical estimates and transformed beta-variables." 1958.
    """

    def fit(self, statistic: Scores, lengths: Scores) -> Self:
        """Learn the statistics of held-back normal traces, and their lengths in calls."""
        at = np.log(lengths)
        self._knots = np.linspace(at.min(), at.max(), _KNOTS)
        weights = np.exp(-0.5 * ((self._knots[:, None] - at) / _BANDWIDTH) ** 2) + _PRIOR / len(at)
        weights /= weights.sum(axis=1, keepdims=True)
        self._means = weights @ statistic
        variances = weights @ statistic**2 - self._means**2
        self._deviations = np.sqrt(np.maximum(variances, 1e-12))
        left = np.sort(self._residual(statistic, lengths))
        count = len(left)
        blom = norm.ppf((np.arange(1, count + 1) - 0.375) / (count + 0.25))
        # Equal values share one score: the mean of theirs.
        self._values, inverse, times = np.unique(left, return_inverse=True, return_counts=True)
        self._scores = np.bincount(inverse, blom) / times
        self._slope = self._steepness()
        return self

    def scores(self, statistic: Scores, lengths: Scores) -> Scores:
        """Return the normal score of each statistic: about 0 ± 1 for normal traces."""
        left = self._residual(statistic, lengths)
        beyond = np.maximum(left - self._values[-1], 0.0)
        return np.asarray(np.interp(left, self._values, self._scores) + self._slope * beyond)

    def _residual(self, statistic: Scores, lengths: Scores) -> Scores:
        at = np.log(lengths)
        mean = np.interp(at, self._knots, self._means)
        return np.asarray((statistic - mean) / np.interp(at, self._knots, self._deviations))

    def _steepness(self) -> float:
        first = np.searchsorted(self._scores, norm.ppf(1 - _TAIL_SHARE))
        first = min(int(first), len(self._values) - 2)
        if first < 0:
            return 1.0
        width = self._values[-1] - self._values[first]
        return float((self._scores[-1] - self._scores[first]) / width) if width > 1e-9 else 1.0
