"""Makes, previews and ends suppressions; every change is audited."""

from collections import Counter
from typing import Final

from sqlalchemy.orm import Session

from api import changes, standing
from api.audit import record
from api.clock import to_datetime
from api.db.alert_tables import AlertRow
from api.db.suppression_tables import SuppressionRow
from api.db.tables import WorkloadRow
from api.errors import InvalidError, NotPossibleError, existing
from api.standing import status_of
from api.suppressions import repository
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
from api.vocabulary import AlertChange, AlertKind, AlertVerdict, Triage
from wire.ngram import TOKEN_MASK, names
from wire.syscalls import load_table

_DAY_MS: Final = 86_400_000
_ARCH: Final = "x86_64"
"""The one table that there is."""
_COMPAT: Final = "compat:"
_MOST_ALERTS: Final = 100


def create(session: Session, wish: SuppressionIn, *, actor: str, now_ms: int) -> SuppressionOut:
    """Make a suppression; an alert that it is made from is marked as benign and closed.

    Raises:
        NotFoundError: There is no such alert or workload.
        NotPossibleError: The alert is of another kind, or its windows are no longer kept.
        InvalidError: A call does not exist.
    """
    scope = _scope(session, wish)
    row = SuppressionRow(
        by=scope.by.value,
        workload_id=scope.workload,
        rule=scope.rule or None,
        ngrams=sorted(scope.ngrams),
        tokens=sorted(scope.tokens),
        arch=_ARCH,
        alert_id=wish.alert,
        reason=wish.reason,
        owner=wish.owner,
        actor=actor,
        created_at=now_ms,
        expires_at=now_ms + round(wish.days * _DAY_MS),
        suppressed=0,
    )
    session.add(row)
    session.flush()
    if wish.alert is not None:
        _mark_benign(session, session.get_one(AlertRow, wish.alert), row, actor=actor, now_ms=now_ms)
    detail = wish.model_dump(mode="json") | {"expires_at": row.expires_at}
    record(
        session,
        now_ms=now_ms,
        actor=actor,
        action="suppression.create",
        target=str(row.id),
        detail=detail,
    )
    return show(row, now_ms)


def preview(session: Session, wish: ScopeIn) -> PreviewOut:
    """Tell what a suppression would have silenced; nothing is changed. Looks at 10,000 findings at most.

    Raises:
        NotFoundError: As `create` does, and so are the others.
    """
    scope = _scope(session, wish)
    find = repository.find_matches if scope.by is By.RULE else repository.find_anomalies
    found = find(session, scope)
    silenced = Counter(each.alert_id for each in found if each.silenced and each.alert_id is not None)
    alerts = repository.find_alerts(session, list(silenced))
    return PreviewOut(
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
        alerts_silenced=sum(silenced[each.id] >= each.findings for each in alerts),
        cut=len(found) == MOST,
    )


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


def _mark_benign(session: Session, alert: AlertRow, row: SuppressionRow, *, actor: str, now_ms: int) -> None:
    detail = {"suppression": row.id, "reason": row.reason}
    alert.suppression_id = row.id
    if alert.triage == Triage.CLOSED.value:
        # What a person found it to be stays as it was said.
        standing.touch(alert, now_ms=now_ms)
    else:
        standing.close(alert, AlertVerdict.BENIGN, now_ms=now_ms)
    changes.record(
        session,
        alert.id,
        AlertChange.MARKED_BENIGN,
        now_ms=now_ms,
        actor=actor,
        detail=detail | {"verdict": alert.verdict},
    )


def _is_active(row: SuppressionRow, now_ms: int) -> bool:
    return row.ended_at is None and row.expires_at > now_ms


def _find(session: Session, suppression_id: int) -> SuppressionRow:
    return existing(session.get(SuppressionRow, suppression_id), f"suppression {suppression_id}")


def _scope(session: Session, wish: ScopeIn) -> Scope:
    if wish.alert is not None:
        return _of_alert(session, wish, wish.alert)
    if wish.workload is not None:
        existing(session.get(WorkloadRow, wish.workload), f"workload {wish.workload}")
    return Scope(by=wish.by, workload=wish.workload, rule=wish.rule, tokens=_tokens(wish.calls))


def _of_alert(session: Session, wish: ScopeIn, alert_id: int) -> Scope:
    alert = existing(session.get(AlertRow, alert_id), f"alert {alert_id}")
    signature = alert.kind == AlertKind.SIGNATURE.value
    if signature != (wish.by is By.RULE):
        expected = "rule" if signature else "workload, sequences or calls"
        msg = f"Alert {alert_id} is of kind {alert.kind}: expected by {expected}; got {wish.by.value}."
        raise NotPossibleError(msg)
    if signature:
        return Scope(
            by=By.RULE, workload=None if wish.everywhere else alert.workload_id, rule=alert.rule or ""
        )
    carried = repository.carriers_of_alert(session, alert_id)
    if not carried and wish.by is not By.WORKLOAD:
        msg = f"No sequence of alert {alert_id} is kept; suppress by workload."
        raise NotPossibleError(msg)
    return Scope(
        by=wish.by,
        workload=alert.workload_id,
        ngrams=frozenset(carried) if wish.by is By.SEQUENCES else frozenset(),
        tokens=_tokens(wish.calls) or frozenset(each & TOKEN_MASK for each in carried)
        if wish.by is By.CALLS
        else frozenset(),
    )


def _tokens(calls: list[str]) -> frozenset[int]:
    table = load_table(_ARCH)
    found = set()
    for each in calls:
        compat = each.startswith(_COMPAT)
        try:
            found.add(table.token(each.removeprefix(_COMPAT), compat=compat))
        except KeyError as error:
            msg = f"calls: expected calls of {_ARCH}; got {each!r}."
            raise InvalidError(msg) from error
    return frozenset(found)
