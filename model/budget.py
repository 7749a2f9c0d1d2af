"""What a budget of false alerts asks of one window, what a record can promise, and what was realised."""

import math
from dataclasses import dataclass
from typing import Final

from scipy.special import betaincinv

from model.calibrate import remembered

WEEK_S: Final = 604_800
EXTRAPOLATION: Final = 16
"""How far below the resolution a promise may lie; docs/detection.md gives how far the tail is off there."""
_TOLERANCE: Final = 1e-9


def windows_per_week(window_s: float, replicas: float) -> float:
    """Return how many windows a workload yields in a week.

    Args:
        window_s: Length of a window.
        replicas: Containers that report in the same window, on average; one at least is planned for.
    """
    return WEEK_S / window_s * max(1.0, replicas)


def threshold(per_week: float, windows: float) -> float:
    """Return alpha: the share of windows that spends a budget if each healthy anomaly is an alert.

    Examples:
        >>> round(1 / threshold(1.0, windows_per_week(10, replicas=1)))
        60480
    """
    return min(1.0, per_week / windows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What a baseline can promise of a budget.

    The remembered scores support thresholds down to a sixteenth of their
    resolution. A finer budget sets a finer threshold all the same, which can
    only raise fewer alerts; it is the promise that stays at `finest_per_week`.
    """

    per_week: float
    """Asked: false alerts accepted per workload and week."""
    windows_per_week: float
    learned_windows: int
    max_scores: int

    @property
    def alpha(self) -> float:
        """Threshold in force."""
        return threshold(self.per_week, self.windows_per_week)

    @property
    def finest_per_week(self) -> float:
        """Finest budget that the remembered scores support now."""
        return self._finest(remembered(self.learned_windows, self.max_scores))

    @property
    def promised_per_week(self) -> float:
        """What may be relied on: the budget asked, or the finest one where that is coarser."""
        return max(self.per_week, self.finest_per_week)

    @property
    def kept(self) -> bool:
        """Tell whether the evidence supports the budget asked."""
        return self.per_week >= self.finest_per_week * (1 - _TOLERANCE)

    @property
    def needed_windows(self) -> int | None:
        """Windows to be learned before the budget can be promised; None where no record becomes so long."""
        if self.per_week < self._finest(self.max_scores) * (1 - _TOLERANCE):
            return None
        most = self.windows_per_week * (1 - _TOLERANCE) / (EXTRAPOLATION * self.per_week)
        return 2 * max(1, math.ceil(most - 1))

    def wait_s(self, windows_per_week: float) -> int | None:
        """Return the seconds until then at a rate of windows; None as above."""
        needed = self.needed_windows
        if needed is None:
            return None
        return math.ceil(max(0, needed - self.learned_windows) / windows_per_week * WEEK_S)

    def _finest(self, scores: int) -> float:
        return self.windows_per_week / (EXTRAPOLATION * (scores + 1))


def rate_interval(alpha: float, scores: int, level: float = 0.95) -> tuple[float, float]:
    """Return the interval of the share of healthy windows beyond a threshold, whatever their tail [^1].

    The share of windows beyond the k-th highest of n remembered scores is Beta(k, n + 1 - k)
    distributed. A threshold between two ranks lies between theirs; beyond the highest
    score the lower bound is 0 and the upper one that of the highest: no model of a tail enters.

    Args:
        alpha: The threshold.
        scores: How many are remembered, at least 0.
        level: Confidence, above 0 and below 1.

    Examples:
        >>> low, high = rate_interval(0.001, 4096)
        >>> round(low, 5), round(high, 5)
        (0.00027, 0.0025)
        >>> rate_interval(1e-5, 0)
        (0.0, 1.0)

    References:
        [^1]: Wilks, S. S. "Determination of sample sizes for setting tolerance limits."
            Annals of Mathematical Statistics 12, 1941.
    """
    rank, tail = alpha * (scores + 1), (1 - level) / 2
    below, above = math.floor(rank), max(1, math.ceil(rank))
    low = float(betaincinv(below, scores + 1 - below, tail)) if 1 <= below <= scores else 0.0
    high = float(betaincinv(above, scores + 1 - above, 1 - tail)) if above <= scores else 1.0
    return low, high


def poisson_interval(events: int, level: float = 0.95) -> tuple[float, float]:
    """Return the exact interval of a Poisson mean after so many events [^1].

    Args:
        events: At least 0.
        level: Confidence, above 0 and below 1.

    Examples:
        >>> low, high = poisson_interval(3)
        >>> round(low, 3), round(high, 3)
        (0.619, 8.767)

    References:
        [^1]: Garwood, F. "Fiducial limits for the Poisson distribution." Biometrika 28, 1936.
    """
    tail = (1 - level) / 2
    low = _mean_where(events - 1, 1 - tail) if events else 0.0
    return low, _mean_where(events, tail)


def _mean_where(most: int, probability: float) -> float:
    """Return the Poisson mean at which at most so many events have this probability."""
    low, high = 0.0, most + 20 + 10 * math.sqrt(most + 1)
    for _ in range(80):
        middle = (low + high) / 2
        logs = (each * math.log(middle) - middle - math.lgamma(each + 1) for each in range(most + 1))
        if math.fsum(map(math.exp, logs)) > probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2
