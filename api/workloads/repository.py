"""Reads workloads with what belongs to them, and writes their mode."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from api import standing
from api.db.alert_tables import AlertRow
from api.db.slices import Slice
from api.db.tables import (
    BaselineRow,
    ContainerRow,
    DriftRow,
    LedgerRow,
    NodeRow,
    ScoreRow,
    WeekRow,
    WorkloadRow,
)


class WorkloadView(NamedTuple):
    """A workload and what a list shows beside it."""

    row: WorkloadRow
    last_score: ScoreRow | None
    windows_learned: int
    ready: bool
    quarantined: int
    open_alerts: int
    ledger: LedgerRow | None
    drift: DriftRow | None
    completeness: str | None


def _views() -> Select[Any]:
    quarantined = (
        select(func.count())
        .select_from(ScoreRow)
        .where(ScoreRow.workload_id == WorkloadRow.id, ScoreRow.quarantined)
        .correlate(WorkloadRow)
        .scalar_subquery()
    )
    open_alerts = (
        select(func.count())
        .select_from(AlertRow)
        .where(AlertRow.workload_id == WorkloadRow.id, AlertRow.status == standing.OPEN)
        .correlate(WorkloadRow)
        .scalar_subquery()
    )
    return (
        select(
            WorkloadRow,
            ScoreRow,
            func.coalesce(BaselineRow.windows_learned, 0),
            func.coalesce(BaselineRow.ready, False),
            quarantined,
            open_alerts,
            LedgerRow,
            DriftRow,
            BaselineRow.completeness,
        )
        .outerjoin(ScoreRow, ScoreRow.id == WorkloadRow.last_score_id)
        .outerjoin(BaselineRow, BaselineRow.workload_id == WorkloadRow.id)
        .outerjoin(LedgerRow, LedgerRow.workload_id == WorkloadRow.id)
        .outerjoin(DriftRow, (DriftRow.workload_id == WorkloadRow.id) & DriftRow.ended.is_(None))
    )


def list_page(
    session: Session,
    page: Slice,
    *,
    filters: dict[str, str | None],
) -> list[WorkloadView]:
    """Return one page of workloads, oldest first; filters name columns, None means any value."""
    query = _views()
    for column, value in filters.items():
        if value is not None:
            query = query.where(getattr(WorkloadRow, column) == value)
    return [
        WorkloadView(*row) for row in session.execute(page.of(query, WorkloadRow.id, WorkloadRow.created_at))
    ]


def find(session: Session, workload_id: int) -> WorkloadView | None:
    """Return one workload."""
    row = session.execute(_views().where(WorkloadRow.id == workload_id)).one_or_none()
    return WorkloadView(*row) if row else None


def count_by_mode(session: Session) -> Sequence[tuple[str, int]]:
    """Return how many workloads stand in each mode."""
    rows = session.execute(select(WorkloadRow.mode, func.count()).group_by(WorkloadRow.mode))
    return [(mode, count) for mode, count in rows]


def find_baseline(session: Session, workload_id: int) -> BaselineRow | None:
    """Return the stored baseline of a workload."""
    return session.get(BaselineRow, workload_id)


def find_weeks(session: Session, workload_id: int, most: int) -> Sequence[WeekRow]:
    """Return the newest weeks of a workload, newest first."""
    query = select(WeekRow).where(WeekRow.workload_id == workload_id)
    return session.scalars(query.order_by(WeekRow.start.desc()).limit(most)).all()


def list_drifts(session: Session, workload_id: int, page: Slice) -> Sequence[DriftRow]:
    """Return one page of a workload's drifts, oldest first."""
    query = select(DriftRow).where(DriftRow.workload_id == workload_id)
    return session.scalars(page.of(query, DriftRow.id, DriftRow.created_at)).all()


def find_containers(session: Session, ids: Collection[int]) -> dict[int, tuple[ContainerRow, str]]:
    """Return containers with the names of their nodes, by id."""
    rows = session.execute(
        select(ContainerRow, NodeRow.name)
        .join(NodeRow, NodeRow.id == ContainerRow.node_id)
        .where(ContainerRow.id.in_(ids))
    )
    return {row.id: (row, node) for row, node in rows}
