"""All alerts that are open, for receivers that are told of them again and again."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from api import standing
from api.alerts import service as alerts
from api.db.alert_tables import AlertRow

_AT_ONCE: Final = 500


def find_open(session: Session) -> Iterator[Mapping[str, Any]]:
    """Yield all open alerts as REST lists them."""
    ids = session.scalars(
        select(AlertRow.id).where(AlertRow.status == standing.OPEN).order_by(AlertRow.id)
    ).all()
    for first in range(0, len(ids), _AT_ONCE):
        yield from alerts.of_ids(session, set(ids[first : first + _AT_ONCE])).values()
