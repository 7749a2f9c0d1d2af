"""`/v1/workloads/{id}/what-if`, `/v1/rules/what-if`, and the baseline to judge recordings with elsewhere."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.auth import WHOLE, ReaderDep
from api.core import CoreDep
from api.errors import NotFoundError, NotPossibleError, RulesError
from api.paging import NoQuery
from api.problems import responses
from api.what_if import carried, rules, service
from api.what_if.carried import CarriedOut
from api.what_if.rule_schemas import RulesWhatIfIn, RulesWhatIfOut
from api.what_if.schemas import WhatIfIn, WhatIfOut

router = APIRouter(prefix="/v1", tags=["what-if"])
WorkloadId = Annotated[int, Path(ge=1, lt=1 << 63)]


@router.post("/workloads/{workload_id}/what-if", responses=responses(NotFoundError))
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


@router.get(
    "/workloads/{workload_id}/baseline/snapshot", responses=responses(NotFoundError, NotPossibleError)
)
def get_snapshot(
    core: CoreDep, _principal: ReaderDep, workload_id: WorkloadId, _query: Annotated[NoQuery, Query()]
) -> CarriedOut:
    """Give what was learned as it is stored, for `nonself workload what-if --recording`."""
    with core.store.read() as session:
        return carried.read(session, workload_id, core.settings)


@router.post("/rules/what-if", dependencies=[WHOLE], responses=responses(NotFoundError, RulesError))
def try_rules(
    core: CoreDep, _principal: ReaderDep, wish: RulesWhatIfIn, _query: Annotated[NoQuery, Query()]
) -> RulesWhatIfOut:
    """Tell what other rules, or rules switched on or off, would raise of stored matches; changes nothing."""
    with core.store.read() as session:
        return rules.run(session, wish, core.settings, now_ms=core.clock.now_ms())
