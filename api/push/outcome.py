"""What an attempt to deliver led to, and what an HTTP status means for it. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum, auto
from typing import Final

_ABOUT_THE_RECEIVER: Final = frozenset({401, 403, 404, 405, 407, 408, 421, 425, 429})
"""Address, secret or state of the receiver, and not the message: others would fare alike."""
_LONGEST_WISH_S: Final = 86_400.0


class Verdict(Enum):
    """What becomes of a message."""

    DELIVERED = auto()
    DOWN = auto()
    """The receiver takes nothing at the moment: the whole channel waits."""
    REFUSED = auto()
    """The receiver does not like this message: it is tried again later, and those of other alerts go on."""
    GONE = auto()
    """The receiver wants no more: the channel is disabled."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an attempt led to; `retry_after_s` is what the receiver asked for, at most a day."""

    verdict: Verdict
    detail: str = ""
    retry_after_s: float = 0.0


DELIVERED: Final = Outcome(Verdict.DELIVERED)


def down(detail: str) -> Outcome:
    """Return that the receiver takes nothing at the moment."""
    return Outcome(Verdict.DOWN, detail)


def judge(status: int, retry_after: str = "", *, now_ms: int = 0) -> Outcome:
    """Say what the status of an answer means.

    A redirect is not followed: it could lead to an address that was never checked.

    Args:
        status: Of the answer.
        retry_after: Its header of that name; seconds, or a date.
        now_ms: For a date.

    Examples:
        >>> [judge(each).verdict.name for each in (200, 204, 302, 400, 401, 410, 429, 503)]
        ['DELIVERED', 'DELIVERED', 'DOWN', 'REFUSED', 'DOWN', 'GONE', 'DOWN', 'DOWN']
        >>> judge(503, "120").retry_after_s
        120.0
    """
    if 200 <= status < 300:
        return DELIVERED
    detail = f"it answered {status}"
    if status == 410:
        return Outcome(Verdict.GONE, detail)
    if 300 <= status < 400:
        return Outcome(Verdict.DOWN, f"{detail}, a redirect, and none is followed")
    receiver = status >= 500 or status in _ABOUT_THE_RECEIVER
    verdict = Verdict.DOWN if receiver else Verdict.REFUSED
    return Outcome(verdict, detail, _seconds(retry_after, now_ms))


def _seconds(retry_after: str, now_ms: int) -> float:
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return min(float(text), _LONGEST_WISH_S)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    wait_s = (aware - datetime.fromtimestamp(now_ms / 1000, UTC)).total_seconds()
    return min(max(wait_s, 0.0), _LONGEST_WISH_S)
