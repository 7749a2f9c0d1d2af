"""`/v1/scores`."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.auth import ReaderDep
from api.core import CoreDep
from api.paging import Page, PagerDep
from api.problems import responses
from api.scores import service
from api.scores.schemas import ScoreOut, ScoreQuery

router = APIRouter(prefix="/v1/scores", tags=["scores"])


@router.get("", responses=responses())
def list_scores(
    core: CoreDep,
    _principal: ReaderDep,
    query: Annotated[ScoreQuery, Query()],
    pager: PagerDep,
) -> Page[ScoreOut]:
    """List scores in the order in which they were made."""
    with core.store.read() as session:
        items = service.list_page(session, query)
    return pager.page(query, items)
