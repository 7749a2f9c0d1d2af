"""`/v1/baselines`."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from api.auth import WHOLE, AdminDep, ReaderDep
from api.baselines import bundle, content, diff, drafts, exchange, report_page, service
from api.baselines.gate import Gate
from api.baselines.report import ReportFormat, ReportQuery, build
from api.baselines.report_schemas import ReportOut
from api.baselines.schemas import (
    BaselineDiffOut,
    BaselineHistoryOut,
    ImportQuery,
    RelearnedOut,
    RelearnIn,
    ReleasedOut,
    ReleaseIn,
    RollbackIn,
    TransitionIn,
    UnlearnedOut,
    UnlearnIn,
    VersionDetailOut,
    VersionOut,
    VersionQuery,
)
from api.core import CoreDep
from api.errors import BundleError, NotFoundError, NotPossibleError, OversizedError
from api.ingest.body import describe, read_limited
from api.keys import own
from api.paging import NoQuery, Page, PagerDep
from api.problems import responses
from api.vocabulary import BaselineState

router = APIRouter(prefix="/v1/baselines", tags=["baselines"])
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
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


async def _read_bundle(request: Request, _principal: AdminDep) -> bytes:
    """Return the body; stop reading at the limit."""
    return await read_limited(request, bundle.MAX_BYTES)


@router.post(
    "/import",
    dependencies=[WHOLE],
    responses=responses(BundleError, NotPossibleError, OversizedError),
    openapi_extra=describe(bundle.MEDIA_TYPE, "A bundle, as `GET /v1/baselines/{id}/bundle` gives it."),
)
def import_baseline(
    core: CoreDep,
    principal: AdminDep,
    body: Annotated[bytes, Depends(_read_bundle)],
    query: Annotated[ImportQuery, Query()],
) -> VersionOut:
    """Take a signed bundle of a trusted key as a new version, `ready` and at rest, or `active` at once.

    All of it or nothing. The cluster is that of this service; audited.
    """
    wish = exchange.Wish(**query.model_dump())
    with core.store.write() as session:
        taken = exchange.take(
            session, body, core.settings, wish, actor=principal.name, now_ms=core.clock.now_ms()
        )
        core.forget_baseline(taken.workload.id)
    return taken


@router.get("/{version_id:int}", responses=responses(NotFoundError))
def get_baseline(
    core: CoreDep, _principal: ReaderDep, version_id: VersionId, _query: Annotated[NoQuery, Query()]
) -> VersionDetailOut:
    """Show one version, and the file it was imported from."""
    with core.store.read() as session:
        return service.get_detail(session, version_id)


@router.get("/{version_id:int}/history", responses=responses(NotFoundError))
def get_baseline_history(
    core: CoreDep, _principal: ReaderDep, version_id: VersionId, _query: Annotated[NoQuery, Query()]
) -> BaselineHistoryOut:
    """Show how a version came into its state: when, by whom, and why."""
    with core.store.read() as session:
        return service.get_history(session, version_id)


@router.get(
    "/{version_id:int}/report",
    responses=responses(NotFoundError, NotPossibleError) | {200: {"content": {"text/html": {}}}},
    response_model=ReportOut,
)
def get_baseline_report(
    core: CoreDep, _principal: ReaderDep, version_id: VersionId, query: Annotated[ReportQuery, Query()]
) -> ReportOut | Response:
    """Tell by evidence whether a version is good enough to be promoted, and what it has not seen."""
    with core.store.read() as session:
        view = content.find(session, version_id)
        report = build(session, view, core.settings, query.gate(), now_ms=core.clock.now_ms())
    if query.format is ReportFormat.HTML:
        return Response(
            report_page.render(report), media_type="text/html", headers={"Content-Security-Policy": _POLICY}
        )
    return report


@router.get("/{version_id:int}/diff", responses=responses(NotFoundError, NotPossibleError))
def compare_baselines(
    core: CoreDep, _principal: ReaderDep, version_id: VersionId, query: Annotated[diff.DiffQuery, Query()]
) -> BaselineDiffOut:
    """Show what a version has learned that an earlier one had not, and the reverse."""
    with core.store.read() as session:
        return diff.compare(session, query.with_, version_id)


@router.get(
    "/{version_id:int}/bundle",
    responses=responses(NotFoundError, NotPossibleError)
    | {200: {"content": {bundle.MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}}},
    response_class=Response,
)
def export_baseline(
    core: CoreDep, principal: AdminDep, version_id: VersionId, _query: Annotated[NoQuery, Query()]
) -> Response:
    """Export a version as one file, signed with this service's key (docs/lifecycle.md); audited."""
    key = own.load_or_make(core.settings.state_dir)
    with core.store.write() as session:
        made = exchange.export(
            session,
            version_id,
            key,
            core.settings,
            actor=principal.name,
            now_ms=core.clock.now_ms(),
        )
    return Response(made, media_type=bundle.MEDIA_TYPE)


@router.post("/{version_id:int}/transitions", responses=responses(NotFoundError, NotPossibleError))
def move_baseline(
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


@router.post("/{version_id:int}/rollback", responses=responses(NotFoundError, NotPossibleError))
def roll_back_baseline(
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


@router.post("/{version_id:int}/unlearn", responses=responses(NotFoundError, NotPossibleError))
def unlearn_windows(
    core: CoreDep,
    principal: AdminDep,
    version_id: VersionId,
    wish: UnlearnIn,
    _query: Annotated[NoQuery, Query()],
) -> UnlearnedOut:
    """Take back what the live version learned within a time, of all replicas or one; audited.

    All of it or nothing, while the counts of its windows are kept (`learned_kept_hours`).
    """
    with core.store.write() as session:
        done = service.unlearn(session, version_id, wish, actor=principal.name, now_ms=core.clock.now_ms())
        core.forget_baseline(done.baseline.workload.id)
    return done


@router.post("/{version_id:int}/relearn", responses=responses(NotFoundError, NotPossibleError))
def relearn_baseline(
    core: CoreDep,
    principal: AdminDep,
    version_id: VersionId,
    wish: RelearnIn,
    _query: Annotated[NoQuery, Query()],
) -> RelearnedOut:
    """Learn the workload of the live version anew, from its learned windows since a time; audited.

    What was learned becomes a version of its own, which takes the place of the live one; a rollback
    returns to that. Windows whose counts are no longer kept (`learned_kept_hours`) are missing, and
    counted; `dry_run` says so beforehand, with what would change.
    """
    # Windows are learned outside of the write transaction: ingest and worker go on meanwhile.
    with core.store.read() as session:
        draft = drafts.draw_up(session, version_id, wish)
        if wish.dry_run:
            return drafts.preview(session, draft)
    with core.store.write() as session:
        done = drafts.carry_out(
            session, draft, reason=wish.reason, actor=principal.name, now_ms=core.clock.now_ms()
        )
        core.forget_baseline(done.baseline.workload.id)
    return done


@router.post("/{version_id:int}/release", responses=responses(NotFoundError, NotPossibleError))
def release_windows(
    core: CoreDep,
    principal: AdminDep,
    version_id: VersionId,
    wish: ReleaseIn,
    _query: Annotated[NoQuery, Query()],
) -> ReleasedOut:
    """Learn what was held out of learning within a time, of every day or of one time of the day; audited.

    So a nightly job becomes known, which repetition alone never makes it (`rhythms` of the report).
    """
    with core.store.write() as session:
        done = service.release(session, version_id, wish, actor=principal.name, now_ms=core.clock.now_ms())
        core.forget_baseline(done.baseline.workload.id)
    return done
