"""Which windows a baseline was learned from, as counts: hours, days, replicas, images, kernels, losses. Pure.

All are sums over learned windows. So unlearning a window takes back exactly
what it added, as it does in the baseline itself.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from api.errors import DataError

HOURS: Final = 168
"""Hours of a week."""
_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS
_MONDAY: Final = 3
"""Day 0 of Unix time was a Thursday."""
_MOST: Final = 4096
_OTHER: Final = "…"
"""Counts what came after the most distinct values that are told apart."""
_BY_NUMBER: Final = ("hours", "days", "lengths")
_BY_NAME: Final = ("replicas", "images", "kernels", "lost")


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is counted of one window."""

    start: int
    """Unix time in milliseconds."""
    length: int
    """Milliseconds."""
    replica: int
    image: str
    """Name and digest, as `name@digest`."""
    kernel: str
    calls: int
    lost: Mapping[str, int]
    """Calls lost, by cause."""


@dataclass(slots=True)
class Provenance:
    """The windows of a baseline.

    Examples:
        >>> facts = Facts(start=0, length=10_000, replica=7, image="web:1", kernel="6.1", calls=9, lost={})
        >>> known = Provenance()
        >>> known.add(facts)
        >>> known.weekdays, sorted(known.hours), known.replicas
        ([3], [72], Counter({'7': 1}))
        >>> known.add(facts, times=-1)
        >>> known == Provenance()
        True
    """

    windows: int = 0
    calls: int = 0
    hours: Counter[int] = field(default_factory=Counter)
    """Windows by hour of the week, 0 is Monday from 00:00 to 01:00 UTC."""
    days: Counter[int] = field(default_factory=Counter)
    """Windows by day since 1970-01-01, UTC."""
    lengths: Counter[int] = field(default_factory=Counter)
    """Windows by length in milliseconds."""
    replicas: Counter[str] = field(default_factory=Counter)
    images: Counter[str] = field(default_factory=Counter)
    kernels: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    """Calls lost in learned windows, by cause."""

    def add(self, facts: Facts, times: int = 1) -> None:
        """Count a learned window; with `times=-1` take it back."""
        day = facts.start // _DAY_MS
        hour = (day + _MONDAY) % 7 * 24 + facts.start % _DAY_MS // _HOUR_MS
        self.windows += times
        self.calls += times * facts.calls
        _count(self.hours, hour, times)
        _count(self.days, day, times)
        _count(self.lengths, facts.length, times)
        for counter, value in (
            (self.replicas, str(facts.replica)),
            (self.images, facts.image),
            (self.kernels, facts.kernel),
        ):
            _count(counter, value if value in counter or len(counter) < _MOST else _OTHER, times)
        for cause, calls in facts.lost.items():
            _count(self.lost, cause, times * calls)

    @property
    def length_ms(self) -> int | None:
        """Length of most windows; None where none is known."""
        return self.lengths.most_common(1)[0][0] if self.lengths else None

    @property
    def weekdays(self) -> list[int]:
        """Days of the week with a learned window, 0 is Monday."""
        return sorted({hour // 24 for hour in self.hours})

    @property
    def hours_of_day(self) -> list[int]:
        """Hours of the day with a learned window, in UTC."""
        return sorted({hour % 24 for hour in self.hours})

    @property
    def days_spanned(self) -> int:
        """Days from the first learned window to the last, both counted."""
        return max(self.days) - min(self.days) + 1 if self.days else 0

    def to_plain(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        counted = {
            name: sorted([key, count] for key, count in getattr(self, name).items())
            for name in (*_BY_NUMBER, *_BY_NAME)
        }
        return {"windows": self.windows, "calls": self.calls, **counted}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any] | None) -> Self:
        """Read back what `to_plain` returned; None is a baseline of which nothing was counted.

        Raises:
            DataError: It is something else; the message names the part.
        """
        if plain is None:
            return cls()
        counted = {name: _read(plain, name, int) for name in _BY_NUMBER}
        counted |= {name: _read(plain, name, str) for name in _BY_NAME}
        windows, calls = (plain.get(name) for name in ("windows", "calls"))
        if not isinstance(windows, int) or not isinstance(calls, int):
            msg = f"Expected windows and calls as whole numbers; got {windows!r} and {calls!r}."
            raise DataError(msg)
        return cls(windows=windows, calls=calls, **counted)


def _read(plain: Mapping[str, Any], name: str, kind: type) -> Counter[Any]:
    pairs = plain.get(name)
    if not isinstance(pairs, list) or not all(_is_count(each, kind) for each in pairs):
        msg = f"Expected {name} as pairs of {kind.__name__} and number of windows; got something else."
        raise DataError(msg)
    return Counter(dict(pairs))


def _is_count(pair: object, kind: type) -> bool:
    return (
        isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], kind) and isinstance(pair[1], int)
    )


def _count(counter: Counter[Any], key: Any, times: int) -> None:  # noqa: ANN401 - of any of the counters
    counter[key] += times
    if not counter[key]:
        del counter[key]
