"""Times of the day, or of the week, at which strange windows come again and again. Pure."""

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
LEAST: Final = 3
"""Days, or weeks, from which on it is a rhythm."""
SHARE: Final = 0.75
"""Of the days that were watched, those on which it has to come."""
CHANCE: Final = 0.01
"""Most that it may be likely by chance."""
_MONDAY: Final = 3
"""Day 0 of Unix time was a Thursday."""


class Strange(NamedTuple):
    """A window with a finding."""

    start: int
    """Unix time in milliseconds."""
    held: bool
    """It is quarantined, and so not learned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """Something that comes at one time of the day."""

    minute: int
    """Of the day, in UTC: the median beginning, rounded to five minutes."""
    weekday: int | None
    """0 is Monday; None where it comes on any day."""
    seen: int
    """Days on which it came."""
    watched: int
    """Days, or such weekdays, with windows since it first came."""
    windows: int
    held: int
    """Of these windows, those that are quarantined."""


def find(strange: Sequence[Strange], days: Collection[int]) -> list[Rhythm]:
    """Return the rhythms of strange windows, by the time of the day.

    Windows within an hour of the first are one occasion. Occasions of which the times of the day lie
    within an hour are one rhythm if they came on three days, and on three in four of the days that
    were watched since the first; or the same of one day of the week. Not where as many occasions at any
    time would do the same by chance, once in a hundred workloads.

    Args:
        strange: The windows.
        days: Days since 1970-01-01 (UTC) with a window of any kind.

    Examples:
        >>> nights = [Strange(day * DAY_MS + 2 * HOUR_MS + day * 60_000, held=True) for day in range(5)]
        >>> (found,) = find(nights, range(5))
        >>> found.minute, found.weekday, found.seen, found.watched
        (120, None, 5, 5)
        >>> find(nights[:2], range(5)), find(nights[::2], range(5))
        ([], [])
    """
    found = []
    occasions = _occasions(strange)
    all_days = len(set(days) | {each.start // DAY_MS for each in strange})
    for cluster in _clusters(occasions):
        seen = {occasion[0].start // DAY_MS for occasion in cluster}
        weekdays = {(day + _MONDAY) % 7 for day in seen}
        weekday = weekdays.pop() if len(weekdays) == 1 else None
        watched = {day for day in days if day >= min(seen) and weekday in {None, (day + _MONDAY) % 7}} | seen
        if len(seen) < LEAST or len(seen) < SHARE * len(watched):
            continue
        if _by_chance(len(seen), len(watched), len(occasions), all_days) > CHANCE:
            continue
        windows = [each for occasion in cluster for each in occasion]
        minutes = sorted(occasion[0].start % DAY_MS // 60_000 for occasion in _turned(cluster))
        found.append(
            Rhythm(
                minute=minutes[len(minutes) // 2] // 5 * 5,
                weekday=weekday,
                seen=len(seen),
                watched=len(watched),
                windows=len(windows),
                held=sum(each.held for each in windows),
            )
        )
    return sorted(found, key=lambda each: each.minute)


def is_at(start: int, minute: int) -> bool:
    """Tell whether a window began within an hour before or after a time of the day.

    Examples:
        >>> is_at(23 * HOUR_MS + HOUR_MS // 2, 10), is_at(3 * HOUR_MS, 10)
        (True, False)
    """
    apart = abs(start % DAY_MS - minute * 60_000)
    return min(apart, DAY_MS - apart) <= HOUR_MS


def _by_chance(seen: int, watched: int, occasions: int, days: int) -> float:
    """Return a bound of how likely it is that occasions at any time fall into one hour on so many days.

    Binomial, and Bonferroni's bound over the hours and the days that begin with an occasion.
    """
    share = 1 - math.exp(-occasions / max(days, 1) / 24)
    tail = sum(
        math.comb(watched, count) * share**count * (1 - share) ** (watched - count)
        for count in range(seen, watched + 1)
    )
    return min(1.0, tail * occasions * min(occasions, days))


def _occasions(strange: Sequence[Strange]) -> list[list[Strange]]:
    occasions: list[list[Strange]] = []
    for each in sorted(strange):
        if not occasions or each.start >= occasions[-1][0].start + HOUR_MS:
            occasions.append([])
        occasions[-1].append(each)
    return occasions


def _clusters(occasions: Sequence[list[Strange]]) -> Iterator[list[list[Strange]]]:
    """Yield disjoint sets of occasions whose times of the day lie within an hour, the largest first."""
    left = list(occasions)
    while len(left) >= LEAST:
        best: list[list[Strange]] = []
        for first in left:
            near = [each for each in left if (each[0].start - first[0].start) % DAY_MS <= HOUR_MS]
            if len(near) > len(best):
                best = near
        if len(best) < LEAST:
            return
        yield best
        left = [each for each in left if each not in best]


def _turned(cluster: Sequence[list[Strange]]) -> Sequence[list[Strange]]:
    """Return those of a cluster on the side of midnight on which most lie: their median is a time."""
    late = [each for each in cluster if each[0].start % DAY_MS >= DAY_MS // 2]
    early = [each for each in cluster if each[0].start % DAY_MS < DAY_MS // 2]
    return (
        cluster
        if max(each[0].start % DAY_MS for each in cluster) - min(each[0].start % DAY_MS for each in cluster)
        <= HOUR_MS
        else max(late, early, key=len)
    )
