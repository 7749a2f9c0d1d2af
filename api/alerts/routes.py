"""`/v1/alerts`."""

import json
from typing import Annotated, Final

from fastapi import APIRouter, Header, Path, Query, Response

from api.alerts import service
from api.alerts.schemas import AlertDetailOut, AlertFormat, AlertOut, AlertQuery, FalcoPage
from api.auth import ReaderDep
from api.core import CoreDep
from api.errors import NotFoundError
from api.paging import NoQuery, Page, PagerDep
from api.problems import responses

LINES: Final = "application/x-ndjson"

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


@router.get("/{alert_id}", responses=responses(NotFoundError))
def get_alert(
    core: CoreDep,
    _principal: ReaderDep,
    alert_id: Annotated[int, Path(ge=1, lt=1 << 63)],
    _query: Annotated[NoQuery, Query()],
) -> AlertDetailOut:
    """Show one alert with its newest 1,000 windows, their containers and n-grams, or with its matches."""
    with core.store.read() as session:
        return service.get(session, alert_id, core.settings.window_s)
