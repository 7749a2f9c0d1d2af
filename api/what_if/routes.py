"""`/v1/workloads/{id}/what-if`, and the baseline with which recordings are judged elsewhere."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.auth import ReaderDep
from api.core import CoreDep
from api.errors import NotFoundError, NotPossibleError
from api.paging import NoQuery
from api.problems import responses
from api.what_if import carried, service
from api.what_if.carried import CarriedOut
from api.what_if.schemas import WhatIfIn, WhatIfOut

router = APIRouter(prefix="/v1/workloads", tags=["what-if"])
WorkloadId = Annotated[int, Path(ge=1, lt=1 << 63)]


@router.post("/{workload_id}/what-if", responses=responses(NotFoundError))
def try_budget(
    core: CoreDep,
    _principal: ReaderDep,
    workload_id: WorkloadId,
    wish: WhatIfIn,
    _query: Annotated[NoQuery, Query()],
) -> WhatIfOut:
    """Tell which alerts a budget would have raised of stored windows; changes nothing."""
    with core.store.read() as session:
        return service.run(session, workload_id, wish, core.settings, now_ms=core.clock.now_ms())


@router.get("/{workload_id}/baseline/snapshot", responses=responses(NotFoundError, NotPossibleError))
def get_snapshot(
    core: CoreDep, _principal: ReaderDep, workload_id: WorkloadId, _query: Annotated[NoQuery, Query()]
) -> CarriedOut:
    """Give what was learned as it is stored, for `nonself workload what-if --recording`."""
    with core.store.read() as session:
        return carried.read(session, workload_id, core.settings)
