"""The sums that stay of scores. Pure: adding them up in any order, and in any parts, gives the same."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from api.vocabulary import Verdict

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000
EDGES: Final = (*(float(f"{lead}e-{power}") for power in range(9, 0, -1) for lead in (1, 2, 5)), 1.0)
"""Upper bounds of the bins of p-values, each included: how many lie at or below an edge is exact."""


class Key(NamedTuple):
    """Which workload, and which hour or day in UTC."""

    workload_id: int
    span_ms: int
    start: int

    def in_day(self) -> "Key":
        """Return the day that it lies in.

        Examples:
            >>> Key(1, HOUR_MS, 86_400_000 + HOUR_MS).in_day()
            Key(workload_id=1, span_ms=86400000, start=86400000)
        """
        return Key(self.workload_id, DAY_MS, self.start - self.start % DAY_MS)


class Scored(NamedTuple):
    """What of a score is summed up."""

    id: int
    workload_id: int
    start: int
    verdict: str
    p_value: float | None
    calls: int
    lost: Mapping[str, int]


@dataclass(slots=True)
class Sums:
    """Windows by verdict and by p-value, calls, and calls lost by cause."""

    normal: int = 0
    anomalous: int = 0
    insufficient: int = 0
    calls: int = 0
    p_values: list[int] = field(default_factory=lambda: [0] * len(EDGES))
    lost: Counter[str] = field(default_factory=Counter)

    @property
    def windows(self) -> int:
        """Windows of every verdict."""
        return self.normal + self.anomalous + self.insufficient

    @property
    def ranked(self) -> int:
        """Windows with a p-value."""
        return sum(self.p_values)

    def enter(self, score: Scored) -> None:
        """Count one window."""
        self.normal += score.verdict == Verdict.NORMAL.value
        self.anomalous += score.verdict == Verdict.ANOMALOUS.value
        self.insufficient += score.verdict == Verdict.INSUFFICIENT.value
        self.calls += score.calls
        if score.p_value is not None:
            self.p_values[bisect_left(EDGES, min(score.p_value, 1.0))] += 1
        self.lost.update(score.lost)

    def add(self, other: "Sums") -> None:
        """Add the windows of other sums."""
        self.normal += other.normal
        self.anomalous += other.anomalous
        self.insufficient += other.insufficient
        self.calls += other.calls
        self.p_values = [mine + its for mine, its in zip(self.p_values, other.p_values, strict=True)]
        self.lost.update(other.lost)

    def at_or_below(self, p_value: float) -> int:
        """Return the windows with a p-value at or below an edge.

        Examples:
            >>> sums = Sums()
            >>> for p_value in (0.05, 0.051, 2e-10):
            ...     sums.enter(Scored(1, 1, 0, "normal", p_value, 9, {}))
            >>> sums.at_or_below(0.05), sums.ranked
            (2, 3)
        """
        return sum(self.p_values[: bisect_left(EDGES, p_value) + 1])

    def as_columns(self) -> dict[str, Any]:
        """Return the columns of its row."""
        return {
            "normal": self.normal,
            "anomalous": self.anomalous,
            "insufficient": self.insufficient,
            "calls": self.calls,
            "p_values": self.p_values,
            "lost": dict(self.lost),
        }


def by_hour(scores: Iterable[Scored]) -> dict[Key, Sums]:
    """Return the sums of each workload and hour in which a window began."""
    found: dict[Key, Sums] = {}
    for score in scores:
        key = Key(score.workload_id, HOUR_MS, score.start - score.start % HOUR_MS)
        found.setdefault(key, Sums()).enter(score)
    return found


def by_day(hours: Mapping[Key, Sums]) -> dict[Key, Sums]:
    """Return the sums of each workload and day; those that are of days already stay."""
    found: dict[Key, Sums] = {}
    for key, sums in hours.items():
        found.setdefault(key.in_day(), Sums()).add(sums)
    return found
