"""The agent's only source of time."""

import time
from typing import NamedTuple


class Instant(NamedTuple):
    """One moment on both clocks."""

    wall: int
    """Unix time in milliseconds; people and machines may set it, so it only names windows."""
    steady: int
    """Milliseconds on a clock that never goes back and stands still while the machine is suspended."""


class SystemClock:
    """The machine's clocks."""

    def now(self) -> Instant:
        """Return this moment."""
        return Instant(time.time_ns() // 1_000_000, time.monotonic_ns() // 1_000_000)
