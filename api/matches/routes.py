"""`/v1/matches`."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.auth import ReaderDep
from api.core import CoreDep
from api.matches import service
from api.matches.schemas import MatchOut, MatchQuery
from api.paging import Page, PagerDep
from api.problems import responses

router = APIRouter(prefix="/v1/matches", tags=["matches"])


@router.get("", responses=responses())
def list_matches(
    core: CoreDep,
    _principal: ReaderDep,
    query: Annotated[MatchQuery, Query()],
    pager: PagerDep,
) -> Page[MatchOut]:
    """List the matches of signature rules in the order in which they were raised."""
    with core.store.read() as session:
        items = service.list_page(session, query)
    return pager.page(query, items)
