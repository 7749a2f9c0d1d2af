"""`/v1/audit`."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.audit_log import repository
from api.audit_log.schemas import AuditOut, AuditQuery
from api.auth import WHOLE, ReaderDep
from api.clock import to_datetime
from api.core import CoreDep
from api.paging import Page, PagerDep
from api.problems import responses

router = APIRouter(prefix="/v1/audit", dependencies=[WHOLE], tags=["audit"])


@router.get("", responses=responses())
def list_audit(
    core: CoreDep, _principal: ReaderDep, query: Annotated[AuditQuery, Query()], pager: PagerDep
) -> Page[AuditOut]:
    """List who changed what, oldest first; entries are never changed and never deleted."""
    with core.store.read() as session:
        rows = repository.list_page(
            session, query.slice(), actor=query.actor, action=query.action, target=query.target
        )
    items = [
        AuditOut(
            id=row.id,
            at=to_datetime(row.created_at),
            actor=row.actor,
            action=row.action,
            target=row.target,
            detail=row.detail,
        )
        for row in rows
    ]
    return pager.page(query, items)
