"""When windows that were held out of learning show, by coming again, that they belong. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from model.budget import EXTRAPOLATION

RETURNS: Final = 3
"""Occasions that show that something is regular (ADR 0017)."""
WITHIN_MS: Final = 86_400_000
"""In which they have to come where something is new: what comes daily is for a person to judge (ADR 0080)."""
APART_MS: Final = 3_600_000
"""Between the beginnings of two occasions: an intrusion of an hour is no repetition of itself."""
MOST_HELD: Final = 256
"""Newest held windows that are looked at."""
_SHARE: Final = 0.9
"""Of what is new in a window, how much has to return: beside it there may be news of an ordinary window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How often something has to come again to belong."""

    occasions: int = RETURNS
    apart_ms: int = APART_MS
    """Between the beginnings of two occasions."""
    within_ms: int = WITHIN_MS
    """In which they have to come, where something is new."""


WHILE_LEARNING: Final = Rule()


@dataclass(frozen=True, slots=True, kw_only=True)
class Strange:
    """A window that was held out, reduced to what tells whether its like came again."""

    at: int
    """When it began, Unix time in milliseconds."""
    replica: int
    start: int | None = None
    """The start of a container that it belongs to, if it belongs to one."""
    news: frozenset[int] = frozenset()
    """What is new in it (`model.kinds`), where it `is_beyond` what calibration needs; else empty."""


def is_beyond(p_value: float | None, resolution: float) -> bool:
    """Tell whether a window is stranger than any promise reaches.

    Stranger windows are not missed by calibration; those that are not have to be remembered, or there
    would be more false alarms than was promised.

    Examples:
        >>> is_beyond(1e-6, 1e-3), is_beyond(1e-4, 1e-3), is_beyond(None, 1.0)
        (True, False, False)
    """
    return p_value is not None and p_value < resolution / EXTRAPOLATION


def regular(held: Sequence[Strange], *, several: bool, rule: Rule = WHILE_LEARNING) -> list[bool]:
    """Tell of each held window of one phase whether what is new in it returns.

    It returns if it was shown on three occasions within a day, and by two replicas where there are
    several. All windows of one start are one occasion, and all others that begin within an hour after the
    first of them. Windows without news are of one kind, and may take longer than a day.

    Args:
        held: The windows.
        several: The workload has more than one replica.
        rule: Other numbers than these.

    Examples:
        >>> kind = frozenset({7})
        >>> hourly = [Strange(at=hour * 3_600_000, replica=1, news=kind) for hour in range(3)]
        >>> regular(hourly, several=False)
        [True, True, True]
        >>> regular(hourly, several=True)
        [False, False, False]
        >>> daily = [Strange(at=day * 86_400_000, replica=1, news=kind) for day in range(3)]
        >>> regular(daily, several=False)
        [False, False, False]
    """
    shown: dict[int | None, list[int]] = {}
    for place, window in enumerate(held):
        for each in window.news or (None,):
            shown.setdefault(each, []).append(place)
    # Most of what is new was shown by the very same windows: each such set is judged once.
    known: dict[tuple[int, ...], bool] = {}
    returns = dict[int | None, bool]()
    for what, places in shown.items():
        key = tuple(places)
        if key not in known:
            within_ms = rule.within_ms if what is not None else None
            windows = [held[place] for place in places]
            known[key] = _returns(windows, within_ms, rule, several=several)
        returns[what] = known[key]
    return [
        sum(returns[each] for each in window.news) >= _SHARE * len(window.news)
        if window.news
        else returns[None]
        for window in held
    ]


def _returns(windows: Sequence[Strange], within_ms: int | None, rule: Rule, *, several: bool) -> bool:
    ordered = sorted(windows, key=lambda each: each.at)
    if within_ms is None:
        return _enough(ordered, rule, several=several)
    return any(
        _enough(
            [each for each in ordered[first:] if each.at < ordered[first].at + within_ms],
            rule,
            several=several,
        )
        for first in range(len(ordered))
    )


def _enough(windows: Sequence[Strange], rule: Rule, *, several: bool) -> bool:
    if several and len({each.replica for each in windows}) < 2:
        return False
    occasions = len({each.start for each in windows if each.start is not None})
    began: int | None = None
    for each in windows:
        if each.start is None and (began is None or each.at >= began + rule.apart_ms):
            began, occasions = each.at, occasions + 1
    return occasions >= rule.occasions
