"""How much of a workload's start-up behaviour is still unseen, with the start of a container as the unit."""

import math
from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from model.errors import SnapshotError
from model.window import Counts

WINDOWS: Final = 3
"""Windows that belong to the start of a container."""
_KEPT: Final = 64
"""Starts kept, the newest: what happened long before says little of the next."""
_LEVEL: Final = 0.975
"""One-sided level of the bound: that of the upper end of a two-sided interval of 95 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartsSeen:
    """What the starts learned so far tell of the next one."""

    learned: int
    """Starts of containers that were learned, at least 0."""
    judged: int
    """The later half of them, at most 64: those the bound rests on."""
    novel: int
    """Judged starts that brought an n-gram never learned before."""
    high: float
    """Upper bound of the share of future starts that do; 1 before the first."""


class Starts:
    """Which of the last starts brought something new.

    New things become rarer, so the share among the later half of all starts is no
    less than that of the next one, and an exact binomial bound of it [^1] holds for that too.

    Examples:
        >>> starts = Starts()
        >>> for number in range(40):
        ...     starts.learn(number, new=number < 3)
        >>> seen = starts.seen()
        >>> seen.judged, seen.novel, round(seen.high, 3)
        (20, 0, 0.168)

    References:
        [^1]: Clopper, C. J. and Pearson, E. S. "The use of confidence or fiducial limits
            illustrated in the case of the binomial." Biometrika 26(4), 1934.
    """

    def __init__(self) -> None:
        self.learned = 0
        self._new: dict[int, bool] = {}

    def learn(self, start: int, *, new: bool) -> None:
        """Count a learned window of a start.

        Args:
            start: Any number that no other start of the workload has.
            new: The window held an n-gram that no learned window held before.
        """
        if start not in self._new:
            self.learned += 1
            if len(self._new) == _KEPT:
                del self._new[next(iter(self._new))]
        self._new[start] = self._new.get(start, False) or new

    def seen(self) -> StartsSeen:
        """Return what follows."""
        judged = list(self._new.values())[-math.ceil(self.learned / 2) :] if self.learned else []
        novel = sum(judged)
        return StartsSeen(
            learned=self.learned, judged=len(judged), novel=novel, high=_bound(novel, len(judged))
        )

    def to_state(self) -> Counts:
        """Return all that must be kept: the number of starts, then each one kept with 0 or 1."""
        kept = [each for start, new in self._new.items() for each in (start, int(new))]
        return np.array([self.learned, *kept] if self.learned else [], dtype=np.int64)

    @classmethod
    def from_state(cls, state: Counts) -> Self:
        """Return the record that `state` was taken of; an empty one of an empty state.

        Raises:
            SnapshotError: The numbers do not fit each other.
        """
        starts = cls()
        if not len(state):
            return starts
        learned, keys, new = int(state[0]), state[1::2].tolist(), state[2::2].tolist()
        starts._new = {key: bool(each) for key, each in zip(keys, new, strict=False)}
        starts.learned = learned
        kept = min(learned, _KEPT)
        if not len(keys) == len(new) == len(starts._new) == kept or not set(new) <= {0, 1}:
            msg = f"Expected {learned} starts, at most {_KEPT} of them with 0 or 1; got others."
            raise SnapshotError(msg)
        return starts


def _bound(events: int, trials: int) -> float:
    """Return the share at which so few events or fewer have a probability of 2.5 %."""
    if events == trials:
        return 1.0
    low, high = events / trials, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        terms = (
            math.comb(trials, each) * middle**each * (1 - middle) ** (trials - each)
            for each in range(events + 1)
        )
        low, high = (middle, high) if math.fsum(terms) > 1 - _LEVEL else (low, middle)
    return high
