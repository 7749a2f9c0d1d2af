"""`/v1/workloads/{id}/seccomp`."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.auth import ReaderDep
from api.core import CoreDep
from api.errors import InvalidError, NotFoundError, NotPossibleError
from api.problems import responses
from api.seccomp import service
from api.seccomp.schemas import SeccompOut, SeccompQuery

router = APIRouter(prefix="/v1/workloads", tags=["workloads"])


@router.get("/{workload_id}/seccomp", responses=responses(NotFoundError, NotPossibleError, InvalidError))
def get_seccomp(
    core: CoreDep,
    _principal: ReaderDep,
    workload_id: Annotated[int, Path(ge=1, lt=1 << 63)],
    query: Annotated[SeccompQuery, Query()],
) -> SeccompOut:
    """Give what was learned as a seccomp profile that refuses everything else.

    Refused where the baseline has seen too little, unless `incomplete` is true; `warnings` say what it lacks.
    """
    with core.store.read() as session:
        return service.export(session, workload_id, query)
