"""Reads from the database what the values of troubles are made of."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api import standing
from api.db.access_tables import TokenRow
from api.db.alert_tables import AlertRow
from api.db.push_tables import ChannelRow, DeliveryRow
from api.db.rule_tables import MatchRow
from api.db.tables import ContainerRow, InboxRow, NodeRow, ScoreRow
from api.troubles.readings import Refused
from api.vocabulary import Level

_PENDING: Final = "pending"
"""The state of a delivery, of `api.push.words`: push knows troubles, and not the other way round."""
_UNKNOWN: Final = "unknown"
"""Level of an alert that an earlier release raised."""


def list_nodes(session: Session) -> Sequence[NodeRow]:
    """Return all nodes."""
    return session.scalars(select(NodeRow).order_by(NodeRow.id)).all()


def count_calls(session: Session, since_ms: int) -> dict[int, int]:
    """Return the calls of windows scored after a time, by the node's id."""
    rows = session.execute(
        select(ContainerRow.node_id, func.sum(ScoreRow.calls))
        .join(ContainerRow, ContainerRow.id == ScoreRow.container_id)
        .where(ScoreRow.scored_at > since_ms)
        .group_by(ContainerRow.node_id)
    )
    return {node_id: int(calls) for node_id, calls in rows}


def find_oldest_pending(session: Session) -> int | None:
    """Return when the delta came that has waited longest for the worker, in Unix milliseconds."""
    pending = select(InboxRow.received_at).where(InboxRow.processed_at.is_(None))
    return session.scalar(pending.order_by(InboxRow.id).limit(1))


def find_oldest_match(session: Session) -> int | None:
    """Return when the match came that has waited longest for the worker, in Unix milliseconds."""
    pending = select(MatchRow.received_at).where(MatchRow.outcome.is_(None))
    return session.scalar(pending.order_by(MatchRow.id).limit(1))


def list_channels(session: Session) -> Sequence[ChannelRow]:
    """Return the channels of push."""
    return session.scalars(select(ChannelRow).order_by(ChannelRow.id)).all()


def list_refused(session: Session) -> list[Refused]:
    """Return of each enabled channel what was tried and waits for another attempt."""
    waits = (
        (DeliveryRow.channel_id == ChannelRow.id)
        & (DeliveryRow.state == _PENDING)
        & (DeliveryRow.attempts > 0)
    )
    rows = session.execute(
        select(
            ChannelRow.name,
            ChannelRow.failures,
            func.count(DeliveryRow.id),
            func.min(DeliveryRow.created_at),
            func.max(DeliveryRow.last_error),
        )
        .outerjoin(DeliveryRow, waits)
        .where(ChannelRow.enabled)
        .group_by(ChannelRow.id, ChannelRow.name, ChannelRow.failures)
    )
    return [
        Refused(name, failures > 0, number, oldest, error) for name, failures, number, oldest, error in rows
    ]


def list_expiring(session: Session, after_ms: int) -> Sequence[TokenRow]:
    """Return the tokens that are not revoked and expire after a time."""
    query = select(TokenRow).where(TokenRow.revoked_at.is_(None), TokenRow.expires_at > after_ms)
    return session.scalars(query.order_by(TokenRow.id)).all()


def count_open_alerts(session: Session) -> dict[str, int]:
    """Return how many alerts are open, by level; all levels are there."""
    rows = session.execute(
        select(AlertRow.level, func.count()).where(AlertRow.status == standing.OPEN).group_by(AlertRow.level)
    )
    return dict.fromkeys((level.value for level in Level), 0) | {level or _UNKNOWN: n for level, n in rows}
