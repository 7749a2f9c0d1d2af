"""Reads alerts, their workloads and their findings."""

from collections.abc import Collection
from typing import Final, NamedTuple

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, load_only

from api.alerts import filters
from api.alerts.schemas import AlertFilter
from api.db.alert_tables import AlertRow, FindingRow
from api.db.slices import Slice
from api.db.tables import ContainerRow, NodeRow, ScoreRow, WorkloadRow

# What a page shows of each alert's newest window; all else of it is JSON that nobody reads there.
_IN_LISTS: Final = (
    load_only(FindingRow.alert_id),
    load_only(ScoreRow.resolution, ScoreRow.extrapolated, ScoreRow.evidence),
    load_only(
        ContainerRow.container_id,
        ContainerRow.runtime,
        ContainerRow.name,
        ContainerRow.pod,
        ContainerRow.namespace,
        ContainerRow.image,
        ContainerRow.image_digest,
        ContainerRow.seen_from_start,
    ),
)
MOST_FINDINGS: Final = 1000
"""Windows of an alert that are shown, and that retention keeps until a person closes it."""


class AlertView(NamedTuple):
    """An alert and its workload."""

    row: AlertRow
    workload: WorkloadRow


class FindingView(NamedTuple):
    """A finding, its score, and where that was seen."""

    row: FindingRow
    score: ScoreRow
    container: ContainerRow
    node: str


class ToldView(NamedTuple):
    """A finding as others are told of it, with its workload."""

    finding: FindingView
    workload: WorkloadRow


def list_page(
    session: Session,
    page: Slice,
    wish: AlertFilter,
) -> list[AlertView]:
    """Return one page of alerts in the order in which they were opened, or the other way round."""
    query = select(AlertRow, WorkloadRow).join(WorkloadRow, WorkloadRow.id == AlertRow.workload_id)
    query = filters.narrowed(session, query, wish)
    return [
        AlertView(*row)
        for row in session.execute(page.of(query, AlertRow.id, AlertRow.created_at, by_time=True))
    ]


def list_of(session: Session, ids: Collection[int]) -> list[AlertView]:
    """Return the alerts of these ids, oldest first."""
    rows = session.execute(
        select(AlertRow, WorkloadRow)
        .join(WorkloadRow, WorkloadRow.id == AlertRow.workload_id)
        .where(AlertRow.id.in_(ids))
        .order_by(AlertRow.id)
    )
    return [AlertView(*row) for row in rows]


def find(session: Session, alert_id: int) -> AlertView | None:
    """Return one alert."""
    row = session.execute(
        select(AlertRow, WorkloadRow)
        .join(WorkloadRow, WorkloadRow.id == AlertRow.workload_id)
        .where(AlertRow.id == alert_id)
    ).one_or_none()
    return AlertView(*row) if row else None


def list_findings(session: Session, alert_id: int) -> list[FindingView]:
    """Return the newest findings of an alert, oldest first."""
    rows = session.execute(
        _findings().where(FindingRow.alert_id == alert_id).order_by(FindingRow.id.desc()).limit(MOST_FINDINGS)
    ).all()
    return [FindingView(*row) for row in reversed(rows)]


def newest_findings(session: Session, alert_ids: Collection[int]) -> dict[int, FindingView]:
    """Return the newest finding of each of these alerts that has one; two queries, however many there are."""
    newest = select(func.max(FindingRow.id)).where(FindingRow.alert_id == AlertRow.id)
    ids = session.scalars(
        select(newest.correlate(AlertRow).scalar_subquery())
        .select_from(AlertRow)
        .where(AlertRow.id.in_(alert_ids))
    )
    query = _findings().options(*_IN_LISTS)
    rows = session.execute(query.where(FindingRow.id.in_([each for each in ids if each is not None])))
    return {view.row.alert_id: view for row in rows if (view := FindingView(*row)).row.alert_id is not None}


def list_told(session: Session, page: Slice, workload: int | None) -> list[ToldView]:
    """Return one page of the findings that are part of an alert, in the order in which they were made."""
    query = (
        _findings()
        .add_columns(WorkloadRow)
        .join(WorkloadRow, WorkloadRow.id == FindingRow.workload_id)
        .where(FindingRow.alert_id.is_not(None))
    )
    if workload is not None:
        query = query.where(FindingRow.workload_id == workload)
    rows = session.execute(page.of(query, FindingRow.id, FindingRow.created_at))
    return [ToldView(FindingView(*row[:-1]), row[-1]) for row in rows]


def _findings() -> Select[FindingRow, ScoreRow, ContainerRow, str]:
    return (
        select(FindingRow, ScoreRow, ContainerRow, NodeRow.name)
        .join(ScoreRow, ScoreRow.id == FindingRow.score_id)
        .join(ContainerRow, ContainerRow.id == ScoreRow.container_id)
        .join(NodeRow, NodeRow.id == ContainerRow.node_id)
    )
