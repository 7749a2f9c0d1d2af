"""Reads versions of baselines with what belongs to them."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Select, String, cast, func, select
from sqlalchemy.orm import Session

from api.db.access_tables import AuditRow
from api.db.alert_tables import FindingRow
from api.db.baseline_tables import BaselineVersionRow
from api.db.slices import Slice
from api.db.tables import BaselineRow, ScoreRow, WorkloadRow
from api.lifecycle import versions
from api.lifecycle.rhythms import Strange
from api.vocabulary import AlertKind, BaselineState

NEWEST: Final = 60_480
"""Windows whose losses a report adds up: a week of one container at ten seconds."""
_MOST_STRANGE: Final = 2000
_CAUSES: Final = ("table_full", "quota")
"""Losses that are calls and of their own window (`wire.profile`)."""


class VersionView(NamedTuple):
    """A version and what is shown beside it; `live` is null where it is at rest."""

    row: BaselineVersionRow
    workload: WorkloadRow
    live: int | None
    windows_learned: int
    completeness: str | None


class Losses(NamedTuple):
    """What was lost of the newest windows of a workload, learned or not."""

    windows: int
    calls: int
    lost: int


def _views() -> Select[*tuple[Any, ...]]:
    return (
        select(
            BaselineVersionRow,
            WorkloadRow,
            BaselineRow.version_id,
            func.coalesce(BaselineRow.windows_learned, BaselineVersionRow.windows_learned),
            func.coalesce(BaselineRow.completeness, BaselineVersionRow.completeness),
        )
        .join(WorkloadRow, WorkloadRow.id == BaselineVersionRow.workload_id)
        .outerjoin(BaselineRow, BaselineRow.version_id == BaselineVersionRow.id)
    )


def list_page(
    session: Session, page: Slice, *, workload: int | None, state: BaselineState | None
) -> list[VersionView]:
    """Return one page of versions, in the order in which they began."""
    query = _views()
    if workload is not None:
        query = query.where(BaselineVersionRow.workload_id == workload)
    if state is not None:
        query = query.where(BaselineVersionRow.state == state.value)
    rows = session.execute(page.of(query, BaselineVersionRow.id, BaselineVersionRow.created_at))
    return [VersionView(*row) for row in rows]


def find(session: Session, version_id: int) -> VersionView | None:
    """Return one version."""
    row = session.execute(_views().where(BaselineVersionRow.id == version_id)).one_or_none()
    return VersionView(*row) if row else None


def find_live(session: Session, workload_id: int) -> BaselineRow | None:
    """Return what the live version of a workload has learned."""
    return session.get(BaselineRow, workload_id)


def list_moves(session: Session, version_id: int) -> Sequence[AuditRow]:
    """Return the moves of a version, oldest first."""
    # Joined to the version, so that the entries are seen by whom it is seen.
    query = (
        select(AuditRow)
        .join(BaselineVersionRow, AuditRow.target == cast(BaselineVersionRow.id, String))
        .where(
            BaselineVersionRow.id == version_id,
            AuditRow.target == str(version_id),
            AuditRow.action.in_(versions.ACTIONS),
        )
    )
    return session.scalars(query.order_by(AuditRow.id)).all()


def count_quarantined(session: Session, workload_id: int) -> int:
    """Return how many windows of a workload are held out of learning."""
    query = select(func.count()).select_from(ScoreRow)
    return session.scalar(query.where(ScoreRow.workload_id == workload_id, ScoreRow.quarantined)) or 0


def list_strange(session: Session, workload_id: int) -> list[Strange]:
    """Return the newest windows with an anomaly of a workload, whether they were held out or not."""
    rows = session.execute(
        select(ScoreRow.start, ScoreRow.quarantined)
        .join(FindingRow, FindingRow.score_id == ScoreRow.id)
        .where(FindingRow.workload_id == workload_id, FindingRow.kind == AlertKind.ANOMALY.value)
        .order_by(FindingRow.id.desc())
        .limit(_MOST_STRANGE)
    )
    return [Strange(start, held) for start, held in rows]


def sum_losses(session: Session, workload_id: int) -> Losses:
    """Return what was lost of the newest windows of a workload."""
    newest = (
        select(ScoreRow.calls, ScoreRow.lost)
        .where(ScoreRow.workload_id == workload_id)
        .order_by(ScoreRow.id.desc())
        .limit(NEWEST)
        .subquery()
    )
    lost = sum(
        (func.coalesce(newest.c.lost[cause].as_integer(), 0) for cause in _CAUSES[1:]),
        start=func.coalesce(newest.c.lost[_CAUSES[0]].as_integer(), 0),
    )
    row = session.execute(select(func.count(), func.sum(newest.c.calls), func.sum(lost))).one()
    return Losses(row[0], row[1] or 0, row[2] or 0)


def list_promotable(session: Session, after: int, limit: int) -> Sequence[int]:
    """Return the live versions beyond an id that are `ready` and whose completeness has converged."""
    query = (
        select(BaselineVersionRow.id)
        .join(BaselineRow, BaselineRow.version_id == BaselineVersionRow.id)
        .where(
            BaselineVersionRow.state == BaselineState.READY.value,
            BaselineRow.completeness == "converged",
            BaselineVersionRow.id > after,
        )
    )
    return session.scalars(query.order_by(BaselineVersionRow.id).limit(limit)).all()
