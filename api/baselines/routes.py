"""`/v1/baselines`."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from api.auth import AdminDep, ReaderDep
from api.baselines import content, diff, report_page, service
from api.baselines.gate import Gate
from api.baselines.report import ReportFormat, ReportQuery, build
from api.baselines.report_schemas import ReportOut
from api.baselines.schemas import DiffOut, HistoryOut, RollbackIn, TransitionIn, VersionOut, VersionQuery
from api.core import CoreDep
from api.errors import NotFoundError, NotPossibleError
from api.paging import NoQuery, Page, PagerDep
from api.problems import responses
from api.vocabulary import BaselineState

router = APIRouter(prefix="/v1/baselines", tags=["baselines"])
VersionId = Annotated[int, Path(ge=1, lt=1 << 63)]


@router.get("", responses=responses())
def list_baselines(
    core: CoreDep,
    _principal: ReaderDep,
    query: Annotated[VersionQuery, Query()],
    pager: PagerDep,
) -> Page[VersionOut]:
    """List the versions of all baselines in the order in which they began."""
    with core.store.read() as session:
        items = service.list_page(session, query)
    return pager.page(query, items)


@router.get("/{version_id}", responses=responses(NotFoundError))
def get_baseline(
    core: CoreDep, _principal: ReaderDep, version_id: VersionId, _query: Annotated[NoQuery, Query()]
) -> VersionOut:
    """Show one version."""
    with core.store.read() as session:
        return service.get(session, version_id)


@router.get("/{version_id}/history", responses=responses(NotFoundError))
def get_history(
    core: CoreDep, _principal: ReaderDep, version_id: VersionId, _query: Annotated[NoQuery, Query()]
) -> HistoryOut:
    """Show how a version came into its state: when, by whom, and why."""
    with core.store.read() as session:
        return service.get_history(session, version_id)


@router.get(
    "/{version_id}/report", responses=responses(NotFoundError, NotPossibleError), response_model=ReportOut
)
def get_report(
    core: CoreDep, _principal: ReaderDep, version_id: VersionId, query: Annotated[ReportQuery, Query()]
) -> ReportOut | Response:
    """Tell by evidence whether a version is good enough to be promoted, and what it has not seen."""
    with core.store.read() as session:
        view = content.find(session, version_id)
        report = build(session, view, core.settings, query.gate(), now_ms=core.clock.now_ms())
    if query.format is ReportFormat.HTML:
        return Response(report_page.render(report), media_type="text/html")
    return report


@router.get("/{version_id}/diff", responses=responses(NotFoundError, NotPossibleError))
def get_diff(
    core: CoreDep, _principal: ReaderDep, version_id: VersionId, query: Annotated[diff.DiffQuery, Query()]
) -> DiffOut:
    """Show what a version has learned that an earlier one had not, and the reverse."""
    with core.store.read() as session:
        return diff.compare(session, query.with_, version_id)


@router.post("/{version_id}/transitions", responses=responses(NotFoundError, NotPossibleError))
def post_transition(
    core: CoreDep,
    principal: AdminDep,
    version_id: VersionId,
    wish: TransitionIn,
    _query: Annotated[NoQuery, Query()],
) -> VersionOut:
    """Promote a version, learn on from the active one, or retire one; audited."""
    with core.store.write() as session:
        moved = service.transit(
            session,
            version_id,
            BaselineState(wish.to),
            core.settings,
            actor=principal.name,
            reason=wish.reason,
            gate=Gate() if wish.gate else None,
            now_ms=core.clock.now_ms(),
        )
        core.forget_baseline(moved.workload.id)
    return moved


@router.post("/{version_id}/rollback", responses=responses(NotFoundError, NotPossibleError))
def post_rollback(
    core: CoreDep,
    principal: AdminDep,
    version_id: VersionId,
    wish: RollbackIn,
    _query: Annotated[NoQuery, Query()],
) -> VersionOut:
    """Make a stale version the active one again, in mode enforcement-alert; audited."""
    with core.store.write() as session:
        moved = service.roll_back(
            session, version_id, actor=principal.name, reason=wish.reason, now_ms=core.clock.now_ms()
        )
        core.forget_baseline(moved.workload.id)
    return moved
