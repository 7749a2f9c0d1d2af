"""Decides what a suppression silences: what a wish names, or what alerts of one cause show."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy.orm import Session

from api.db.alert_tables import AlertRow
from api.db.tables import WorkloadRow
from api.errors import InvalidError, NotPossibleError, existing
from api.suppressions import repository
from api.suppressions.matching import By, Scope
from api.suppressions.schemas import ScopeIn
from api.vocabulary import AlertKind
from wire.ngram import TOKEN_MASK
from wire.syscalls import load_table

ARCH: Final = "x86_64"
"""The one table that there is."""
_COMPAT: Final = "compat:"


def scope_of_wish(session: Session, wish: ScopeIn) -> Scope:
    """Return what a wish names.

    Raises:
        NotFoundError: There is no such alert or workload.
        NotPossibleError: The alert is of another kind, or its windows are no longer kept.
        InvalidError: A call does not exist.
    """
    if wish.alert is not None:
        alert = existing(session.get(AlertRow, wish.alert), f"alert {wish.alert}")
        return scope_of_alerts(session, [alert], by=wish.by, everywhere=wish.everywhere, calls=wish.calls)
    if wish.workload is not None:
        existing(session.get(WorkloadRow, wish.workload), f"workload {wish.workload}")
    return Scope(by=wish.by, workload=wish.workload, rule=wish.rule, tokens=_tokens(wish.calls))


def scope_of_alerts(
    session: Session, alerts: Sequence[AlertRow], *, by: By, everywhere: bool, calls: Sequence[str]
) -> Scope:
    """Return what alerts of one cause show.

    Args:
        session: Where their windows are.
        alerts: At least one; all of one workload and kind, or of one rule.
        by: By what of them.
        everywhere: Of a rule: in every workload.
        calls: By `calls` only these of theirs; none: all that carried them.

    Raises:
        NotPossibleError: They are of another kind, or none of their windows is kept.
        InvalidError: A call does not exist.
    """
    first = alerts[0]
    signature = first.kind == AlertKind.SIGNATURE.value
    if signature != (by is By.RULE):
        expected = "rule" if signature else "workload, sequences or calls"
        msg = f"Alert {first.id} is of kind {first.kind}: expected by {expected}; got {by.value}."
        raise NotPossibleError(msg)
    if signature:
        return Scope(by=by, workload=None if everywhere else first.workload_id, rule=first.rule or "")
    carried = repository.carriers_of_alerts(session, [each.id for each in alerts])
    if not carried and by is not By.WORKLOAD:
        msg = f"No sequence of alert {first.id} is kept; suppress by workload."
        raise NotPossibleError(msg)
    return Scope(
        by=by,
        workload=first.workload_id,
        ngrams=frozenset(carried) if by is By.SEQUENCES else frozenset(),
        tokens=_tokens(calls) or frozenset(each & TOKEN_MASK for each in carried)
        if by is By.CALLS
        else frozenset(),
    )


def _tokens(calls: Sequence[str]) -> frozenset[int]:
    table = load_table(ARCH)
    found = set()
    for each in calls:
        compat = each.startswith(_COMPAT)
        try:
            found.add(table.token(each.removeprefix(_COMPAT), compat=compat))
        except KeyError as error:
            msg = f"calls: expected calls of {ARCH}; got {each!r}."
            raise InvalidError(msg) from error
    return frozenset(found)
