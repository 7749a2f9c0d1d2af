"""`/v1/workloads`."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.auth import AdminDep, ReaderDep
from api.core import CoreDep
from api.errors import BudgetError, NotFoundError
from api.paging import NoQuery, Page, PageQuery, PagerDep
from api.problems import responses
from api.workloads import service
from api.workloads.drift import DriftPeriodOut
from api.workloads.schemas import BaselineOut, BudgetIn, ModeIn, WorkloadOut, WorkloadQuery

router = APIRouter(prefix="/v1/workloads", tags=["workloads"])
WorkloadId = Annotated[int, Path(ge=1, lt=1 << 63)]


@router.get("", responses=responses())
def list_workloads(
    core: CoreDep,
    _principal: ReaderDep,
    query: Annotated[WorkloadQuery, Query()],
    pager: PagerDep,
) -> Page[WorkloadOut]:
    """List workloads in the order in which they were first seen."""
    with core.store.read() as session:
        items = service.list_page(session, query, core.settings)
    return pager.page(query, items)


@router.get("/{workload_id}", responses=responses(NotFoundError))
def get_workload(
    core: CoreDep, _principal: ReaderDep, workload_id: WorkloadId, _query: Annotated[NoQuery, Query()]
) -> WorkloadOut:
    """Show one workload."""
    with core.store.read() as session:
        return service.get(session, workload_id, core.settings)


@router.put("/{workload_id}/mode", responses=responses(NotFoundError))
def set_mode(
    core: CoreDep,
    principal: AdminDep,
    workload_id: WorkloadId,
    wish: ModeIn,
    _query: Annotated[NoQuery, Query()],
) -> WorkloadOut:
    """Switch between `learning` and `enforcement-alert`; the change is audited.

    Enforcement freezes the baseline; one that is still `learning` keeps learning until it is ready.
    """
    with core.store.write() as session:
        return service.set_mode(
            session,
            workload_id,
            core.settings,
            mode=wish.mode,
            reason=wish.reason,
            actor=principal.name,
            now_ms=core.clock.now_ms(),
        )


@router.put("/{workload_id}/budget", responses=responses(NotFoundError, BudgetError))
def set_budget(
    core: CoreDep,
    principal: AdminDep,
    workload_id: WorkloadId,
    wish: BudgetIn,
    _query: Annotated[NoQuery, Query()],
) -> WorkloadOut:
    """Set how many false anomaly alerts a week are accepted; the change is audited.

    A budget finer than the remembered windows support is refused, with the time from which it will not be.
    """
    with core.store.write() as session:
        return service.set_budget(
            session,
            workload_id,
            core.settings,
            per_week=wish.budget_per_week,
            reason=wish.reason,
            actor=principal.name,
            now_ms=core.clock.now_ms(),
        )


@router.get("/{workload_id}/baseline", responses=responses(NotFoundError))
def get_learned(
    core: CoreDep, _principal: ReaderDep, workload_id: WorkloadId, _query: Annotated[NoQuery, Query()]
) -> BaselineOut:
    """Show what a workload's normal behaviour was learned to be, and how sure that is."""
    with core.store.read() as session:
        return service.get_baseline(session, workload_id, core.settings, now_ms=core.clock.now_ms())


@router.get("/{workload_id}/drift", responses=responses(NotFoundError))
def list_drifts(
    core: CoreDep,
    _principal: ReaderDep,
    workload_id: WorkloadId,
    query: Annotated[PageQuery, Query()],
    pager: PagerDep,
) -> Page[DriftPeriodOut]:
    """List the times in which a workload was stranger than remembered, and of which kind that was."""
    with core.store.read() as session:
        items = service.list_drifts(session, workload_id, query)
    return pager.page(query, items)
