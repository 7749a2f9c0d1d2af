"""Reads and writes the alerts that wait to be posted, oldest first."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from api.db.falco_tables import FalcoQueueRow


class Waiting(NamedTuple):
    """An alert that waits."""

    id: int
    line: str


def add(session: Session, target: str, line: str) -> None:
    """Let an alert wait."""
    session.add(FalcoQueueRow(target=target, line=line))


def take(session: Session, target: str, limit: int) -> Sequence[Waiting]:
    """Return the oldest alerts of a target."""
    rows = session.execute(
        select(FalcoQueueRow.id, FalcoQueueRow.line)
        .where(FalcoQueueRow.target == target)
        .order_by(FalcoQueueRow.id)
        .limit(limit)
    )
    return [Waiting(*row) for row in rows]


def count(session: Session, target: str) -> int:
    """Return how many alerts of a target wait."""
    return (
        session.scalar(select(func.count()).select_from(FalcoQueueRow).where(FalcoQueueRow.target == target))
        or 0
    )


def remove_to(session: Session, target: str, last: int) -> None:
    """Delete the alerts of a target up to one."""
    session.execute(delete(FalcoQueueRow).where(FalcoQueueRow.target == target, FalcoQueueRow.id <= last))


def drop_surplus(session: Session, target: str, limit: int) -> int:
    """Delete the oldest alerts of a target beyond a limit; return how many."""
    surplus = count(session, target) - limit
    if surplus <= 0:
        return 0
    last = session.scalar(
        select(FalcoQueueRow.id)
        .where(FalcoQueueRow.target == target)
        .order_by(FalcoQueueRow.id)
        .offset(surplus - 1)
        .limit(1)
    )
    remove_to(session, target, last or 0)
    return surplus


def drop_others(session: Session, targets: Collection[str]) -> int:
    """Delete the alerts of targets that nobody names any more; return how many."""
    gone = session.scalar(
        select(func.count()).select_from(FalcoQueueRow).where(FalcoQueueRow.target.not_in(targets))
    )
    session.execute(delete(FalcoQueueRow).where(FalcoQueueRow.target.not_in(targets)))
    return gone or 0
