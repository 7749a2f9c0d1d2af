"""Makes, previews and ends suppressions; every change is audited."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.orm import Session

from api import changes, standing
from api.audit import record
from api.clock import to_datetime
from api.db.alert_tables import AlertRow
from api.db.suppression_tables import SuppressionRow
from api.errors import NotPossibleError, existing
from api.standing import status_of
from api.suppressions import repository, scoping
from api.suppressions.matching import By, Scope
from api.suppressions.repository import MOST
from api.suppressions.schemas import (
    PreviewOut,
    ScopeIn,
    SilencedAlertOut,
    SuppressionIn,
    SuppressionOut,
    SuppressionQuery,
)
from api.vocabulary import AlertChange, AlertVerdict, Triage
from wire.ngram import names
from wire.syscalls import load_table

_DAY_MS: Final = 86_400_000
_MOST_ALERTS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """Why something is silenced, by whom, and for how long."""

    reason: str
    owner: str
    days: float


def create(session: Session, wish: SuppressionIn, *, actor: str, now_ms: int) -> SuppressionOut:
    """Make a suppression; an alert that it is made from is closed as benign.

    Raises:
        NotFoundError: There is no such alert or workload.
        NotPossibleError: The alert is of another kind, was a true positive, or its windows are not kept.
        InvalidError: A call does not exist.
    """
    scope = scoping.scope_of_wish(session, wish)
    why = Statement(reason=wish.reason, owner=wish.owner, days=wish.days)
    alerts = [] if wish.alert is None else [session.get_one(AlertRow, wish.alert)]
    row = make(session, scope, alerts, why, actor=actor, now_ms=now_ms)
    detail = wish.model_dump(mode="json") | {"expires_at": row.expires_at}
    _audit_made(session, row, detail, actor=actor, now_ms=now_ms)
    return show(row, now_ms)


def create_from_alerts(
    session: Session,
    scope: Scope,
    alerts: Sequence[AlertRow],
    why: Statement,
    *,
    actor: str,
    now_ms: int,
    comment: str | None,
) -> SuppressionRow:
    """Make a suppression from alerts of one cause, and close them as benign.

    Raises:
        NotPossibleError: A person found one of them to be a true positive.
    """
    row = make(session, scope, alerts, why, actor=actor, now_ms=now_ms, comment=comment)
    detail = {
        "by": row.by,
        "workload": row.workload_id,
        "rule": row.rule,
        "alerts": [each.id for each in alerts],
        "reason": why.reason,
        "owner": why.owner,
        "days": why.days,
        "expires_at": row.expires_at,
    }
    _audit_made(session, row, detail, actor=actor, now_ms=now_ms)
    return row


def make(
    session: Session,
    scope: Scope,
    alerts: Sequence[AlertRow],
    why: Statement,
    *,
    actor: str,
    now_ms: int,
    comment: str | None = None,
) -> SuppressionRow:
    """Store a suppression and close the alerts that it is made from; whoever calls this audits it."""
    row = SuppressionRow(
        by=scope.by.value,
        workload_id=scope.workload,
        rule=scope.rule or None,
        ngrams=sorted(scope.ngrams),
        tokens=sorted(scope.tokens),
        arch=scoping.ARCH,
        alert_id=alerts[-1].id if alerts else None,
        reason=why.reason,
        owner=why.owner,
        actor=actor,
        created_at=now_ms,
        expires_at=now_ms + round(why.days * _DAY_MS),
        suppressed=0,
    )
    session.add(row)
    session.flush()
    for alert in alerts:
        _mark_benign(session, alert, row, actor=actor, now_ms=now_ms, comment=comment)
    return row


def preview(session: Session, wish: ScopeIn) -> PreviewOut:
    """Tell what a suppression would have silenced; nothing is changed. Looks at 10,000 findings at most.

    Raises:
        NotFoundError: As `create` does, and so are the others.
    """
    return preview_of(session, scoping.scope_of_wish(session, wish))[0]


def preview_of(session: Session, scope: Scope) -> tuple[PreviewOut, set[int]]:
    """Tell what a suppression would have silenced, with the ids of alerts that it would have kept away."""
    find = repository.find_matches if scope.by is By.RULE else repository.find_anomalies
    found = find(session, scope)
    silenced = Counter(each.alert_id for each in found if each.silenced and each.alert_id is not None)
    alerts = repository.find_alerts(session, list(silenced))
    gone = {each.id for each in alerts if silenced[each.id] >= each.findings}
    shown = PreviewOut(
        since=to_datetime(found[-1].created_at) if found else None,
        findings=len(found),
        silenced=sum(each.silenced for each in found),
        alerts=[
            SilencedAlertOut(
                id=each.id,
                workload=each.workload_id,
                status=status_of(each),
                start=to_datetime(each.start),
                end=to_datetime(each.end),
                findings=each.findings,
                silenced=silenced[each.id],
            )
            for each in alerts[:_MOST_ALERTS]
        ],
        alerts_silenced=len(gone),
        cut=len(found) == MOST,
    )
    return shown, gone


def end(session: Session, suppression_id: int, *, reason: str, actor: str, now_ms: int) -> SuppressionOut:
    """End a suppression before its time; what it silenced stays silenced.

    Raises:
        NotFoundError: There is none of this id.
        NotPossibleError: It has ended.
    """
    row = _find(session, suppression_id)
    if not _is_active(row, now_ms):
        msg = f"Suppression {suppression_id} has ended already."
        raise NotPossibleError(msg)
    row.ended_at = now_ms
    record(
        session,
        now_ms=now_ms,
        actor=actor,
        action="suppression.end",
        target=str(row.id),
        detail={"reason": reason},
    )
    return show(row, now_ms)


def get(session: Session, suppression_id: int, now_ms: int) -> SuppressionOut:
    """Return one suppression.

    Raises:
        NotFoundError: There is none of this id.
    """
    return show(_find(session, suppression_id), now_ms)


def list_page(session: Session, query: SuppressionQuery, now_ms: int) -> list[SuppressionOut]:
    """Return one page of suppressions."""
    rows = repository.list_page(
        session, query.slice(), workload=query.workload, active=query.active, now_ms=now_ms
    )
    return [show(row, now_ms) for row in rows]


def show(row: SuppressionRow, now_ms: int) -> SuppressionOut:
    """Return a suppression as REST shows it."""
    table = load_table(row.arch)
    return SuppressionOut(
        id=row.id,
        by=By(row.by),
        workload=row.workload_id,
        rule=row.rule,
        sequences=[names(each, table) for each in row.ngrams],
        calls=sorted(table.name(each) for each in row.tokens),
        alert=row.alert_id,
        reason=row.reason,
        owner=row.owner,
        actor=row.actor,
        created_at=to_datetime(row.created_at),
        expires_at=to_datetime(row.expires_at),
        ended_at=to_datetime(row.ended_at) if row.ended_at is not None else None,
        active=_is_active(row, now_ms),
        suppressed=row.suppressed,
        last_at=to_datetime(row.last_at) if row.last_at is not None else None,
    )


def _mark_benign(
    session: Session, alert: AlertRow, row: SuppressionRow, *, actor: str, now_ms: int, comment: str | None
) -> None:
    if alert.verdict == AlertVerdict.TRUE_POSITIVE.value:
        msg = f"Alert {alert.id} was closed as true_positive; reopen it before its like is silenced."
        raise NotPossibleError(msg)
    alert.suppression_id = row.id
    if alert.triage == Triage.CLOSED.value:
        # What a person found it to be stays as it was said.
        standing.touch(alert, now_ms=now_ms)
    else:
        standing.close(alert, AlertVerdict.BENIGN, now_ms=now_ms)
    said = {"suppression": row.id, "reason": row.reason, "verdict": alert.verdict}
    changes.record(
        session,
        alert.id,
        AlertChange.MARKED_BENIGN,
        now_ms=now_ms,
        actor=actor,
        detail=said | ({"comment": comment} if comment else {}),
    )


def _audit_made(
    session: Session, row: SuppressionRow, detail: dict[str, Any], *, actor: str, now_ms: int
) -> None:
    record(
        session,
        now_ms=now_ms,
        actor=actor,
        action="suppression.create",
        target=str(row.id),
        detail=detail,
    )


def _is_active(row: SuppressionRow, now_ms: int) -> bool:
    return row.ended_at is None and row.expires_at > now_ms


def _find(session: Session, suppression_id: int) -> SuppressionRow:
    return existing(session.get(SuppressionRow, suppression_id), f"suppression {suppression_id}")
