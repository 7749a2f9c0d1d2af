"""All that is open now, for receivers that are told of it again and again."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from api import standing
from api.alerts import service as alerts
from api.db.alert_tables import AlertRow
from api.db.push_tables import ChannelRow
from api.push.filters import Filters
from api.push.trouble_filters import TroubleFilters
from api.troubles import service as troubles

_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Open:
    """What goes on and is for one channel, as REST lists it."""

    alerts: Sequence[Mapping[str, Any]]
    troubles: Sequence[Mapping[str, Any]]


def find_open(session: Session, channel: ChannelRow, *, cluster: str) -> Open:
    """Return all that is open and that a channel is told of.

    Args:
        session: Of the database.
        channel: Whose filters count.
        cluster: Name of the service's cluster.
    """
    filters, wanted = Filters(**channel.filters), TroubleFilters.of(channel.troubles)
    alone = wanted is not None and wanted.only
    return Open(
        alerts=[] if alone else [each for each in _find_alerts(session) if filters.fits(each)],
        troubles=[
            each.model_dump(mode="json")
            for each in (troubles.list_open(session, cluster) if wanted else ())
            if wanted and wanted.wants(each.kind, each.subject, channel=channel.name)
        ],
    )


def _find_alerts(session: Session) -> Iterator[Mapping[str, Any]]:
    ids = session.scalars(
        select(AlertRow.id).where(AlertRow.status == standing.OPEN).order_by(AlertRow.id)
    ).all()
    for first in range(0, len(ids), _AT_ONCE):
        yield from alerts.of_ids(session, set(ids[first : first + _AT_ONCE])).values()
