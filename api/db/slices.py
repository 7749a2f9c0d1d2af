"""The part of a table that one page of a list shows."""

from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute

_Query = TypeVar("_Query", bound=Select[*tuple[Any, ...]])


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Rows after an id, recorded within `[since, until)`, at most so many."""

    after: int = 0
    limit: int
    since_ms: int | None = None
    until_ms: int | None = None

    def of(
        self, query: _Query, row_id: InstrumentedAttribute[Any], recorded_at: InstrumentedAttribute[Any]
    ) -> _Query:
        """Return the query of one page, in the order of ids."""
        query = query.where(row_id > self.after)
        if self.since_ms is not None:
            query = query.where(recorded_at >= self.since_ms)
        if self.until_ms is not None:
            query = query.where(recorded_at < self.until_ms)
        return query.order_by(row_id).limit(self.limit)
