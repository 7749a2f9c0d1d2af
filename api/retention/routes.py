"""`/v1/workloads/{id}/history` and `/v1/retention`."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.auth import WHOLE, ReaderDep
from api.core import CoreDep
from api.errors import NotFoundError
from api.paging import NoQuery
from api.problems import responses
from api.retention import service
from api.retention.schemas import HistoryQuery, RetentionOut, WorkloadHistoryOut

router = APIRouter(prefix="/v1", tags=["retention"])


@router.get("/workloads/{workload_id}/history", responses=responses(NotFoundError))
def get_workload_history(
    core: CoreDep,
    _principal: ReaderDep,
    workload_id: Annotated[int, Path(ge=1, lt=1 << 63)],
    query: Annotated[HistoryQuery, Query()],
) -> WorkloadHistoryOut:
    """Show sums over a workload's windows by the hour or day; they outlive the windows."""
    with core.store.read() as session:
        return service.get_history(session, workload_id, query)


@router.get("/retention", dependencies=[WHOLE], responses=responses())
def get_retention(core: CoreDep, _principal: ReaderDep, _query: Annotated[NoQuery, Query()]) -> RetentionOut:
    """Show what is kept how long, how large the database is, and what was dropped."""
    with core.store.read() as session:
        return service.get_retention(session, core.settings, now_ms=core.clock.now_ms())
