"""`/v1/alerts`."""

import json
from typing import Annotated, Final

from fastapi import APIRouter, Header, Path, Query, Response

from api.alerts import service, statistics, triage
from api.alerts.schemas import AlertDetailOut, AlertFilter, AlertFormat, AlertOut, AlertQuery, FalcoPage
from api.alerts.statistics import CountQuery, CountsOut, SeriesOut, SeriesQuery
from api.alerts.triage_schemas import BulkIn, BulkOut, ChangeOut, ChangeQuery, TriageIn
from api.auth import ReaderDep, TriageDep
from api.core import CoreDep
from api.errors import InvalidError, NotFoundError, NotPossibleError, StaleError
from api.paging import NoQuery, Page, PagerDep
from api.problems import responses

LINES: Final = "application/x-ndjson"

AlertId = Annotated[int, Path(ge=1, lt=1 << 63)]

router = APIRouter(prefix="/v1/alerts", tags=["alerts"])


@router.get("", responses=responses(), response_model=Page[AlertOut] | FalcoPage)
def list_alerts(
    core: CoreDep,
    _principal: ReaderDep,
    query: Annotated[AlertQuery, Query()],
    pager: PagerDep,
    accept: Annotated[str, Header(description=f"`{LINES}`: format `falco`, one object a line.")] = "*/*",
) -> Page[AlertOut] | FalcoPage | Response:
    """List alerts in the order in which they were opened; an open one keeps its place as findings join."""
    as_lines = LINES in accept.lower()
    if query.format is AlertFormat.NONSELF and not as_lines:
        with core.store.read() as session:
            items = service.list_page(session, query)
        return pager.page(query, items)
    with core.store.read() as session:
        alerts, after = service.list_falco(session, query)
    cursor = pager.link(after)
    if as_lines:
        lines = "".join(json.dumps(each, sort_keys=True) + "\n" for each in alerts)
        return Response(lines, media_type=LINES, headers={"Link": pager.header})
    return FalcoPage(items=alerts, next_cursor=cursor)


@router.get("/changes", responses=responses())
def list_alert_changes(
    core: CoreDep, _principal: ReaderDep, query: Annotated[ChangeQuery, Query()], pager: PagerDep
) -> Page[ChangeOut]:
    """List what happened to alerts, in the order in which it did: opened, grown, handled by people."""
    with core.store.read() as session:
        items = triage.list_changes(session, query)
    return pager.page(query, items)


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


@router.post("/triage", responses=responses(InvalidError))
def triage_alerts(
    core: CoreDep, principal: TriageDep, query: Annotated[AlertFilter, Query()], wish: BulkIn
) -> BulkOut:
    """Do one step with all alerts that the query names, at most 10,000, or tell which they are; audited."""
    with core.store.write() as session:
        return triage.step_with_many(session, query, wish, actor=principal.name, now_ms=core.clock.now_ms())


@router.post("/{alert_id}/triage", responses=responses(NotFoundError, NotPossibleError, StaleError))
def triage_alert(
    core: CoreDep,
    principal: TriageDep,
    alert_id: AlertId,
    wish: TriageIn,
    *,
    _query: Annotated[NoQuery, Query()],
    response: Response,
    if_match: Annotated[str | None, Header(description="The `ETag` of the alert as it was read.")] = None,
) -> AlertOut:
    """Acknowledge, assign, comment, close or reopen an alert; audited."""
    with core.store.write() as session:
        alert = triage.step(
            session,
            alert_id,
            wish,
            if_match=if_match,
            actor=principal.name,
            now_ms=core.clock.now_ms(),
        )
        response.headers["ETag"] = triage.etag(alert.revision)
        return service.shown(session, [alert_id])[0]


@router.get("/{alert_id}", responses=responses(NotFoundError))
def get_alert(
    core: CoreDep,
    _principal: ReaderDep,
    alert_id: AlertId,
    _query: Annotated[NoQuery, Query()],
    response: Response,
) -> AlertDetailOut:
    """Show one alert with its newest 1,000 windows, their containers and n-grams, or with its matches."""
    with core.store.read() as session:
        found = service.get(session, alert_id, core.settings.window_s)
    response.headers["ETag"] = triage.etag(found.revision)
    return found
