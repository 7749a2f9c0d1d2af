"""Reads upgrades with what is shown beside them."""

from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.db.slices import Slice
from api.db.tables import ScoreRow, WorkloadRow
from api.db.upgrade_tables import UpgradeRow
from api.lifecycle import upgrades
from api.vocabulary import UpgradeState


class UpgradeView(NamedTuple):
    """An upgrade and its workload."""

    row: UpgradeRow
    workload: WorkloadRow


def list_page(
    session: Session, page: Slice, *, workload: int | None, state: UpgradeState | None, is_open: bool | None
) -> list[UpgradeView]:
    """Return one page of upgrades, in the order in which they began."""
    query = select(UpgradeRow, WorkloadRow).join(WorkloadRow, WorkloadRow.id == UpgradeRow.workload_id)
    if workload is not None:
        query = query.where(UpgradeRow.workload_id == workload)
    if state is not None:
        query = query.where(UpgradeRow.state == state.value)
    if is_open is not None:
        query = query.where(UpgradeRow.closed_at.is_(None) if is_open else UpgradeRow.closed_at.is_not(None))
    return [UpgradeView(*row) for row in session.execute(page.of(query, UpgradeRow.id, UpgradeRow.opened_at))]


def find(session: Session, upgrade_id: int) -> UpgradeView | None:
    """Return one upgrade."""
    query = select(UpgradeRow, WorkloadRow).join(WorkloadRow, WorkloadRow.id == UpgradeRow.workload_id)
    row = session.execute(query.where(UpgradeRow.id == upgrade_id)).one_or_none()
    return UpgradeView(*row) if row else None


def count_held(session: Session, upgrade: UpgradeRow) -> int:
    """Return how many windows are held out of an upgrade's version."""
    return session.scalar(select(func.count(ScoreRow.id)).where(*upgrades.held(upgrade))) or 0
