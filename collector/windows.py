"""Which stretch of wall time a drain stands for, whatever is done to the machine's clock.

Waiting follows the steady clock and only the names of windows follow the wall
clock, so that a clock that is set cannot shorten, repeat or reverse a window.
docs/adr/0008 says what happens in each case.
"""

from dataclasses import dataclass
from typing import Final

from collector.clock import Instant

MAX_WINDOW_MS: Final = 3_600_000
"""Longest stretch one window may name; a service refuses longer ones."""
MAX_LEAD_MS: Final = 60_000
"""How far window names may run ahead of a clock that was set back before they follow it."""


@dataclass(frozen=True, slots=True)
class Window:
    """Half-open stretch `[start, end)` of Unix time in milliseconds; `end` is always after `start`."""

    start: int
    end: int
    partial: bool
    """True unless the window is aligned, has the full length, and was counted for about that long."""


class Windows:
    """Cut time into windows aligned to multiples of their length.

    Examples:
        >>> windows = Windows(10_000, Instant(wall=1_003_000, steady=0))
        >>> windows.wait_s(Instant(wall=1_004_500, steady=1_500))
        5.5
        >>> windows.cut(Instant(wall=1_010_002, steady=7_002))
        Window(start=1003000, end=1010000, partial=True)
        >>> windows.cut(Instant(wall=1_020_001, steady=17_001))
        Window(start=1010000, end=1020000, partial=False)
    """

    def __init__(self, length_ms: int, now: Instant) -> None:
        if not 1 <= length_ms <= MAX_WINDOW_MS:
            msg = f"A window lasts from 1 to {MAX_WINDOW_MS} milliseconds; got {length_ms}."
            raise ValueError(msg)
        self._length = length_ms
        self._tolerance = max(250, length_ms // 4)
        self._relived_until = 0
        self._set_backs = 0
        self._open(now, now.wall)

    def wait_s(self, now: Instant) -> float:
        """Return how long to wait for the end of the running window, in seconds; 0 when it is due."""
        if self._stepped(now):
            return 0.0
        return max(0, self._boundary - now.wall) / 1000

    def cut(self, now: Instant) -> Window:
        """End the running window now and begin the next one."""
        elapsed = now.steady - self._opened.steady
        if self._stepped(now):
            end = self._start + elapsed
        elif now.wall >= self._boundary:
            end = now.wall - now.wall % self._length
        else:
            end = now.wall
        end = max(end, self._start + 1)
        start = max(self._start, end - MAX_WINDOW_MS)
        whole = start % self._length == 0 and end - start == self._length
        partial = not whole or abs(elapsed - self._length) > self._tolerance
        aligned = end % self._length == 0 and end <= now.wall
        self._open(now, end if aligned and not self._stepped(now) else max(end, now.wall))
        return Window(start, end, partial)

    def _stepped(self, now: Instant) -> bool:
        """Tell whether the wall clock was set, or the machine slept, since the window began."""
        drift = (now.wall - self._opened.wall) - (now.steady - self._opened.steady)
        return abs(drift) > self._tolerance

    def _open(self, now: Instant, start: int) -> None:
        if start - now.wall > MAX_LEAD_MS:
            # A service would refuse names this far ahead of its time, so they follow the clock again. Each
            # set-back shifts the names of the time lived twice by another millisecond: none is used twice.
            self._relived_until = max(self._relived_until, start)
            self._set_backs += 1
            start = now.wall
        if start < self._relived_until:
            start += self._set_backs
        self._opened = now
        self._start = start
        self._boundary = now.wall - now.wall % self._length + self._length
