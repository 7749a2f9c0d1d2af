"""`/v1/troubles`."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.auth import WHOLE, ReaderDep
from api.core import CoreDep
from api.errors import CursorError
from api.paging import Page, PageQuery, PagerDep
from api.problems import responses
from api.troubles import service
from api.troubles.schemas import TroubleChangeOut, TroubleOut, TroubleQuery

router = APIRouter(prefix="/v1/troubles", dependencies=[WHOLE], tags=["troubles"])


@router.get("", responses=responses())
def list_troubles(
    core: CoreDep, _principal: ReaderDep, query: Annotated[TroubleQuery, Query()], pager: PagerDep
) -> Page[TroubleOut]:
    """List what is or was wrong with nonself itself, in the order in which it began."""
    with core.store.read() as session:
        items = service.list_page(session, query, core.settings.cluster)
    return pager.page(query, items)


@router.get("/changes", responses=responses(CursorError))
def list_trouble_changes(
    core: CoreDep, _principal: ReaderDep, query: Annotated[PageQuery, Query()], pager: PagerDep
) -> Page[TroubleChangeOut]:
    """List what began and what ended, for whoever tells others of it: no change falls behind a cursor."""
    with core.store.read() as session:
        items, after = service.list_changes(session, query, core.settings.cluster)
    return pager.page(query, items, after=after)
