"""Decides what a person's step does to alerts; each is audited and told to who follows alerts."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from api import changes, standing, streams
from api.alerts import filters, service, silencing
from api.alerts.schemas import AlertFilter
from api.alerts.triage_schemas import (
    BulkOut,
    ChangeOut,
    ChangeQuery,
    SilencingOut,
    TriageAction,
    TriageIn,
    TriageOut,
)
from api.audit import record
from api.clock import to_datetime
from api.db.alert_tables import AlertChangeRow, AlertRow
from api.db.tables import WorkloadRow
from api.errors import InvalidError, NotPossibleError, StaleError, existing
from api.streams import Stream
from api.vocabulary import AlertChange, Triage

_MOST: Final = 10_000
_SAMPLE: Final = 20
_CHANGES: Final = {
    TriageAction.ACKNOWLEDGE: AlertChange.ACKNOWLEDGED,
    TriageAction.ASSIGN: AlertChange.ASSIGNED,
    TriageAction.COMMENT: AlertChange.COMMENTED,
    TriageAction.CLOSE: AlertChange.CLOSED,
    TriageAction.REOPEN: AlertChange.REOPENED,
}


def step(
    session: Session, alert_id: int, wish: TriageIn, *, if_match: str | None, actor: str, now_ms: int
) -> TriageOut:
    """Do one step with one alert.

    Args:
        session: A writing transaction.
        alert_id: Of the alert.
        wish: The step.
        if_match: Header of that name: the revision that the person has seen; None: any.
        actor: Name of the token.
        now_ms: The time.

    Raises:
        NotFoundError: There is no such alert.
        StaleError: Somebody changed it since.
        NotPossibleError: It is closed already, or is not; or its like cannot be silenced so.
    """
    row = session.scalar(select(AlertRow).where(AlertRow.id == alert_id))
    alert = existing(row, f"alert {alert_id}")
    if if_match is not None and if_match.strip() not in ("*", etag(alert.revision)):
        now = etag(alert.revision)
        msg = f"If-Match: expected {now}, the alert as it is now; got {if_match}. Read it again."
        raise StaleError(msg)
    if not _applies(alert, wish):
        msg = f"Alert {alert_id} is {alert.triage} already; {wish.action.value} would change nothing."
        raise NotPossibleError(msg)
    if wish.dry_run:
        return _told(session, alert, wish, silencing.preview(session, [alert], wish))
    made = _do(session, [alert], wish, actor=actor, now_ms=now_ms)
    _audit(session, wish, str(alert_id), 1, actor=actor, now_ms=now_ms)
    session.flush()
    return _told(session, alert, wish, made)


def step_with_many(
    session: Session, query: AlertFilter, wish: TriageIn, *, actor: str, now_ms: int
) -> BulkOut:
    """Do one step with all alerts that a query names and that it applies to; or tell which they are.

    Raises:
        InvalidError: The query names nothing, more than 10,000 alerts, or too many causes to silence.
        NotPossibleError: The like of an alert cannot be silenced so.
    """
    named = query.model_dump(mode="json", exclude_defaults=True)
    if not named:
        msg = "Expected at least one filter in the query; without one, all alerts would be changed."
        raise InvalidError(msg)
    rows = select(AlertRow).join(WorkloadRow, WorkloadRow.id == AlertRow.workload_id)
    found = session.scalars(
        filters.narrowed(session, rows, query).order_by(AlertRow.id).limit(_MOST + 1)
    ).all()
    if len(found) > _MOST:
        msg = f"Expected a query that names at most {_MOST} alerts; it names more. Narrow it."
        raise InvalidError(msg)
    meant = [each for each in found if _applies(each, wish)]
    sample = service.shown(session, [each.id for each in meant[-_SAMPLE:]])
    if wish.dry_run:
        made = silencing.preview(session, meant, wish)
    else:
        made = _do(session, meant, wish, actor=actor, now_ms=now_ms)
    if meant and not wish.dry_run:
        _audit(session, wish, "alerts", len(meant), actor=actor, now_ms=now_ms, query=named)
    return BulkOut(
        dry_run=wish.dry_run, alerts=len(found), changed=len(meant), sample=sample, suppressions=made
    )


def list_changes(session: Session, query: ChangeQuery) -> tuple[list[ChangeOut], int]:
    """Return one page of what happened to alerts, in the order in which it did, and after which change.

    Raises:
        CursorError: Something after the cursor was dropped; of one alert what is left is listed.
    """
    rows, slice_ = select(AlertChangeRow), query.slice()
    if query.alert is None:
        slice_ = streams.follow(session, Stream.ALERTS, slice_, resumed=query.cursor is not None)
    if query.alert is not None:
        rows = rows.where(AlertChangeRow.alert_id == query.alert)
    if query.change is not None:
        rows = rows.where(AlertChangeRow.change == query.change.value)
    page = slice_.of(rows, AlertChangeRow.id, AlertChangeRow.created_at, by_time=True)
    return [show(each) for each in session.scalars(page)], slice_.after


def etag(revision: int) -> str:
    """Return the entity tag of an alert, as far as people change it (RFC 9110)."""
    return f'"{revision}"'


def _applies(alert: AlertRow, wish: TriageIn) -> bool:
    closed = alert.triage == Triage.CLOSED.value
    match wish.action:
        case TriageAction.ACKNOWLEDGE:
            return alert.triage == Triage.NEW.value
        case TriageAction.CLOSE:
            return not closed
        case TriageAction.REOPEN:
            return closed
        case TriageAction.ASSIGN:
            return not closed and alert.assignee != wish.assignee
        case TriageAction.COMMENT:
            return True


def _do(
    session: Session, alerts: Sequence[AlertRow], wish: TriageIn, *, actor: str, now_ms: int
) -> list[SilencingOut]:
    if wish.suppress is not None:
        return silencing.close(session, alerts, wish, actor=actor, now_ms=now_ms)
    for alert in alerts:
        _change(session, alert, wish, actor=actor, now_ms=now_ms)
    return []


def _told(session: Session, alert: AlertRow, wish: TriageIn, made: list[SilencingOut]) -> TriageOut:
    (shown,) = service.shown(session, [alert.id])
    return TriageOut(**dict(shown), dry_run=wish.dry_run, suppressions=made)


def _change(session: Session, alert: AlertRow, wish: TriageIn, *, actor: str, now_ms: int) -> None:
    detail: dict[str, Any] = {"comment": wish.comment} if wish.comment else {}
    match wish.action:
        case TriageAction.CLOSE if wish.verdict is not None:
            standing.close(alert, wish.verdict, now_ms=now_ms)
            detail["verdict"] = wish.verdict.value
        case TriageAction.REOPEN:
            detail["verdict_before"] = alert.verdict
            standing.reopen(session, alert, now_ms=now_ms)
        case TriageAction.ACKNOWLEDGE:
            alert.triage = Triage.ACKNOWLEDGED.value
            standing.touch(alert, now_ms=now_ms)
        case TriageAction.ASSIGN:
            alert.assignee = wish.assignee
            detail["assignee"] = wish.assignee
            standing.touch(alert, now_ms=now_ms)
        case _:
            standing.touch(alert, now_ms=now_ms)
    changes.record(session, alert.id, _CHANGES[wish.action], now_ms=now_ms, actor=actor, detail=detail)


def _audit(
    session: Session, wish: TriageIn, target: str, count: int, *, actor: str, now_ms: int, **more: object
) -> None:
    taken = wish.model_dump(mode="json", exclude_none=True, exclude={"action", "dry_run"})
    record(
        session,
        now_ms=now_ms,
        actor=actor,
        action=f"alert.{wish.action.value}",
        target=target,
        detail=taken | {"alerts": count} | more,
    )


def show(row: AlertChangeRow) -> ChangeOut:
    """Return what happened to an alert as REST shows it."""
    return ChangeOut(
        id=row.id,
        alert=row.alert_id,
        change=AlertChange(row.change),
        created_at=to_datetime(row.created_at),
        actor=row.actor,
        detail=row.detail,
    )
