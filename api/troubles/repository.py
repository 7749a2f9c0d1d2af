"""Reads and writes troubles; whoever tells others of them follows their changes by id."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.db.slices import Slice
from api.db.trouble_tables import TroubleChangeRow, TroubleRow
from api.troubles.judging import Judgement, Key
from api.troubles.kinds import TroubleKind
from api.vocabulary import TroubleChange


@dataclass(frozen=True, slots=True)
class ChangeView:
    """That a trouble opened or closed, with the trouble as it is now."""

    id: int
    change: TroubleChange
    at: int
    trouble: TroubleRow


def list_page(
    session: Session, page: Slice, *, kind: str | None, subject: str | None, is_open: bool | None
) -> list[TroubleRow]:
    """Return one page of troubles in the order in which they opened."""
    query = select(TroubleRow)
    if kind is not None:
        query = query.where(TroubleRow.kind == kind)
    if subject is not None:
        query = query.where(TroubleRow.subject == subject)
    if is_open is not None:
        query = query.where(TroubleRow.closed_at.is_(None) if is_open else TroubleRow.closed_at.is_not(None))
    return list(session.scalars(page.of(query, TroubleRow.id, TroubleRow.opened_at)))


def list_changes(session: Session, page: Slice) -> list[ChangeView]:
    """Return what opened and closed, in the order of commits: none falls behind the last id of a page."""
    query = select(TroubleChangeRow, TroubleRow).join(
        TroubleRow, TroubleRow.id == TroubleChangeRow.trouble_id
    )
    return [
        ChangeView(change.id, TroubleChange(change.change), change.at, trouble)
        for change, trouble in session.execute(page.of(query, TroubleChangeRow.id, TroubleChangeRow.at))
    ]


def find_open(session: Session) -> dict[Key, TroubleRow]:
    """Return the open troubles of kinds that this release knows."""
    known = {each.value for each in TroubleKind}
    rows = session.scalars(select(TroubleRow).where(TroubleRow.closed_at.is_(None)).order_by(TroubleRow.id))
    return {Key(TroubleKind(row.kind), row.subject): row for row in rows if row.kind in known}


def count_open(session: Session) -> dict[str, int]:
    """Return how many troubles are open, by kind."""
    rows = session.execute(
        select(TroubleRow.kind, func.count()).where(TroubleRow.closed_at.is_(None)).group_by(TroubleRow.kind)
    )
    return {row[0]: row[1] for row in rows}


def store(session: Session, judged: Judgement, rows: Mapping[Key, TroubleRow], now_ms: int) -> None:
    """Write what was judged: troubles, and a change for each that opened or closed.

    Args:
        session: A write transaction.
        judged: What follows from readings and the open troubles.
        rows: Those open troubles, read in this transaction.
        now_ms: When.
    """
    changed: list[tuple[TroubleRow, TroubleChange]] = []
    for key, reading in judged.opened.items():
        row = TroubleRow(
            kind=key.kind.value,
            subject=key.subject,
            said=reading.said,
            value=reading.value,
            opened_at=now_ms,
            updated_at=now_ms,
            closed_at=None,
        )
        session.add(row)
        changed.append((row, TroubleChange.OPENED))
    for key, reading in judged.going_on.items():
        row = rows[key]
        row.said, row.value, row.updated_at = reading.said, reading.value, now_ms
    for key in judged.closed:
        row = rows[key]
        row.updated_at = row.closed_at = now_ms
        changed.append((row, TroubleChange.CLOSED))
    session.flush()
    session.add_all(
        TroubleChangeRow(trouble_id=row.id, change=change.value, at=now_ms) for row, change in changed
    )
