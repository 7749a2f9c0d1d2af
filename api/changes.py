"""The one sequence of all that happens to alerts, which live streams, pushes and pollers follow."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.db.alert_tables import AlertChangeRow, AlertRow
from api.tracing.tracer import Span
from api.vocabulary import AlertChange

_SPAN: Final = "nonself.span"


@contextmanager
def within(session: Session, span: Span) -> Iterator[None]:
    """Have what is recorded in this block belong to a span, so that its push can be followed to its cause."""
    session.info[_SPAN] = span.traceparent
    try:
        yield
    finally:
        del session.info[_SPAN]


def record(
    session: Session,
    alert_id: int,
    change: AlertChange,
    *,
    now_ms: int,
    actor: str | None = None,
    detail: dict[str, Any] | None = None,
) -> None:
    """Say that something happened to an alert, in the transaction in which it happens.

    Args:
        session: A transaction that the caller commits.
        alert_id: Of an alert that is stored already.
        change: What happened.
        now_ms: The time of the transaction.
        actor: Name of the token that did it; None: the service itself.
        detail: What a reader cannot see in the alert itself.
    """
    session.add(
        AlertChangeRow(
            alert_id=alert_id,
            change=change.value,
            created_at=now_ms,
            actor=actor,
            detail=detail or {},
            traceparent=session.info.get(_SPAN),
        )
    )


def record_growth(
    session: Session, alerts: Iterable[AlertRow], opened: Iterable[int], *, now_ms: int
) -> None:
    """Say once for each alert that findings joined it, unless this transaction opened it."""
    fresh = set(opened)
    for alert in sorted(alerts, key=lambda each: each.id):
        if alert.id not in fresh:
            record(session, alert.id, AlertChange.GREW, now_ms=now_ms, detail={"findings": alert.findings})


def after(session: Session, change_id: int, *, limit: int) -> Sequence[AlertChangeRow]:
    """Return the changes that follow one, in the order in which they were committed."""
    return session.scalars(
        select(AlertChangeRow).where(AlertChangeRow.id > change_id).order_by(AlertChangeRow.id).limit(limit)
    ).all()
