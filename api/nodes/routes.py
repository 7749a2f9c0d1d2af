"""`/v1/nodes`."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.auth import WHOLE, ReaderDep
from api.core import CoreDep
from api.nodes import service
from api.nodes.schemas import NodeOut
from api.paging import Page, PageQuery, PagerDep
from api.problems import responses

router = APIRouter(prefix="/v1/nodes", dependencies=[WHOLE], tags=["nodes"])


@router.get("", responses=responses())
def list_nodes(
    core: CoreDep,
    _principal: ReaderDep,
    query: Annotated[PageQuery, Query()],
    pager: PagerDep,
) -> Page[NodeOut]:
    """List agents with their lag and losses, in the order in which they first reported."""
    with core.store.read() as session:
        items = service.list_page(session, query, core.clock.now_ms(), core.settings.window_s)
    return pager.page(query, items)
