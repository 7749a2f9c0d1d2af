"""Where an alert stands: with the service, which joins findings, and with people, who judge it (ADR 0090)."""

from typing import Final

from sqlalchemy import ColumnElement, and_, case, select
from sqlalchemy.orm import Session

from api import changes
from api.db.alert_tables import AlertRow
from api.vocabulary import AlertChange, AlertStatus, AlertVerdict, Triage

OPEN: Final = AlertStatus.OPEN.value
"""In the column `status`: the one alert of its cause that is told as open."""
PASSED: Final = "closed"
"""In the column `status`: any other. Releases before ADR 0090 read and write these two words alone."""

_CLOSED_BY_A_PERSON: Final = AlertRow.triage == Triage.CLOSED.value
UNCLOSED: Final = AlertRow.triage != Triage.CLOSED.value
"""Alerts that no person has closed: findings may join them, and what they refer to is kept."""
STATUS: Final[ColumnElement[str]] = case(
    (_CLOSED_BY_A_PERSON, AlertStatus.CLOSED.value),
    (AlertRow.status == OPEN, OPEN),
    else_=AlertStatus.SUPERSEDED.value,
)
"""What `status_of` returns, for a query."""


def status_of(alert: AlertRow) -> AlertStatus:
    """Return where an alert stands, from what is stored."""
    if alert.triage == Triage.CLOSED.value:
        return AlertStatus.CLOSED
    return AlertStatus.OPEN if alert.status == OPEN else AlertStatus.SUPERSEDED


def has_status(status: AlertStatus) -> ColumnElement[bool]:
    """Return the condition that an alert has a status, by columns that have an index."""
    match status:
        case AlertStatus.OPEN:
            return and_(AlertRow.status == OPEN, UNCLOSED)
        case AlertStatus.SUPERSEDED:
            return and_(AlertRow.status != OPEN, UNCLOSED)
        case AlertStatus.CLOSED:
            return _CLOSED_BY_A_PERSON


def supersede(session: Session, alert: AlertRow, *, now_ms: int) -> None:
    """Let another alert of the same cause be the open one."""
    alert.status, alert.updated_at = PASSED, now_ms
    changes.record(session, alert.id, AlertChange.SUPERSEDED, now_ms=now_ms)


def close(alert: AlertRow, verdict: AlertVerdict, *, now_ms: int) -> None:
    """Let a person close an alert; whoever calls this records the change."""
    alert.triage, alert.verdict, alert.status = Triage.CLOSED.value, verdict.value, PASSED
    touch(alert, now_ms=now_ms)


def reopen(session: Session, alert: AlertRow, *, now_ms: int) -> None:
    """Take a close back; of one cause the newest that is open stays so, and whoever calls records the change.

    Args:
        session: A writing transaction.
        alert: One that a person has closed.
        now_ms: The time.
    """
    alert.triage, alert.verdict = Triage.ACKNOWLEDGED.value, None
    touch(alert, now_ms=now_ms)
    same_cause = (AlertRow.workload_id == alert.workload_id, AlertRow.kind == alert.kind)
    other = session.scalar(
        select(AlertRow)
        .where(*same_cause, AlertRow.rule.is_not_distinct_from(alert.rule), AlertRow.status == OPEN)
        .where(AlertRow.id != alert.id)
        .order_by(AlertRow.id.desc())
        .limit(1)
    )
    if other is not None and other.id > alert.id:
        return
    if other is not None:
        supersede(session, other, now_ms=now_ms)
    alert.status = OPEN


def touch(alert: AlertRow, *, now_ms: int) -> None:
    """Say that a person changed an alert."""
    alert.revision += 1
    alert.updated_at = now_ms
