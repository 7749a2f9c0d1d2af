"""The part of a table that one page of a list shows."""

from dataclasses import dataclass
from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement, Select, case, func, literal, select
from sqlalchemy.orm import InstrumentedAttribute

# Where the clock was set back, rows of one time have ids far apart: of so many around a time, the outermost
# id counts, and a little before and after is looked at too.
_SKEW_MS: Final = 300_000
_NEAR: Final = 1000

_Query = TypeVar("_Query", bound=Select[*tuple[Any, ...]])


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Rows after an id, recorded within `[since, until)`, at most so many."""

    after: int = 0
    limit: int
    since_ms: int | None = None
    until_ms: int | None = None
    backwards: bool = False
    """Newest first: rows before the id, if there is one."""

    def of(
        self,
        query: _Query,
        row_id: InstrumentedAttribute[Any],
        recorded_at: InstrumentedAttribute[Any],
        *,
        by_time: bool = False,
    ) -> _Query:
        """Return the query of one page, in the order of ids.

        Args:
            query: All rows.
            row_id: Grows from row to row.
            recorded_at: When a row was recorded; grows too, as far as the clock was not set.
            by_time: Whether the table is long and has an index of these times, by which the ids between
                which the page lies are found. Otherwise all rows from the cursor on are read.
        """
        after, order = (0, row_id.desc()) if self.backwards else (self.after, row_id.asc())
        if self.backwards and self.after:
            query = query.where(row_id < self.after)
        if not by_time:
            query = query.where(row_id > after)
            if self.since_ms is not None:
                query = query.where(recorded_at >= self.since_ms)
            if self.until_ms is not None:
                query = query.where(recorded_at < self.until_ms)
            return query.order_by(order).limit(self.limit)
        # Not the column itself: its index would give all rows of the time, to be sorted for one page.
        within = recorded_at + 0
        first: ColumnElement[int] = literal(after + 1)
        if self.since_ms is not None:
            early = select(row_id.label("id")).where(recorded_at >= self.since_ms - _SKEW_MS)
            near = early.order_by(recorded_at).limit(_NEAR).subquery()
            earliest = select(func.min(near.c.id)).scalar_subquery()
            # One bound, since SQLite goes by one alone; null, and so nothing, where nothing is as young.
            first = case((earliest <= after, after + 1), else_=earliest)
            query = query.where(within >= self.since_ms)
        if self.until_ms is not None:
            late = select(row_id.label("id")).where(recorded_at < self.until_ms + _SKEW_MS)
            near = late.order_by(recorded_at.desc()).limit(_NEAR).subquery()
            query = query.where(
                within < self.until_ms, row_id <= select(func.max(near.c.id)).scalar_subquery()
            )
        query = query.where(row_id >= first)
        return query.order_by(order).limit(self.limit)
