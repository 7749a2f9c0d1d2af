"""Closes alerts as benign and silences their like in one step, or previews what that would silence."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from sqlalchemy.orm import Session

from api.alerts.triage_schemas import SilenceIn, SilencingOut, TriageIn
from api.db.alert_tables import AlertRow
from api.errors import InvalidError
from api.suppressions import scoping, service
from api.suppressions.matching import By, Scope
from api.vocabulary import AlertKind

_MOST_CAUSES: Final = 50


class _Cause(NamedTuple):
    """What one suppression is made for."""

    workload: int | None
    kind: str
    rule: str | None


def close(
    session: Session, alerts: Sequence[AlertRow], wish: TriageIn, *, actor: str, now_ms: int
) -> list[SilencingOut]:
    """Close alerts as benign, with one suppression for each cause; whoever calls this audits the step.

    Raises:
        InvalidError: They have more than 50 causes, or a call does not exist.
        NotPossibleError: They are of another kind than is asked for, or their windows are not kept.
    """
    made = []
    for scope, same, silence in _scopes(session, alerts, wish):
        why = service.Statement(
            reason=silence.reason or wish.comment or "", owner=silence.owner, days=silence.days
        )
        row = service.create_from_alerts(
            session, scope, same, why, actor=actor, now_ms=now_ms, comment=wish.comment
        )
        made.append(_show(scope, same, suppression=row.id))
    return made


def preview(session: Session, alerts: Sequence[AlertRow], wish: TriageIn) -> list[SilencingOut]:
    """Tell which suppressions that would be, and what else each would have silenced.

    Raises:
        InvalidError: As `close` does, and so is the other.
    """
    found = []
    for scope, same, _ in _scopes(session, alerts, wish):
        shown, gone = service.preview_of(session, scope)
        told = _show(scope, same)
        told.preview, told.others = shown, len(gone - {each.id for each in alerts})
        found.append(told)
    return found


def _scopes(
    session: Session, alerts: Sequence[AlertRow], wish: TriageIn
) -> Iterator[tuple[Scope, Sequence[AlertRow], SilenceIn]]:
    silence = wish.suppress
    if silence is None:
        return
    causes: dict[_Cause, list[AlertRow]] = {}
    for each in alerts:
        signature = each.kind == AlertKind.SIGNATURE.value
        place = None if signature and silence.everywhere else each.workload_id
        causes.setdefault(_Cause(place, each.kind, each.rule), []).append(each)
    if len(causes) > _MOST_CAUSES:
        msg = f"suppress: expected at most {_MOST_CAUSES} causes; got {len(causes)}. Narrow the query."
        raise InvalidError(msg)
    for cause, same in causes.items():
        usual = By.RULE if cause.kind == AlertKind.SIGNATURE.value else By.SEQUENCES
        scope = scoping.scope_of_alerts(
            session, same, by=silence.by or usual, everywhere=silence.everywhere, calls=silence.calls
        )
        yield scope, same, silence


def _show(scope: Scope, same: Sequence[AlertRow], *, suppression: int | None = None) -> SilencingOut:
    return SilencingOut(
        suppression=suppression,
        by=scope.by,
        workload=scope.workload,
        rule=scope.rule or None,
        alerts=len(same),
        others=None,
        preview=None,
    )
