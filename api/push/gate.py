"""Whether what is routed now may be sent at once, or until when it is held back."""

from sqlalchemy.orm import Session

from api.db.push_tables import ChannelRow
from api.push import queue
from api.push.pacing import Pacing, next_period, period_start
from api.vocabulary import Level


class Gate:
    """Quiet hours, digests and the limit of one channel, over what is routed in one go.

    Args:
        session: Counts what was sent in this period.
        channel: Whose pacing counts.
        now_ms: The time.
    """

    def __init__(self, session: Session, channel: ChannelRow, now_ms: int) -> None:
        self._pacing = Pacing(**channel.pacing)
        self._now_ms = now_ms
        self._sent = 0
        if limit := self._pacing.limit:
            since = period_start(now_ms, limit.period_s)
            self._sent = queue.count_sent_since(session, channel.id, since)

    def held_until(self, level: Level) -> int | None:
        """Return until when another message, about something of this level, is held back, or None."""
        held_until = self._pacing.held_until(self._now_ms, level)
        limit = self._pacing.limit
        if held_until is None and limit:
            if self._sent >= limit.messages:
                held_until = next_period(self._now_ms, limit.period_s)
            self._sent += 1
        return held_until
