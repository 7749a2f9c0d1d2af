"""How many requests a token may make in a minute, and the header fields that say what is left.

The fields are those of draft-ietf-httpapi-ratelimit-headers-10: `RateLimit-Policy`
names the quota `q` and its window `w` in seconds, `RateLimit` what remains `r`
and in how many seconds `t` it is whole again.
"""

import math
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

WINDOW_MS: Final = 60_000
_POLICY: Final = "token"
_MOST: Final = 10_000


@dataclass(frozen=True, slots=True)
class Left:
    """What a token may still do, after the request that was just counted."""

    quota: int
    remaining: int
    reset_s: int
    allowed: bool

    def headers(self) -> dict[str, str]:
        """Return the header fields of an answer.

        Examples:
            >>> Left(quota=100, remaining=7, reset_s=30, allowed=True).headers()
            {'RateLimit-Policy': '"token";q=100;w=60', 'RateLimit': '"token";r=7;t=30'}
        """
        return {
            "RateLimit-Policy": f'"{_POLICY}";q={self.quota};w={WINDOW_MS // 1000}',
            "RateLimit": f'"{_POLICY}";r={self.remaining};t={self.reset_s}',
        }


@dataclass(slots=True)
class _Window:
    began_ms: int
    used: int = 0


class Quotas:
    """Requests of each token within its minute, which begins with its first request.

    Args:
        per_minute: Most requests; 0 counts none.
    """

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._windows: OrderedDict[str, _Window] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, who: str, now_ms: int) -> Left | None:
        """Count one request, and return what is left; None where nothing is counted."""
        if not self._per_minute:
            return None
        with self._lock:
            window = self._windows.get(who)
            # A clock that was set back begins anew, rather than to hold somebody up for hours.
            if window is None or not 0 <= now_ms - window.began_ms < WINDOW_MS:
                window = self._windows[who] = _Window(now_ms)
            self._windows.move_to_end(who)
            while len(self._windows) > _MOST:
                self._windows.popitem(last=False)
            allowed = window.used < self._per_minute
            window.used += allowed
            return Left(
                quota=self._per_minute,
                remaining=self._per_minute - window.used,
                reset_s=math.ceil((window.began_ms + WINDOW_MS - now_ms) / 1000),
                allowed=allowed,
            )
