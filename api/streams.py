"""Lists of changes, which retention shortens: how far back each is complete, and cursors from before that."""

from dataclasses import replace
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.db.slices import Slice
from api.db.stream_tables import StreamMarkRow
from api.errors import CursorError
from api.paging import encode_cursor


class Stream(StrEnum):
    """A list of changes, by its table."""

    ALERTS = "alert_changes"
    TROUBLES = "trouble_changes"


def find_mark(session: Session, stream: Stream) -> int:
    """Return the newest change that was dropped, 0 where none was; the list is complete after it."""
    return session.scalar(select(StreamMarkRow.dropped_to).where(StreamMarkRow.stream == stream.value)) or 0


def move_mark(session: Session, stream: Stream, dropped_to: int) -> None:
    """Remember that changes up to one were dropped, in the transaction that drops them."""
    row = session.get(StreamMarkRow, stream.value)
    if row is None:
        session.add(StreamMarkRow(stream=stream.value, dropped_to=dropped_to))
    else:
        row.dropped_to = max(row.dropped_to, dropped_to)


def follow(session: Session, stream: Stream, page: Slice, *, resumed: bool) -> Slice:
    """Return a page of a list of changes that misses none after its cursor.

    Args:
        session: In which the page is read too: it is one state of the database.
        stream: The list.
        page: What is asked for.
        resumed: It goes on after a cursor; otherwise it begins where the list is complete.

    Raises:
        CursorError: Something after the cursor was dropped.
    """
    mark = find_mark(session, stream)
    if resumed and page.after < mark:
        msg = (
            "cursor: changes after it were dropped because of their age; read the list of what there is "
            "now, and go on with the member next_cursor, after which none is missing."
        )
        raise CursorError(msg, next_cursor=encode_cursor(mark))
    return replace(page, after=max(page.after, mark))
