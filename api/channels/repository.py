"""Reads and writes channels for those who manage them."""

from collections.abc import Mapping, Sequence

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from api.db.push_tables import ChannelRow, DeliveryRow
from api.db.slices import Slice


def list_page(session: Session, page: Slice) -> Sequence[ChannelRow]:
    """Return one page of channels, oldest first."""
    return session.scalars(page.of(select(ChannelRow), ChannelRow.id, ChannelRow.created_at)).all()


def find_by_name(session: Session, name: str) -> ChannelRow | None:
    """Return the channel of this name."""
    return session.scalar(select(ChannelRow).where(ChannelRow.name == name))


def count(session: Session, ids: Sequence[int]) -> Mapping[tuple[int, str], int]:
    """Return how many deliveries of channels are in each state."""
    rows = session.execute(
        select(DeliveryRow.channel_id, DeliveryRow.state, func.count(DeliveryRow.id))
        .where(DeliveryRow.channel_id.in_(ids))
        .group_by(DeliveryRow.channel_id, DeliveryRow.state)
    )
    return {(channel_id, state): number for channel_id, state, number in rows}


def list_deliveries(
    session: Session,
    page: Slice,
    *,
    channel_id: int,
    state: str | None,
    alert_id: int | None,
    trouble_id: int | None,
) -> Sequence[DeliveryRow]:
    """Return one page of a channel's deliveries, oldest first."""
    query = select(DeliveryRow).where(DeliveryRow.channel_id == channel_id)
    if state is not None:
        query = query.where(DeliveryRow.state == state)
    if alert_id is not None:
        query = query.where(DeliveryRow.alert_id == alert_id)
    if trouble_id is not None:
        query = query.where(DeliveryRow.trouble_id == trouble_id)
    return session.scalars(page.of(query, DeliveryRow.id, DeliveryRow.created_at)).all()


def remove(session: Session, row: ChannelRow) -> None:
    """Delete a channel and all its deliveries."""
    session.execute(delete(DeliveryRow).where(DeliveryRow.channel_id == row.id))
    session.delete(row)
