"""How fast p-values fall beyond the highest remembered score."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

PRIOR_SHAPE: Final = 0.1
"""Shape where the record is too short to tell it: a little heavier than exponential."""
PRIOR_PEAKS: Final = 20
"""How many peaks the prior shape counts for."""
_MOST_SHAPE: Final = 0.5
_LEAST_PEAKS: Final = 10
NOVELTY: Final = 0.5
"""Share of the windows beyond the record that are taken to hold something entirely new.

Of n windows none held such a thing; by Jeffreys' prior the next one does with
probability 1 / (2 (n + 1)), which is half of the resolution.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail:
    """Generalised Pareto tail anchored at the highest score, and never thinner than that of a novelty.

    The highest tenth of the scores, at least ten where there are twenty, are
    peaks over a threshold. Scale and shape come from their probability-weighted
    moments [^1]; the shape is shrunk towards 0.1 with the weight of twenty
    peaks and held within 0 to 0.5. Then 1 / peaks is added to it, for the scale
    is only estimated: for exponential peaks that is the predictive distribution
    of the next one [^2].

    A record without surprises says nothing of how large the first one will be.
    Half of what exceeds the record is therefore taken to be of at least the
    scale `jump`.

    References:
        [^1]: Hosking, J. R. M. and Wallis, J. R. "Parameter and quantile estimation
            for the generalized Pareto distribution." Technometrics 29(3), 1987.
        [^2]: Lawless, J. F. "A prediction problem concerning samples from the
            exponential distribution." Technometrics 13(4), 1971.
    """

    highest: float
    scale: float
    """In bits, at the highest score; 0 where all peaks are equal."""
    shape: float
    jump: float
    """Scale of something entirely new, in bits."""

    @classmethod
    def fit(cls, ordered: Sequence[float], jump: float) -> Self:
        """Return the tail of scores in ascending order, at least one.

        Examples:
            >>> tail = Tail.fit([float(score) for score in range(100)], jump=24.0)
            >>> round(tail.scale, 1), round(tail.shape, 2)
            (5.8, 0.17)
        """
        peaks = max(len(ordered) // 10, min(_LEAST_PEAKS, len(ordered) // 2))
        if not peaks:
            return cls(highest=ordered[-1], scale=0.0, shape=PRIOR_SHAPE, jump=jump)
        threshold = ordered[-peaks - 1]
        excess = [score - threshold for score in ordered[-peaks:]]
        mean = math.fsum(excess) / peaks
        weighted = math.fsum(each * (peaks - rank - 0.65) for rank, each in enumerate(excess)) / peaks**2
        # Mean and weighted mean of an exponential are 4 to 1; a heavier tail has a larger mean.
        spread = mean - 2 * weighted
        found = 2 - mean / spread if spread > 0 else 0.0
        known = min(max(found, 0.0), _MOST_SHAPE)
        shape = (peaks * known + PRIOR_PEAKS * PRIOR_SHAPE) / (peaks + PRIOR_PEAKS)
        scale = mean * (1 - shape) + shape * excess[-1]
        return cls(highest=ordered[-1], scale=scale, shape=shape + 1 / peaks, jump=jump)

    def survival(self, score: float) -> float:
        """Return what share of the windows that exceed the record reach a score, from 0 to 1."""
        beyond = score - self.highest
        usual = math.pow(1 + self.shape * beyond / self.scale, -1 / self.shape) if self.scale else 0.0
        new = NOVELTY * math.pow(1 + PRIOR_SHAPE * beyond / self.jump, -1 / PRIOR_SHAPE)
        return max(usual, new)


@dataclass(frozen=True, slots=True, kw_only=True)
class Halving:
    """Tail of scores that are bits of a p-value: one bit more is half as frequent.

    Where a share c * p of the windows reaches the bits of p, for some unknown c,
    it is unbiased: anchored at the highest of n scores, the rate realised below
    the resolution is the asked one in the mean over records.
    """

    highest: float
    scale: float = 1 / math.log(2)
    """In bits."""

    def survival(self, score: float) -> float:
        """Return what share of the windows that exceed the record reach a score, from 0 to 1."""
        return math.exp2(self.highest - score)
