"""When a channel may speak: quiet hours, digests, a limit on its rate; and the pauses after failures."""

import random
from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator

from api.push.filters import is_at_least
from api.vocabulary import Level
from wire.retry import backoff_s

FIRST_S: Final = 5.0
DOWN_CAP_S: Final = 900.0
"""Longest pause of a channel whose receiver is down: it is tried with one message."""
REFUSED_CAP_S: Final = 21_600.0
"""Longest pause of a message that the receiver refused, while it takes others."""
_S_MS: Final = 1000

_Clock = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", examples=["22:00"])]


class Quiet(BaseModel):
    """Hours of each day in which nothing is sent; what happens in them comes as one digest at their end."""

    model_config = ConfigDict(extra="forbid")

    start: _Clock
    end: Annotated[_Clock, Field(description="Before the start: of the next day.")]
    zone: Annotated[str, Field(max_length=100, description="Of the IANA database.")] = "UTC"
    except_level: Annotated[
        Level | None, Field(description="Alerts as bad as this, or worse, are sent all the same.")
    ] = Level.CRITICAL

    @field_validator("zone")
    @classmethod
    def _known(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (OSError, ValueError, KeyError) as error:
            msg = f"expected a time zone such as Europe/Berlin; got {zone!r}"
            raise ValueError(msg) from error
        return zone

    def ends_at(self, now_ms: int) -> int | None:
        """Return when the quiet hours end that an instant is in; None if it is in none.

        Examples:
            >>> night = Quiet(start="22:00", end="07:00")
            >>> hour = 3_600_000
            >>> night.ends_at(23 * hour) == 31 * hour, night.ends_at(12 * hour)
            (True, None)
        """
        zone = ZoneInfo(self.zone)
        now = datetime.fromtimestamp(now_ms / _S_MS, UTC).astimezone(zone)
        start, end = time.fromisoformat(self.start), time.fromisoformat(self.end)
        for days in (-1, 0):
            day = now.date() + timedelta(days=days)
            begins = datetime.combine(day, start, zone)
            ends = datetime.combine(day + timedelta(days=int(end <= start)), end, zone)
            if begins <= now < ends:
                return round(ends.timestamp() * _S_MS)
        return None


class RateLimit(BaseModel):
    """At most so many messages in a period; one more says how many were held back."""

    model_config = ConfigDict(extra="forbid")

    messages: Annotated[int, Field(ge=1, le=10_000)]
    period_s: Annotated[int, Field(ge=1, le=86_400)] = 3600


class Pacing(BaseModel):
    """When messages are sent; unset: at once."""

    model_config = ConfigDict(extra="forbid")

    quiet: Quiet | None = None
    digest_s: Annotated[
        int | None, Field(ge=10, le=604_800, description="Seconds of which one message tells all.")
    ] = None
    limit: RateLimit | None = None

    @property
    def is_set(self) -> bool:
        """Whether anything is ever held back."""
        return self != Pacing()

    def held_until(self, now_ms: int, level: Level) -> int | None:
        """Return until when quiet hours or a digest hold back what happens now and is of a level, or None."""
        if self.quiet and not (self.quiet.except_level and is_at_least(level, self.quiet.except_level)):
            ends = self.quiet.ends_at(now_ms)
            if ends is not None:
                return ends
        return next_period(now_ms, self.digest_s) if self.digest_s else None


def next_period(now_ms: int, period_s: int) -> int:
    """Return when the next period begins; periods are counted from 1970.

    Examples:
        >>> next_period(3_600_001, 3600)
        7200000
    """
    return (now_ms // (period_s * _S_MS) + 1) * period_s * _S_MS


def period_start(now_ms: int, period_s: int) -> int:
    """Return when the period began that an instant is in."""
    return next_period(now_ms, period_s) - period_s * _S_MS


def pause_ms(failures: int, *, cap_s: float, chance: random.Random, wish_s: float = 0.0) -> int:
    """Return how long to wait after failures in a row: 5 s, doubled up to a cap, half of it by chance.

    Args:
        failures: At least 1.
        cap_s: No pause is longer, unless the receiver wishes it.
        chance: Spreads the pauses.
        wish_s: What the receiver asked for; never less than it.
    """
    return round(max(backoff_s(failures, first_s=FIRST_S, cap_s=cap_s, chance=chance), wish_s) * _S_MS)
