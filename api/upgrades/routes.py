"""`/v1/upgrades`."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.auth import AdminDep, ReaderDep
from api.core import CoreDep
from api.errors import NotFoundError, NotPossibleError
from api.paging import NoQuery, Page, PagerDep
from api.problems import responses
from api.upgrades import service
from api.upgrades.schemas import DecisionIn, UpgradeDetailOut, UpgradeOut, UpgradeQuery

router = APIRouter(prefix="/v1/upgrades", tags=["upgrades"])
UpgradeId = Annotated[int, Path(ge=1, lt=1 << 63)]


@router.get("", responses=responses())
def list_upgrades(
    core: CoreDep, _principal: ReaderDep, query: Annotated[UpgradeQuery, Query()], pager: PagerDep
) -> Page[UpgradeOut]:
    """List changes of workloads to new images, in the order in which they began."""
    with core.store.read() as session:
        items = service.list_page(session, query)
    return pager.page(query, items)


@router.get("/{upgrade_id}", responses=responses(NotFoundError))
def get_upgrade(
    core: CoreDep, _principal: ReaderDep, upgrade_id: UpgradeId, _query: Annotated[NoQuery, Query()]
) -> UpgradeDetailOut:
    """Show what a new image does otherwise than its predecessor, and how much of it is known."""
    with core.store.read() as session:
        return service.get(session, upgrade_id)


@router.post("/{upgrade_id}/approve", responses=responses(NotFoundError, NotPossibleError))
def approve_upgrade(
    core: CoreDep,
    principal: AdminDep,
    upgrade_id: UpgradeId,
    wish: DecisionIn,
    _query: Annotated[NoQuery, Query()],
) -> UpgradeDetailOut:
    """Let the new image's version be the live one; audited. The earlier image keeps its own version."""
    with core.store.write() as session:
        done = service.approve(
            session, upgrade_id, reason=wish.reason, actor=principal.name, now_ms=core.clock.now_ms()
        )
        core.forget_baseline(done.workload.id)
    return done


@router.post("/{upgrade_id}/reject", responses=responses(NotFoundError, NotPossibleError))
def reject_upgrade(
    core: CoreDep,
    principal: AdminDep,
    upgrade_id: UpgradeId,
    wish: DecisionIn,
    _query: Annotated[NoQuery, Query()],
) -> UpgradeDetailOut:
    """Drop what the new image taught; audited. The live version judges it from now on, and raises alerts."""
    with core.store.write() as session:
        done = service.reject(
            session, upgrade_id, reason=wish.reason, actor=principal.name, now_ms=core.clock.now_ms()
        )
        core.forget_baseline(done.workload.id)
    return done
