"""`/v1/enrol`."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.auth import EnrolDep, IngestDep
from api.clock import to_datetime
from api.core import CoreDep
from api.db.access_tables import TokenRow
from api.enrolment import service
from api.enrolment.schemas import EnrolIn, NodeTokenOut
from api.errors import NotPossibleError
from api.paging import NoQuery
from api.problems import responses

router = APIRouter(prefix="/v1/enrol", tags=["enrolment"])


@router.post("", responses=responses(NotPossibleError), status_code=201)
def enrol_node(
    core: CoreDep, principal: EnrolDep, wish: EnrolIn, _query: Annotated[NoQuery, Query()]
) -> NodeTokenOut:
    """Exchange a one-time token, made with `nonself enrol`, for the token of a node; audited.

    It is used up by that. A node that has a token already gets another only for
    a one-time token that names it, and the one it had ends.
    """
    with core.store.write() as session:
        row, secret = service.enrol(session, principal, wish.node, core.clock.now_ms())
    return _show(row, secret)


@router.post("/rotate", responses=responses(NotPossibleError))
def rotate_node_token(
    core: CoreDep, principal: IngestDep, _query: Annotated[NoQuery, Query()]
) -> NodeTokenOut:
    """Give the token of a node another secret; the one it came with is good for ten minutes more. Audited."""
    with core.store.write() as session:
        row, secret = service.rotate(session, principal, core.clock.now_ms())
    return _show(row, secret)


def _show(row: TokenRow, secret: str) -> NodeTokenOut:
    until = to_datetime(row.previous_until) if row.previous_until is not None else None
    return NodeTokenOut(name=row.name, node=row.node or "", token=secret, previous_until=until)
