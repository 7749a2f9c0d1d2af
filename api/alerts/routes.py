"""`/v1/alerts`."""

import json
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Path, Query, Response
from fastapi.responses import JSONResponse
from sqlalchemy.orm import Session

from api.alerts import service, statistics, triage
from api.alerts.schemas import (
    AlertDetailOut,
    AlertFilter,
    AlertFormat,
    AlertOut,
    AlertQuery,
    ShapedPage,
    ShapeQuery,
)
from api.alerts.statistics_schemas import CountQuery, CountsOut, SeriesOut, SeriesQuery
from api.alerts.triage_schemas import BulkOut, ChangeOut, ChangeQuery, TriageIn, TriageOut
from api.auth import ReaderDep, TriageDep, demand
from api.core import Core, CoreDep
from api.errors import CursorError, InvalidError, NotFoundError, NotPossibleError, StaleError
from api.paging import NoQuery, Page, PagerDep
from api.problems import responses
from api.tokens.service import Principal, Role

LINES: Final = "application/x-ndjson"

AlertId = Annotated[int, Path(ge=1, lt=1 << 63)]

router = APIRouter(prefix="/v1/alerts", tags=["alerts"])


_TEXTS: Final[dict[str, Any]] = {"text/plain": {}, LINES: {}}
"""What the list is given in beside JSON."""


@router.get(
    "",
    responses=responses() | {200: {"description": "Alerts.", "content": _TEXTS}},
    response_model=Page[AlertOut] | ShapedPage,
)
def list_alerts(
    core: CoreDep,
    _principal: ReaderDep,
    query: Annotated[AlertQuery, Query()],
    pager: PagerDep,
    accept: Annotated[
        str, Header(description=f"`{LINES}`: one object a line; of format `falco` where none is named.")
    ] = "*/*",
) -> Page[AlertOut] | ShapedPage | Response:
    """List alerts in the order in which they were opened; an open one keeps its place as findings join."""
    as_lines = LINES in accept.lower()
    if query.format is AlertFormat.NONSELF and not as_lines:
        with core.store.read() as session:
            items = service.list_page(session, query)
        return pager.page(query, items)
    with core.store.read() as session:
        shaped, after = service.list_shaped(session, query, default=AlertFormat.FALCO if as_lines else None)
    cursor = pager.link(after)
    if query.format is AlertFormat.CEF:
        return Response(_lines(shaped), media_type="text/plain", headers={"Link": pager.header})
    if as_lines:
        lines = _lines(json.dumps(each, sort_keys=True) for each in shaped)
        return Response(lines, media_type=LINES, headers={"Link": pager.header})
    more = len(shaped) >= query.limit
    return ShapedPage.model_validate({"items": shaped, "next_cursor": cursor, "more": more})


def _lines(texts: Iterable[object]) -> str:
    return "".join(f"{each}\n" for each in texts)


@router.get("/changes", responses=responses(CursorError))
def list_alert_changes(
    core: CoreDep, _principal: ReaderDep, query: Annotated[ChangeQuery, Query()], pager: PagerDep
) -> Page[ChangeOut]:
    """List what happened to alerts, in the order in which it did: opened, grown, handled by people.

    It goes back as far as it is complete; with `alert`, it has all that is kept of that one.
    """
    with core.store.read() as session:
        items, after = triage.list_changes(session, query)
    return pager.page(query, items, after=after)


@router.get("/counts", responses=responses())
def count_alerts(core: CoreDep, _principal: ReaderDep, query: Annotated[CountQuery, Query()]) -> CountsOut:
    """Count alerts by one of their properties."""
    with core.store.read() as session:
        return statistics.counts(session, query)


@router.get("/series", responses=responses(InvalidError))
def count_alerts_over_time(
    core: CoreDep, _principal: ReaderDep, query: Annotated[SeriesQuery, Query()]
) -> SeriesOut:
    """Count the alerts that were opened in each minute, hour or day."""
    with core.store.read() as session:
        return statistics.series(session, query)


@router.post("/triage", responses=responses(InvalidError, NotPossibleError))
def triage_alerts(
    core: CoreDep, principal: TriageDep, query: Annotated[AlertFilter, Query()], wish: TriageIn
) -> BulkOut:
    """Do one step with all alerts that the query names, at most 10,000, or tell which they are; audited.

    With `suppress`, what is closed as benign is silenced in the same step, by one suppression for each cause.
    """
    with _opened(core, principal, wish) as session:
        return triage.step_with_many(session, query, wish, actor=principal.name, now_ms=core.clock.now_ms())


@router.post("/{alert_id:int}/triage", responses=responses(NotFoundError, NotPossibleError, StaleError))
def triage_alert(
    core: CoreDep,
    principal: TriageDep,
    alert_id: AlertId,
    wish: TriageIn,
    *,
    _query: Annotated[NoQuery, Query()],
    response: Response,
    if_match: Annotated[str | None, Header(description="The `ETag` of the alert as it was read.")] = None,
) -> TriageOut:
    """Acknowledge, assign, comment, close or reopen an alert; audited.

    With `suppress`, closing it as benign also silences its like, in one step; a dry run previews that.
    """
    with _opened(core, principal, wish) as session:
        done = triage.step(
            session,
            alert_id,
            wish,
            if_match=if_match,
            actor=principal.name,
            now_ms=core.clock.now_ms(),
        )
    response.headers["ETag"] = triage.etag(done.revision)
    return done


def _opened(core: Core, principal: Principal, wish: TriageIn) -> AbstractContextManager[Session]:
    if wish.dry_run:
        return core.store.read()
    if wish.suppress is not None:
        demand(core, principal, Role.ADMIN)
    return core.store.write()


@router.get(
    "/{alert_id:int}",
    responses=responses(NotFoundError, NotPossibleError)
    | {200: {"description": "The alert.", "content": {"text/plain": {"schema": {"type": "string"}}}}},
    response_model=AlertDetailOut | dict[str, Any],
)
def get_alert(
    core: CoreDep,
    _principal: ReaderDep,
    alert_id: AlertId,
    query: Annotated[ShapeQuery, Query()],
    response: Response,
) -> AlertDetailOut | Response:
    """Show one alert with its newest 1,000 windows, their containers and n-grams, or with its matches.

    In the shape of another product it is what the list gives of it, as one object or, of `cef`, one line.
    """
    with core.store.read() as session:
        if query.format is not AlertFormat.NONSELF:
            shaped = service.get_shaped(session, alert_id, query.format)
            headers = {"ETag": triage.etag(service.shown(session, [alert_id])[0].revision)}
            if query.format is AlertFormat.CEF:
                return Response(f"{shaped}\n", media_type="text/plain", headers=headers)
            return JSONResponse(shaped, headers=headers)
        found = service.get(session, alert_id, core.settings.window_s)
    response.headers["ETag"] = triage.etag(found.revision)
    return found
