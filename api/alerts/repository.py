"""Reads alerts, their workloads and their findings."""

from collections.abc import Collection
from typing import Final, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.alerts import filters
from api.alerts.schemas import AlertFilter
from api.db.alert_tables import AlertRow, FindingRow
from api.db.slices import Slice
from api.db.tables import ContainerRow, NodeRow, ScoreRow, WorkloadRow

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
        select(FindingRow, ScoreRow, ContainerRow, NodeRow.name)
        .join(ScoreRow, ScoreRow.id == FindingRow.score_id)
        .join(ContainerRow, ContainerRow.id == ScoreRow.container_id)
        .join(NodeRow, NodeRow.id == ContainerRow.node_id)
        .where(FindingRow.alert_id == alert_id)
        .order_by(FindingRow.id.desc())
        .limit(MOST_FINDINGS)
    ).all()
    return [FindingView(*row) for row in reversed(rows)]
