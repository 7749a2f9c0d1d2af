"""`/v1/alerts`."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.alerts import service
from api.alerts.schemas import AlertDetailOut, AlertOut, AlertQuery
from api.auth import ReaderDep
from api.core import CoreDep
from api.errors import NotFoundError
from api.paging import NoQuery, Page, PagerDep
from api.problems import responses

router = APIRouter(prefix="/v1/alerts", tags=["alerts"])


@router.get("", responses=responses())
def list_alerts(
    core: CoreDep,
    _principal: ReaderDep,
    query: Annotated[AlertQuery, Query()],
    pager: PagerDep,
) -> Page[AlertOut]:
    """List alerts in the order in which they were opened; an open one keeps its place as findings join."""
    with core.store.read() as session:
        items = service.list_page(session, query)
    return pager.page(query, items)


@router.get("/{alert_id}", responses=responses(NotFoundError))
def get_alert(
    core: CoreDep,
    _principal: ReaderDep,
    alert_id: Annotated[int, Path(ge=1, lt=1 << 63)],
    _query: Annotated[NoQuery, Query()],
) -> AlertDetailOut:
    """Show one alert with its newest 1,000 windows, their containers, and its n-grams of most bits."""
    with core.store.read() as session:
        return service.get(session, alert_id)
