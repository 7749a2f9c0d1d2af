"""`/v1/suppressions`."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.auth import AdminDep, ReaderDep
from api.core import CoreDep
from api.errors import InvalidError, NotFoundError, NotPossibleError
from api.paging import NoQuery, Page, PagerDep
from api.problems import responses
from api.suppressions import service
from api.suppressions.schemas import (
    EndSuppressionIn,
    PreviewOut,
    ScopeIn,
    SuppressionIn,
    SuppressionOut,
    SuppressionQuery,
)

router = APIRouter(prefix="/v1/suppressions", tags=["suppressions"])
SuppressionId = Annotated[int, Path(ge=1, lt=1 << 63)]
_REFUSALS = responses(NotFoundError, NotPossibleError, InvalidError)


@router.get("", responses=responses())
def list_suppressions(
    core: CoreDep,
    _principal: ReaderDep,
    query: Annotated[SuppressionQuery, Query()],
    pager: PagerDep,
) -> Page[SuppressionOut]:
    """List suppressions in the order in which they were made, those that ended too."""
    with core.store.read() as session:
        items = service.list_page(session, query, core.clock.now_ms())
    return pager.page(query, items)


@router.post("", responses=_REFUSALS, status_code=201)
def create_suppression(
    core: CoreDep, principal: AdminDep, wish: SuppressionIn, _query: Annotated[NoQuery, Query()]
) -> SuppressionOut:
    """Let findings raise no alert for a time; audited. Made from an alert, that one is marked as benign.

    Findings are stored and counted as before. Ask for a preview first.
    """
    with core.store.write() as session:
        return service.create(session, wish, actor=principal.name, now_ms=core.clock.now_ms())


@router.post("/preview", responses=_REFUSALS)
def preview_suppression(
    core: CoreDep, _principal: ReaderDep, wish: ScopeIn, _query: Annotated[NoQuery, Query()]
) -> PreviewOut:
    """Tell what else a suppression would have silenced, of what the store keeps; nothing is changed."""
    with core.store.read() as session:
        return service.preview(session, wish)


@router.get("/{suppression_id:int}", responses=responses(NotFoundError))
def get_suppression(
    core: CoreDep, _principal: ReaderDep, suppression_id: SuppressionId, _query: Annotated[NoQuery, Query()]
) -> SuppressionOut:
    """Show one suppression."""
    with core.store.read() as session:
        return service.get(session, suppression_id, core.clock.now_ms())


@router.post("/{suppression_id:int}/end", responses=responses(NotFoundError, NotPossibleError))
def end_suppression(
    core: CoreDep,
    principal: AdminDep,
    suppression_id: SuppressionId,
    wish: EndSuppressionIn,
    _query: Annotated[NoQuery, Query()],
) -> SuppressionOut:
    """End a suppression before its time; audited. Findings from now on raise alerts again."""
    with core.store.write() as session:
        return service.end(
            session, suppression_id, reason=wish.reason, actor=principal.name, now_ms=core.clock.now_ms()
        )
