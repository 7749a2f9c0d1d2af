"""How unusual a score is, measured against the healthy scores that a baseline remembers.

A score means something only beside other scores of the same workload. This
module turns it into a p-value, so that one threshold fits every workload.
"""

import math
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable
from typing import Final

LEAST_P: Final = 1e-12
"""Where the tail model stops: what it says of rarer things no record of this length supports."""
SHAPE: Final = 0.1
"""Shape of the tail, the same for every workload: a short record cannot tell it (docs/detection.md)."""
_QUANTILES: Final = (0.5, 0.9, 0.99, 0.999)


class Calibrator:
    """Rank a score among remembered healthy ones; beyond the highest, follow a generalised Pareto tail.

    Each remembered score was taken before its window was learned, as the new
    one is. The p-value is the share of remembered scores at least as large,
    the new one included, so it is never 0 [^1]. It is valid at every threshold
    down to `resolution` as long as windows are exchangeable. Below that it is a
    model, not a rank: excesses over a high threshold are taken as generalised
    Pareto [^2] of shape 0.1, a little heavier than exponential, anchored at the
    highest score. The scale is the mean or the standard deviation of the highest
    tenth's excesses, whichever is larger, plus one standard error, since few
    excesses tell it badly, and never less than `least_scale`, since a record
    without surprises says nothing of how large the first one will be.

    A window larger than any learned is judged as several: of `times` draws, at
    most one is taken to be extreme, the others to have the mean excess over the
    median (the one-big-jump bound for heavy tails [^3]). So load beyond all
    experience cannot alarm by the few new things that more calls bring.

    Only the later half of all scores is remembered: while everything is new,
    scores are high, and they must not stand for a healthy workload for ever.

    Args:
        max_scores: Scores remembered at most; the oldest go first.
        least_scale: Smallest scale of the tail, in bits.

    Examples:
        >>> calibrator = Calibrator()
        >>> for score in (9.0, 9.0, 9.0, 9.0, 0.0, 0.0, 2.0, 5.0):
        ...     calibrator.learn_one(score)
        >>> calibrator.p_value(5.0), calibrator.resolution
        (0.4, 0.2)
        >>> 0 < calibrator.p_value(500.0) < 1e-4
        True

    References:
        [^1]: Laxhammar, R. "Conformal anomaly detection: Detecting abnormal
            trajectories in surveillance applications." University of Skovde, 2014.
        [^2]: Pickands, J. "Statistical inference using extreme order statistics."
            Annals of Statistics 3(1), 1975.
        [^3]: Foss, S., Korshunov, D. and Zachary, S. "An introduction to
            heavy-tailed and subexponential distributions." Springer, 2011.
    """

    def __init__(self, max_scores: int = 4096, least_scale: float = 24.0) -> None:
        self.max_scores = max_scores
        self.least_scale = least_scale
        self.seen = 0
        self._recent: deque[float] = deque()
        self._sorted: list[float] = []
        self._scale: float | None = None
        self._excess: float | None = None

    def __len__(self) -> int:
        """Return how many scores are remembered."""
        return len(self._sorted)

    @property
    def recent(self) -> tuple[float, ...]:
        """Remembered scores, oldest first."""
        return tuple(self._recent)

    @property
    def resolution(self) -> float:
        """Smallest p-value that ranks alone can give."""
        return 1 / (len(self._sorted) + 1)

    @property
    def tail_scale(self) -> float:
        """Scale of the tail: over so many bits beyond the highest score, the p-value falls about e times."""
        if self._scale is None:
            self._scale = max(self.least_scale, _spread(self._sorted))
        return self._scale

    @property
    def usual_excess(self) -> float:
        """Mean bits by which remembered scores exceed their median, where they do."""
        if self._excess is None:
            middle = self._sorted[len(self._sorted) // 2] if self._sorted else 0.0
            above = math.fsum(max(0.0, score - middle) for score in self._sorted)
            self._excess = above / max(1, len(self._sorted))
        return self._excess

    def learn_one(self, score: float) -> None:
        """Remember the score of a window that is held to be healthy."""
        self.seen += 1
        self._remember(score)
        while len(self._recent) > min(self.max_scores, max(1, self.seen // 2)):
            oldest = self._recent.popleft()
            del self._sorted[bisect_left(self._sorted, oldest)]

    def unlearn_one(self, score: float) -> None:
        """Forget a score, the newest of equal ones; one no longer remembered is counted out only."""
        self.seen -= 1
        if score in self._recent:
            self._recent.reverse()
            self._recent.remove(score)
            self._recent.reverse()
            del self._sorted[bisect_left(self._sorted, score)]
            self._scale = self._excess = None

    def restore(self, scores: Iterable[float], seen: int) -> None:
        """Take up where another calibrator stopped: its `recent` and `seen`."""
        self.seen = seen
        for score in scores:
            self._remember(score)

    def p_value(self, score: float, times: float = 1.0) -> float:
        """Return how often a healthy window scores at least this high, from 1e-12 to 1.

        Args:
            score: In bits.
            times: How often the largest learned window fits into this one, at least 1.
        """
        jump = score - (times - 1) * self.usual_excess
        return min(1.0, times * self._one(jump))

    def quantiles(self) -> tuple[tuple[float, float], ...]:
        """Return pairs of level and remembered score; a level finer than the record is left out."""
        count = len(self._sorted)
        return tuple(
            (level, self._sorted[math.ceil(level * count) - 1])
            for level in _QUANTILES
            if count and 1 - level >= self.resolution
        )

    def _one(self, score: float) -> float:
        # bisect_left: a tie counts as at least as large, and quiet windows tie often.
        at_least = len(self._sorted) - bisect_left(self._sorted, score)
        if at_least or not self._sorted:
            return (at_least + 1) * self.resolution
        beyond = (score - self._sorted[-1]) / self.tail_scale
        return max(self.resolution * math.pow(1 + SHAPE * beyond, -1 / SHAPE), LEAST_P)

    def _remember(self, score: float) -> None:
        self._recent.append(score)
        insort(self._sorted, score)
        self._scale = self._excess = None


def _spread(ordered: list[float]) -> float:
    """Return the scale of the highest tenth's excesses, one standard error on the safe side."""
    peaks = max(1, len(ordered) // 10)
    if len(ordered) <= peaks:
        return 0.0
    threshold = ordered[-peaks - 1]
    excess = [score - threshold for score in ordered[-peaks:]]
    mean = math.fsum(excess) / peaks
    # Equal for an exponential tail; a heavier one shows in the deviation first.
    deviation = math.sqrt(math.fsum((each - mean) ** 2 for each in excess) / peaks)
    return max(mean, deviation) * (1 + 1 / math.sqrt(peaks))
