"""`/v1/scores`."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.auth import ReaderDep
from api.core import CoreDep
from api.paging import Page, paginate
from api.problems import responses
from api.scores import service
from api.scores.schemas import ScoreOut, ScoreQuery

router = APIRouter(prefix="/v1/scores", tags=["scores"])


@router.get("", responses=responses())
def list_scores(
    core: CoreDep,
    _principal: ReaderDep,
    query: Annotated[ScoreQuery, Query()],
    request: Request,
    response: Response,
) -> Page[ScoreOut]:
    """List scores in the order in which they were made."""
    with core.store.read() as session:
        items = service.list_page(session, query)
    return paginate(request, response, query, [item.id for item in items], items)
