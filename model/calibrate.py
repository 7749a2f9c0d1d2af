"""How unusual a score is, measured against the healthy scores that a baseline remembers.

A score means something only beside other scores of the same workload. This
module turns it into a p-value, so that one threshold fits every workload.
"""

import math
from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Iterable
from typing import Final

from model.tail import Tail

LEAST_P: Final = 1e-12
"""Where the tail model stops: what it says of rarer things no record of this length supports."""
_QUANTILES: Final = (0.5, 0.9, 0.99, 0.999)


def remembered(seen: int, max_scores: int) -> int:
    """Return how many of the scores seen are remembered: the later half, at most `max_scores`.

    Examples:
        >>> remembered(30, 4096), remembered(100_000, 4096)
        (15, 4096)
    """
    return min(max_scores, max(1, seen // 2)) if seen else 0


class Calibrator:
    """Rank a score among remembered healthy ones; beyond the highest, follow a tail (`model.tail`).

    Each remembered score was taken before its window was learned, as the new
    one is. Of n scores the k-th highest has the p-value k / (n + 1): while
    windows are exchangeable the next one reaches it just that often [^1].
    Between two scores the p-value is interpolated, so that every asked rate is
    spent and not only those that ranks hit. Equal scores count as reached, the
    new one included, so a tie never looks rarer than it is; where the new score
    equals exactly one remembered score the p-value may be 1 / (n + 1) too small.
    Below `resolution`, 1 / (n + 1), the p-value is a model and not a rank.

    A window larger than any learned is judged as several: of `times` draws, at
    most one is taken to be extreme, the others to have the mean excess over the
    median (the one-big-jump bound for heavy tails [^2]). So load beyond all
    experience cannot alarm by the few new things that more calls bring.

    Only the later half of all scores is remembered: while everything is new,
    scores are high, and they must not stand for a healthy workload for ever.

    Args:
        max_scores: Scores remembered at most; the oldest go first.
        least_scale: Scale of something entirely new, in bits.

    Examples:
        >>> calibrator = Calibrator()
        >>> for score in (9.0, 9.0, 9.0, 9.0, 0.0, 0.0, 2.0, 5.0):
        ...     calibrator.learn_one(score)
        >>> calibrator.p_value(5.0), calibrator.p_value(3.5) < 0.4, calibrator.resolution
        (0.2, True, 0.2)
        >>> 0 < calibrator.p_value(500.0) < 1e-3
        True

    References:
        [^1]: Laxhammar, R. "Conformal anomaly detection: Detecting abnormal
            trajectories in surveillance applications." University of Skovde, 2014.
        [^2]: Foss, S., Korshunov, D. and Zachary, S. "An introduction to
            heavy-tailed and subexponential distributions." Springer, 2011.
    """

    def __init__(self, max_scores: int = 4096, least_scale: float = 24.0) -> None:
        self.max_scores = max_scores
        self.least_scale = least_scale
        self.seen = 0
        self._recent: deque[float] = deque()
        self._sorted: list[float] = []
        self._tail: Tail | None = None
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
        return max(self.least_scale, self._fitted().scale if self._sorted else 0.0)

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
        while len(self._recent) > remembered(self.seen, self.max_scores):
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
            self._tail = self._excess = None

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
        # The mean over all scores is asked for beyond the largest window only: each new score voids it.
        jump = score - (times - 1) * self.usual_excess if times > 1 else score
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
        if not self._sorted:
            return 1.0
        if score > self._sorted[-1]:
            return max(self.resolution * self._fitted().survival(score), LEAST_P)
        below = bisect_left(self._sorted, score)
        above = self._sorted[below]
        high = self._reached(above)
        if score == above:
            return high * self.resolution
        if not below:
            return 1.0
        under = self._sorted[below - 1]
        low = self._reached(under)
        return (high + (low - high) * (above - score) / (above - under)) * self.resolution

    def _reached(self, known: float) -> int:
        """Return how many scores reach one of the remembered, the new one included where there are ties."""
        at_least = len(self._sorted) - bisect_left(self._sorted, known)
        tied = bisect_right(self._sorted, known) - bisect_left(self._sorted, known)
        return at_least + (tied > 1)

    def _fitted(self) -> Tail:
        if self._tail is None:
            self._tail = Tail.fit(self._sorted, self.least_scale)
        return self._tail

    def _remember(self, score: float) -> None:
        self._recent.append(score)
        insort(self._sorted, score)
        self._tail = self._excess = None
