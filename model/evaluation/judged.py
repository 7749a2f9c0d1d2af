"""How judged windows of recorded containers keep a promise, and which of them raise what."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from model.budget import WEEK_S, poisson_interval

ASKED: Final = (0.05, 0.01, 0.001)
NEW_CALL: Final = "allow-list of calls"
NEW_NGRAM: Final = "allow-list of 6-grams"
OURS: Final = "nonself"
METHODS: Final = (OURS, NEW_CALL, NEW_NGRAM)
TWICE: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One window of one container, judged by a baseline that does not learn; times in milliseconds."""

    workload: str
    container: str
    start: int
    end: int
    score: float
    p_value: float | None
    reasons: tuple[str, ...]
    """Codes of what speaks against the evidence."""
    flagged: frozenset[str]
    """Which of `METHODS` raise it."""
    unseen: bool
    """It holds an n-gram never learned."""
    contributions: tuple[dict[str, Any], ...] = ()
    """Of a finding, the largest first."""


def grouped(windows: Iterable[Judged], gap_ms: int) -> int:
    """Return how many alerts the windows are: one joins the last where it comes within the gap.

    Examples:
        >>> def at(start):
        ...     return Judged(workload="a", container="b", start=start, end=start + 10, score=0.0,
        ...         p_value=None, reasons=(), flagged=frozenset(), unseen=False)
        >>> grouped([at(0), at(15), at(100)], gap_ms=10)
        2
    """
    alerts, end = 0, None
    for window in sorted(windows, key=lambda each: each.start):
        alerts += end is None or window.start - end > gap_ms
        end = max(end or 0, window.end)
    return alerts


def calibration(windows: Sequence[Judged]) -> list[dict[str, Any]]:
    """Return, for each asked rate, how many of the windows with a p-value are at or below it."""
    ranked = [each.p_value for each in windows if each.p_value is not None]
    rows = []
    for asked in ASKED:
        below = sum(p_value <= asked for p_value in ranked)
        low, high = poisson_interval(below)
        rows.append(
            {
                "asked": asked,
                "windows": below,
                "of": len(ranked),
                "realised": below / len(ranked) if ranked else None,
                "low": low / len(ranked) if ranked else None,
                "high": min(1.0, high / len(ranked)) if ranked else None,
            }
        )
    return rows


def per_week(count: int, weeks: float, *, promised: float, asked: float) -> dict[str, Any]:
    """Return a count as a rate beside what was asked for and what could be promised of it.

    `kept` tells whether the rate is within twice the rate of the two; `refuted` whether even
    the lower bound of its 95 % interval is above that, so that chance does not explain it.
    """
    low, high = poisson_interval(count)

    def beside(rate: float) -> dict[str, Any]:
        return {
            "per_week": rate,
            "expected": rate * weeks,
            "kept": count <= TWICE * rate * weeks,
            "refuted": low > TWICE * rate * weeks,
        }

    return {
        "count": count,
        "weeks": weeks,
        "per_week": count / weeks if weeks else None,
        "low": low / weeks if weeks else None,
        "high": high / weeks if weeks else None,
        "promised": beside(promised),
        "asked": beside(asked),
    }


def weeks_of(windows: Sequence[Judged], window_s: int) -> float:
    """Return how long a workload was judged: slots of time in which at least one container had a p-value."""
    slots = {each.start for each in windows if each.p_value is not None}
    return len(slots) * window_s / WEEK_S


def abstentions(windows: Iterable[Judged]) -> dict[str, int]:
    """Return how many windows were not judged or stand on insufficient evidence, by reason."""
    counts: dict[str, int] = {}
    for window in windows:
        for reason in window.reasons:
            counts[reason] = counts.get(reason, 0) + 1
    return dict(sorted(counts.items()))


def within_two(windows: Sequence[Judged], start: int, end: int, window_ms: int) -> list[Judged]:
    """Return the windows of one container from the one that holds `start` to the one after that of `end`."""
    first, last = start // window_ms * window_ms, end // window_ms * window_ms
    return [each for each in windows if first <= each.start <= last + window_ms]
