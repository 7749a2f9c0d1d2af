"""How well scores tell attack from normal: area under the curve, and rates at real thresholds."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Scores = NDArray[np.float64]

_Z95: Final = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Area:
    """Area under the ROC curve, and its 95 % interval, from 0 to 1."""

    value: float
    low: float
    high: float


def area(normal: Scores, attack: Scores) -> Area:
    """Return the probability that an attack scores higher than a normal trace, ties counting half.

    The interval is DeLong's [^1], from the mean ranks of Sun and Xu [^2].

    Args:
        normal: At least two.
        attack: At least two.

    Examples:
        >>> area(np.array([1.0, 2.0]), np.array([2.0, 3.0])).value
        0.875

    References:
        [^1]: DeLong, E. R., DeLong, D. M. and Clarke-Pearson, D. L. "Comparing the areas
            under two or more correlated receiver operating characteristic curves."
            Biometrics 44(3), 1988.
        [^2]: Sun, X. and Xu, W. "Fast implementation of DeLong's algorithm." IEEE
            Signal Processing Letters 21(11), 2014.
    """
    ranks = rankdata(np.concatenate((normal, attack)))
    # Share of the other class that each trace is above (attack) or below (normal).
    above = (ranks[len(normal) :] - rankdata(attack)) / len(normal)
    below = 1 - (ranks[: len(normal)] - rankdata(normal)) / len(attack)
    value = float(above.mean())
    error = _Z95 * float(np.sqrt(above.var(ddof=1) / len(attack) + below.var(ddof=1) / len(normal)))
    return Area(value, max(0.0, value - error), min(1.0, value + error))


def detection_at(normal: Scores, attack: Scores, rate: float) -> float:
    """Return the share of attacks above a threshold that at most `rate` of the normal traces are above.

    The threshold is a score that occurred, and a score equal to it raises
    nothing: this can be set, an interpolated point of the curve cannot.

    Examples:
        >>> detection_at(np.array([0.0, 0.0, 1.0, 5.0]), np.array([1.0, 2.0, 6.0]), 0.25)
        0.6666666666666666
    """
    return float((attack > _threshold(normal, rate)).mean())


def alarms_at(normal: Scores, attack: Scores, share: float) -> float:
    """Return the least share of normal traces that alarm where at least `share` of the attacks do.

    Examples:
        >>> alarms_at(np.array([0.0, 1.0, 2.0, 3.0]), np.array([1.5, 2.5]), 1.0)
        0.5
    """
    needed = int(np.ceil(share * len(attack) - 1e-9))
    lowest = np.sort(attack)[::-1][needed - 1]
    return float((normal >= lowest).mean())


def curve(normal: Scores, attack: Scores) -> tuple[Scores, Scores]:
    """Return the false-alarm and detection rates of every threshold that can be set, ascending."""
    thresholds = np.unique(np.concatenate((normal, attack, [np.inf])))[::-1]
    false = 1 - np.searchsorted(np.sort(normal), thresholds, side="left") / len(normal)
    true = 1 - np.searchsorted(np.sort(attack), thresholds, side="left") / len(attack)
    return false, true


def _threshold(normal: Scores, rate: float) -> float:
    allowed = int(np.floor(rate * len(normal) + 1e-9))
    if allowed >= len(normal):
        return -np.inf
    return float(np.sort(normal)[::-1][allowed])
