"""Counts of alerts, for dashboards."""

from typing import Any, Final, TypeVar

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from api import standing
from api.alerts import filters
from api.alerts.statistics_schemas import (
    AlertCountOut,
    CountBy,
    CountQuery,
    CountsOut,
    Interval,
    PointOut,
    SeriesOut,
    SeriesQuery,
)
from api.clock import to_datetime, to_ms
from api.db.alert_tables import AlertRow
from api.db.tables import WorkloadRow
from api.errors import InvalidError

_MOST_POINTS: Final = 2000
_Query = TypeVar("_Query", bound=Select[*tuple[Any, ...]])


_LENGTHS: Final = {Interval.MINUTE: 60_000, Interval.HOUR: 3_600_000, Interval.DAY: 86_400_000}


def counts(session: Session, query: CountQuery) -> CountsOut:
    """Return how many alerts there are for each value."""
    columns: dict[CountBy, Any] = {
        CountBy.STATUS: standing.STATUS,
        CountBy.NAMESPACE: WorkloadRow.namespace,
        CountBy.WORKLOAD: AlertRow.workload_id,
    }
    column = columns[query.by] if query.by in columns else getattr(AlertRow, query.by.value)
    rows = _opened(
        session,
        select(column, func.count()).select_from(AlertRow).group_by(column),
        query,
        of_workloads=query.by is CountBy.NAMESPACE,
    )
    found = sorted(session.execute(rows).all(), key=lambda each: (-each[1], str(each[0])))
    return CountsOut(
        by=query.by,
        alerts=sum(number for _, number in found),
        counts=[
            AlertCountOut(value=None if value is None else str(value), alerts=number)
            for value, number in found
        ],
    )


def series(session: Session, query: SeriesQuery) -> SeriesOut:
    """Return how many alerts were opened in each interval.

    Raises:
        InvalidError: The end is not after the start, or there are more than 2,000 points.
    """
    length = _LENGTHS[query.interval]
    first, end = to_ms(query.since) // length, -(-to_ms(query.until) // length)
    if not 0 < end - first <= _MOST_POINTS:
        msg = f"since, until: expected 1 to {_MOST_POINTS} intervals between them; got {end - first}."
        raise InvalidError(msg)
    slot = AlertRow.created_at // length
    rows = _opened(
        session,
        select(slot, func.count())
        .select_from(AlertRow)
        .where(AlertRow.created_at >= first * length, AlertRow.created_at < end * length)
        .group_by(slot),
        query,
    )
    found = {int(start): number for start, number in session.execute(rows)}
    return SeriesOut(
        interval=query.interval,
        points=[
            PointOut(start=to_datetime(each * length), alerts=found.get(each, 0))
            for each in range(first, end)
        ],
    )


def _opened(
    session: Session, rows: _Query, query: CountQuery | SeriesQuery, *, of_workloads: bool = False
) -> _Query:
    # Without the join, an index alone has what is counted.
    if of_workloads or query.namespace is not None or query.cluster is not None:
        rows = rows.join(WorkloadRow, WorkloadRow.id == AlertRow.workload_id)
    if query.since is not None:
        rows = rows.where(AlertRow.created_at >= to_ms(query.since))
    if query.until is not None:
        rows = rows.where(AlertRow.created_at < to_ms(query.until))
    return filters.narrowed(session, rows, query)
