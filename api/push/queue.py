"""Reads and writes channels and what waits for them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from api.db.alert_tables import AlertChangeRow
from api.db.push_tables import ChannelRow, DeliveryRow
from api.db.trouble_tables import TroubleChangeRow
from api.push.words import DeliveryState

Subject = tuple[int | None, int | None]
"""What a delivery is about: the id of an alert, that of a trouble, or neither of them for a digest."""
DIGEST: Final[Subject] = (None, None)
PENDING, HELD = DeliveryState.PENDING.value, DeliveryState.HELD.value


class Depth(NamedTuple):
    """How much of a channel is in a state, and since when its oldest."""

    channel: str
    state: str
    number: int
    oldest: int


def list_enabled(session: Session) -> Sequence[tuple[int, int]]:
    """Return the channels that are served, each with the time of its last change."""
    rows = session.execute(select(ChannelRow.id, ChannelRow.updated_at).where(ChannelRow.enabled))
    return [(row.id, row.updated_at) for row in rows]


def count_channels(session: Session) -> int:
    """Return how many channels there are."""
    return session.scalar(select(func.count()).select_from(ChannelRow)) or 0


def newest_change(session: Session) -> int:
    """Return the id of the newest thing that happened to an alert, or 0."""
    return session.scalar(select(func.max(AlertChangeRow.id))) or 0


def newest_trouble_change(session: Session) -> int:
    """Return the id of the newest trouble that opened or closed, or 0."""
    return session.scalar(select(func.max(TroubleChangeRow.id))) or 0


def subject_of(row: DeliveryRow) -> Subject:
    """Return what a delivery is about."""
    return row.alert_id, row.trouble_id


def add(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store deliveries."""
    session.add_all([DeliveryRow(**each) for each in rows])


def due(session: Session, channel_id: int, now_ms: int, limit: int) -> list[DeliveryRow]:
    """Return what may be tried now, in order, so that none passes an earlier one of its alert or trouble.

    A digest speaks of many: it passes nothing, and nothing passes it.
    """
    waiting = (PENDING, HELD)
    rows = session.scalars(
        select(DeliveryRow)
        .where(
            DeliveryRow.channel_id == channel_id,
            DeliveryRow.state == PENDING,
            DeliveryRow.next_attempt_at <= now_ms,
        )
        .order_by(DeliveryRow.id)
        .limit(limit)
    ).all()
    if not rows:
        return []
    # What waits before the last of these, but is not due itself, keeps later messages of the same waiting.
    later = session.execute(
        select(DeliveryRow.alert_id, DeliveryRow.trouble_id, func.min(DeliveryRow.id))
        .where(
            DeliveryRow.channel_id == channel_id,
            DeliveryRow.state.in_(waiting),
            (DeliveryRow.next_attempt_at > now_ms) | (DeliveryRow.state == HELD),
            DeliveryRow.id < rows[-1].id,
        )
        .group_by(DeliveryRow.alert_id, DeliveryRow.trouble_id)
    )
    blocked: dict[Subject, int] = {(row[0], row[1]): row[2] for row in later}
    return passable(rows, blocked)


def passable(rows: Sequence[DeliveryRow], blocked: Mapping[Subject, int]) -> list[DeliveryRow]:
    """Return those rows before which nothing of the same alert or trouble waits.

    Args:
        rows: In order.
        blocked: The first delivery that waits, for each of what they are about.
    """
    first_of_all = min(blocked.values(), default=None)
    digest = blocked.get(DIGEST)
    found = []
    for row in rows:
        if digest is not None and digest < row.id:
            break
        about = subject_of(row)
        before = first_of_all if about == DIGEST else blocked.get(about)
        if before is not None and before < row.id:
            if about == DIGEST:
                break
            continue
        found.append(row)
    return found


def next_due_at(session: Session, channel_id: int) -> int | None:
    """Return when the next delivery of a channel may be tried or put into a digest."""
    return session.scalar(
        select(func.min(DeliveryRow.next_attempt_at)).where(
            DeliveryRow.channel_id == channel_id, DeliveryRow.state.in_((PENDING, HELD))
        )
    )


def released(session: Session, channel_id: int, now_ms: int, limit: int) -> Sequence[DeliveryRow]:
    """Return what was held back until now, in order."""
    return session.scalars(
        select(DeliveryRow)
        .where(
            DeliveryRow.channel_id == channel_id,
            DeliveryRow.state == HELD,
            DeliveryRow.next_attempt_at <= now_ms,
        )
        .order_by(DeliveryRow.id)
        .limit(limit)
    ).all()


def count_sent_since(session: Session, channel_id: int, since_ms: int) -> int:
    """Return how many messages of a channel were made since a time, digests apart."""
    made = select(func.count()).select_from(DeliveryRow)
    return (
        session.scalar(
            made.where(
                DeliveryRow.channel_id == channel_id,
                DeliveryRow.created_at >= since_ms,
                DeliveryRow.alert_id.is_not(None) | DeliveryRow.trouble_id.is_not(None),
                DeliveryRow.state.not_in((HELD, DeliveryState.DIGESTED.value)),
            )
        )
        or 0
    )


def depths(session: Session) -> list[Depth]:
    """Return how much waits and how much was given up, of every channel."""
    rows = session.execute(
        select(
            ChannelRow.name, DeliveryRow.state, func.count(DeliveryRow.id), func.min(DeliveryRow.created_at)
        )
        .join(DeliveryRow, DeliveryRow.channel_id == ChannelRow.id)
        .where(DeliveryRow.state.in_((PENDING, HELD, DeliveryState.DEAD.value)))
        .group_by(ChannelRow.name, DeliveryRow.state)
    )
    return [Depth(*row) for row in rows]


def revive(
    session: Session, channel_id: int, *, delivery_id: int | None, now_ms: int, expires_at: int
) -> int:
    """Have what was given up delivered again, or one delivery whatever became of it; return how many."""
    query = select(DeliveryRow.id).where(DeliveryRow.channel_id == channel_id)
    if delivery_id is None:
        query = query.where(DeliveryRow.state == DeliveryState.DEAD.value)
    else:
        query = query.where(DeliveryRow.id == delivery_id)
    ids = session.scalars(query).all()
    session.execute(
        update(DeliveryRow)
        .where(DeliveryRow.id.in_(query))
        .values(
            state=PENDING,
            attempts=0,
            next_attempt_at=now_ms,
            expires_at=expires_at,
            settled_at=None,
            last_error=None,
        )
    )
    return len(ids)


def forget(session: Session, before_ms: int) -> int:
    """Delete what was settled before a time; return how many."""
    old = DeliveryRow.settled_at < before_ms
    gone = session.scalar(select(func.count()).select_from(DeliveryRow).where(old)) or 0
    if gone:
        session.execute(delete(DeliveryRow).where(old))
    return gone
