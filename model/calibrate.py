"""How unusual a score is, measured against the healthy scores that a baseline remembers.

A score means something only beside other scores of the same workload. This
module turns it into a p-value, so that one threshold fits every workload.
"""

import math
from array import array
from bisect import bisect_left, insort
from collections.abc import Iterable
from typing import Final

from model.tail import Halving, Tail

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

    A window larger than any learned is judged as the largest and `more` usual
    ones together. Bits of a sum of windows are at most the sum of their bits; of
    all these, one at most is taken to be extreme, and the others to have the
    mean (the one-big-jump bound for heavy tails [^2]). So load beyond all
    experience cannot alarm by the new things that more calls bring.

    Args:
        scores: In bits, at least 0.
        jump: Scale of something entirely new, in bits. None where the scores are
            themselves bits of a p-value, of which one more is half as frequent.

    Examples:
        >>> calibrator = Calibrator((0.0, 0.0, 2.0, 5.0))
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

    def __init__(self, scores: Iterable[float] = (), *, jump: float | None = 24.0) -> None:
        self.jump = jump
        # An array holds eight bytes of each score, and moving them is cheaper than a tree.
        self._sorted = array("d", sorted(scores))
        self._tail: Tail | Halving | None = None
        self._mean: float | None = None

    def __len__(self) -> int:
        """Return how many scores are remembered."""
        return len(self._sorted)

    @property
    def resolution(self) -> float:
        """Smallest p-value that ranks alone can give."""
        return 1 / (len(self._sorted) + 1)

    @property
    def highest(self) -> float:
        """The highest remembered score, 0 without any."""
        return self._sorted[-1] if self._sorted else 0.0

    @property
    def tail_scale(self) -> float:
        """Scale of the tail: over so many bits beyond the highest score, the p-value falls about e times."""
        return max(self.jump or 0.0, self._fitted().scale if self._sorted else 0.0)

    @property
    def mean(self) -> float:
        """Mean of the remembered scores, 0 without any."""
        if self._mean is None:
            self._mean = math.fsum(self._sorted) / max(1, len(self._sorted))
        return self._mean

    def add(self, score: float) -> None:
        """Remember the score of a window that is held to be healthy."""
        insort(self._sorted, score)
        self._tail = self._mean = None

    def extend(self, scores: Iterable[float]) -> None:
        """Remember many."""
        self._sorted = array("d", sorted((*self._sorted, *scores)))
        self._tail = self._mean = None

    def remove(self, score: float) -> None:
        """Forget a score that is remembered."""
        del self._sorted[bisect_left(self._sorted, score)]
        self._tail = self._mean = None

    def p_value(self, score: float, more: float = 0.0) -> float:
        """Return how often a healthy window scores at least this high, from 1e-12 to 1.

        Args:
            score: In bits.
            more: How many usual windows this one holds beside the largest learned.
        """
        # The mean is asked for beyond the largest window only: each new score voids it.
        jump = score - more * self.mean if more > 0 else score
        return min(1.0, (1 + more) * self._one(jump))

    def quantiles(self) -> tuple[tuple[float, float], ...]:
        """Return pairs of level and remembered score; a level finer than the record is left out."""
        count = len(self._sorted)
        return tuple(
            (level, self._sorted[math.ceil(level * count) - 1])
            for level in _QUANTILES
            if count and 1 - level >= self.resolution
        )

    def _one(self, score: float) -> float:
        # No score is below 0, so 0 is never unusual: most windows have nothing new.
        if score <= 0 or not self._sorted:
            return 1.0
        if score > self._sorted[-1]:
            return max(self.resolution * self._fitted().survival(score), LEAST_P)
        below = bisect_left(self._sorted, score)
        above = self._sorted[below]
        high = self._reached(above, below)
        if score == above:
            return high * self.resolution
        if not below:
            return 1.0
        under = self._sorted[below - 1]
        low = self._reached(under, bisect_left(self._sorted, under))
        return (high + (low - high) * (above - score) / (above - under)) * self.resolution

    def _reached(self, known: float, first: int) -> int:
        """Return how many scores reach one of the remembered, the new one included where there are ties.

        Args:
            known: A remembered score.
            first: The place of the first of those that equal it.
        """
        tied = first + 1 < len(self._sorted) and self._sorted[first + 1] == known
        return len(self._sorted) - first + tied

    def _fitted(self) -> Tail | Halving:
        if self._tail is None:
            self._tail = (
                Halving(highest=self._sorted[-1]) if self.jump is None else Tail.fit(self._sorted, self.jump)
            )
        return self._tail
