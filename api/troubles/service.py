"""Decides what is shown of troubles."""

from sqlalchemy.orm import Session

from api import streams
from api.clock import to_datetime
from api.db.trouble_tables import TroubleRow
from api.paging import PageQuery
from api.streams import Stream
from api.troubles import repository
from api.troubles.schemas import TroubleChangeOut, TroubleOut, TroubleQuery


def list_page(session: Session, query: TroubleQuery) -> list[TroubleOut]:
    """Return one page of troubles."""
    rows = repository.list_page(
        session, query.slice(), kind=query.kind, subject=query.subject, is_open=query.open
    )
    return [_show(row) for row in rows]


def list_changes(session: Session, query: PageQuery) -> tuple[list[TroubleChangeOut], int]:
    """Return one page of what opened and closed, and after which change.

    Raises:
        CursorError: Something after the cursor was dropped.
    """
    page = streams.follow(session, Stream.TROUBLES, query.slice(), resumed=query.cursor is not None)
    found = repository.list_changes(session, page)
    items = [
        TroubleChangeOut(id=each.id, change=each.change, at=to_datetime(each.at), trouble=_show(each.trouble))
        for each in found
    ]
    return items, page.after


def _show(row: TroubleRow) -> TroubleOut:
    return TroubleOut(
        id=row.id,
        kind=row.kind,
        subject=row.subject,
        open=row.closed_at is None,
        said=row.said,
        value=row.value,
        opened_at=to_datetime(row.opened_at),
        updated_at=to_datetime(row.updated_at),
        closed_at=to_datetime(row.closed_at) if row.closed_at is not None else None,
    )
