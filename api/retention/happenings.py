"""What may be deleted of the lists of changes: what the service said of alerts, and troubles that are over.

What a person did to an alert stays with the alert. Each list remembers up to where it has gaps.
"""

from collections.abc import Sequence

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from api import streams
from api.db.alert_tables import AlertChangeRow
from api.db.trouble_tables import TroubleChangeRow, TroubleRow
from api.retention.candidates import Candidate, Place
from api.streams import Stream


def find_changes(session: Session, after: Place, *, before_ms: int, limit: int) -> list[Candidate]:
    """Return changes of alerts that no person made, oldest first."""
    rows = session.execute(
        select(AlertChangeRow.created_at, AlertChangeRow.id, AlertChangeRow.created_at)
        .where(AlertChangeRow.id > after.id, AlertChangeRow.actor.is_(None))
        .order_by(AlertChangeRow.id)
        .limit(limit)
    )
    # Ids grow with the time: nothing after the first young one is old, and no index of times is needed.
    return [each for each in map(Candidate._make, rows) if each.at < before_ms]


def delete_changes(session: Session, ids: Sequence[int]) -> list[int]:
    """Delete changes of alerts; return their ids."""
    session.execute(delete(AlertChangeRow).where(AlertChangeRow.id.in_(ids)))
    streams.move_mark(session, Stream.ALERTS, max(ids))
    return list(ids)


def find_troubles(session: Session, after: Place, *, before_ms: int, limit: int) -> list[Candidate]:
    """Return troubles that closed before a time, in the order of ids."""
    rows = session.execute(
        select(TroubleRow.closed_at, TroubleRow.id, TroubleRow.opened_at)
        .where(TroubleRow.closed_at < before_ms, TroubleRow.id > after.id)
        .order_by(TroubleRow.id)
        .limit(limit)
    )
    return [Candidate(closed_at or 0, row_id, opened_at) for closed_at, row_id, opened_at in rows]


def delete_troubles(session: Session, ids: Sequence[int]) -> list[int]:
    """Delete troubles with their changes; return their ids."""
    theirs = TroubleChangeRow.trouble_id.in_(ids)
    newest = session.scalar(select(func.max(TroubleChangeRow.id)).where(theirs))
    session.execute(delete(TroubleChangeRow).where(theirs))
    session.execute(delete(TroubleRow).where(TroubleRow.id.in_(ids)))
    if newest is not None:
        streams.move_mark(session, Stream.TROUBLES, newest)
    return list(ids)
