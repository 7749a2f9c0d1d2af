"""The wall clock, handed down so that tests can hold time still."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time as Unix milliseconds, the one form in which instants are stored and compared."""

    def now_ms(self) -> int:
        """Return the current time."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


def to_datetime(instant_ms: float) -> datetime:
    """Return an instant as REST shows it, in UTC.

    Examples:
        >>> to_datetime(1_000).isoformat()
        '1970-01-01T00:00:01+00:00'
    """
    return datetime.fromtimestamp(instant_ms / 1000, UTC)


def to_ms(instant: datetime) -> int:
    """Return an instant as it is stored; a time without a zone is read as UTC.

    Examples:
        >>> to_ms(datetime(1970, 1, 1, 0, 0, 1))
        1000
    """
    aware = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1000)
