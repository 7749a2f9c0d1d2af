"""Decides what is shown of troubles."""

from collections.abc import Iterable, Sequence

from sqlalchemy.orm import Session

from api import streams
from api.clock import to_datetime
from api.db.slices import Slice
from api.db.trouble_tables import TroubleRow
from api.paging import PageQuery
from api.streams import Stream
from api.troubles import repository
from api.troubles.kinds import level_of
from api.troubles.repository import ChangeView
from api.troubles.schemas import TroubleChangeOut, TroubleOut, TroubleQuery
from api.vocabulary import TroubleChange


def list_page(session: Session, query: TroubleQuery, cluster: str) -> list[TroubleOut]:
    """Return one page of troubles."""
    rows = repository.list_page(
        session, query.slice(), kind=query.kind, subject=query.subject, is_open=query.open
    )
    return [_show(row, cluster) for row in rows]


def list_open(session: Session, cluster: str) -> list[TroubleOut]:
    """Return all troubles that go on."""
    return [_show(row, cluster) for row in repository.find_open(session).values()]


def list_changes(session: Session, query: PageQuery, cluster: str) -> tuple[list[TroubleChangeOut], int]:
    """Return one page of what opened and closed, and after which change.

    Raises:
        CursorError: Something after the cursor was dropped.
    """
    page = streams.follow(session, Stream.TROUBLES, query.slice(), resumed=query.cursor is not None)
    return _changes(repository.list_changes(session, page), cluster), page.after


def list_after(session: Session, change_id: int, limit: int, cluster: str) -> Sequence[TroubleChangeOut]:
    """Return what opened and closed after a change; what opened is shown as it was while it was open."""
    found = _changes(repository.list_changes(session, Slice(after=change_id, limit=limit)), cluster)
    for each in found:
        if each.change is TroubleChange.OPENED:
            each.trouble = each.trouble.model_copy(update={"open": True, "closed_at": None})
    return found


def _changes(found: Iterable[ChangeView], cluster: str) -> list[TroubleChangeOut]:
    return [
        TroubleChangeOut(
            id=each.id, change=each.change, at=to_datetime(each.at), trouble=_show(each.trouble, cluster)
        )
        for each in found
    ]


def _show(row: TroubleRow, cluster: str) -> TroubleOut:
    return TroubleOut(
        id=row.id,
        kind=row.kind,
        subject=row.subject,
        level=level_of(row.kind),
        cluster=cluster,
        dedup_key=f"nonself/{cluster}/{row.kind}/{row.subject}",
        open=row.closed_at is None,
        said=row.said,
        value=row.value,
        opened_at=to_datetime(row.opened_at),
        updated_at=to_datetime(row.updated_at),
        closed_at=to_datetime(row.closed_at) if row.closed_at is not None else None,
    )
