"""Decides where a stream begins, and what of that cannot be kept any more."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from api.clock import to_ms
from api.errors import InvalidError
from api.events.feeds import FEEDS, gap_text
from api.events.position import Position, Topic
from api.events.schemas import EventQuery, GapOut, GapReason


@dataclass(frozen=True, slots=True)
class Start:
    """Where a stream begins."""

    at: dict[Topic, int]
    gaps: Sequence[GapOut]


def find(session: Session, query: EventQuery, last_event_id: str | None) -> Start:
    """Return where a stream begins: after an event, at a time, or now.

    Args:
        session: It sees everything, whoever asks: positions are of the whole sequence.
        query: What is asked for.
        last_event_id: The header, which goes before what the address says: a browser that comes again
            sends the address that it began with.

    Raises:
        InvalidError: The id is none of this service, or of a stream without a topic that is asked for.
    """
    asked_id = last_event_id or query.last_event_id
    position = Position.read(asked_id) if asked_id else Position()
    at, gaps = {}, []
    for topic in dict.fromkeys(query.topic):
        feed, asked = FEEDS[topic], position.of(topic)
        newest = feed.newest(session)
        if asked is None:
            if asked_id and not query.since:
                msg = f"Last-Event-ID: {asked_id} is of a stream without {topic}; say since when."
                raise InvalidError(msg)
            at[topic] = feed.before(session, to_ms(query.since)) if query.since else newest
            continue
        at[topic] = min(asked, newest)
        ahead = asked > newest
        if ahead or feed.lost(session, asked):
            gaps.append(
                GapOut(
                    topic=topic,
                    reason=GapReason.UNKNOWN if ahead else GapReason.DELETED,
                    asked=asked,
                    resumed=at[topic],
                    text=gap_text(topic, asked, newest, deleted=not ahead),
                )
            )
    return Start(at, gaps)
