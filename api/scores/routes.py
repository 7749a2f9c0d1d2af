"""`/v1/scores`."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.auth import AdminDep, ReaderDep
from api.core import CoreDep
from api.errors import NotFoundError, NotPossibleError
from api.paging import NoQuery, Page, PagerDep
from api.problems import responses
from api.scores import learning, service
from api.scores.learning import LearningStep
from api.scores.schemas import LearningIn, ScoreOut, ScoreQuery

router = APIRouter(prefix="/v1/scores", tags=["scores"])
ScoreId = Annotated[int, Path(ge=1, lt=1 << 63)]


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


@router.get("/{score_id}", responses=responses(NotFoundError))
def get_score(
    core: CoreDep, _principal: ReaderDep, score_id: ScoreId, _query: Annotated[NoQuery, Query()]
) -> ScoreOut:
    """Show one score with the n-grams that carried it."""
    with core.store.read() as session:
        return service.get(session, score_id)


@router.post("/{score_id}/{step}", responses=responses(NotFoundError, NotPossibleError))
def change_learning(
    core: CoreDep,
    principal: AdminDep,
    score_id: ScoreId,
    step: LearningStep,
    wish: LearningIn,
    _query: Annotated[NoQuery, Query()],
) -> ScoreOut:
    """Unlearn a learned window or relearn it, release a held one or drop it; audited.

    `unlearn` leaves the counts that a baseline has which never saw the window, and `relearn` undoes it.
    `release` learns a window that was held out, `drop` ends its quarantine without learning it.
    Each works while the counts of the window are kept (`learned_kept_hours`).
    """
    with core.store.write() as session:
        row = learning.take(
            session, score_id, step, reason=wish.reason, actor=principal.name, now_ms=core.clock.now_ms()
        )
        core.forget_baseline(row.workload_id)
        return service.get(session, score_id)
