"""What of all alerts a list, a count or a change of many is about."""

from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement, Select, and_, false, func, select, true
from sqlalchemy.orm import Session

from api import standing
from api.alerts.schemas import AlertFilter
from api.clock import to_ms
from api.db.alert_tables import AlertNodeRow, AlertRow
from api.db.tables import NodeRow, WorkloadRow
from api.vocabulary import Level

_FEW: Final = 5

_Query = TypeVar("_Query", bound=Select[*tuple[Any, ...]])


def narrowed(session: Session, query: _Query, wish: AlertFilter) -> _Query:
    """Return a query of alerts, joined with their workloads, that keeps those which are asked for.

    Args:
        session: Where techniques that alerts have are looked up.
        query: All alerts.
        wish: Which of them are meant.
    """
    query = query.where(*_conditions(wish))
    if wish.namespace is not None or wish.cluster is not None:
        query = query.where(_of_few(session, wish))
    if wish.text is not None:
        # SQLite's LIKE knows no case by itself; without what else `icontains` adds, it is half as long.
        sqlite = session.get_bind().dialect.name == "sqlite"
        like = AlertRow.message.contains if sqlite else AlertRow.message.icontains
        query = query.where(like(wish.text, autoescape=True))
    if wish.technique is not None:
        named = _with_technique(session, wish.technique)
        query = query.where(AlertRow.techniques.in_(named) if named else false())
    if wish.node is not None:
        # A join and no EXISTS: the index of a node's alerts has the order of the list. One row at most.
        node = select(NodeRow.id).where(NodeRow.name == wish.node).scalar_subquery()
        seen = and_(AlertNodeRow.alert_id == AlertRow.id, AlertNodeRow.node_id == node)
        query = query.join(AlertNodeRow, seen)
    return query


def _conditions(wish: AlertFilter) -> list[ColumnElement[bool]]:
    equal: tuple[tuple[Any, Any], ...] = (
        (AlertRow.workload_id, wish.workload),
        (AlertRow.kind, wish.kind),
        (AlertRow.rule, wish.rule),
        (AlertRow.level, wish.level),
        (AlertRow.triage, wish.triage),
        (AlertRow.verdict, wish.verdict),
        (AlertRow.assignee, wish.assignee),
        (WorkloadRow.namespace, wish.namespace),
        (WorkloadRow.cluster, wish.cluster),
    )
    found: list[ColumnElement[bool]] = [column == value for column, value in equal if value is not None]
    if wish.status is not None:
        found.append(standing.has_status(wish.status))
    if wish.min_level is not None:
        order = list(Level)
        found.append(AlertRow.level.in_([each.value for each in order[order.index(wish.min_level) :]]))
    if wish.min_score is not None:
        found.append(AlertRow.score >= wish.min_score)
    if wish.happened_since is not None:
        found.append(AlertRow.end >= to_ms(wish.happened_since))
    if wish.happened_until is not None:
        found.append(AlertRow.start < to_ms(wish.happened_until))
    return found


def _of_few(session: Session, wish: AlertFilter) -> ColumnElement[bool]:
    """Return a condition that names the workloads of a namespace or cluster, where they are none or few.

    Their alerts are then read by index. Of many, a page is found sooner among all alerts.
    """
    named = select(WorkloadRow.id)
    if wish.namespace is not None:
        named = named.where(WorkloadRow.namespace == wish.namespace)
    if wish.cluster is not None:
        named = named.where(WorkloadRow.cluster == wish.cluster)
    found = session.scalars(named.limit(_FEW + 1)).all()
    if not found:
        return false()
    return AlertRow.workload_id.in_(found) if len(found) <= _FEW else true()


def _with_technique(session: Session, technique: str) -> list[str]:
    """Return the values of the column that name a technique, or one of its sub-techniques.

    A rule gives all its alerts the same value: few are to be looked through, each found by one step in
    the index.
    """
    first = select(func.min(AlertRow.techniques).label("value")).cte(recursive=True)
    following = (
        select(func.min(AlertRow.techniques)).where(AlertRow.techniques > first.c.value).scalar_subquery()
    )
    values = first.union_all(select(following).where(first.c.value.is_not(None)))
    name = technique.upper()
    return [
        each
        for each in session.scalars(select(values.c.value).where(values.c.value.is_not(None)))
        if any(known == name or known.startswith(f"{name}.") for known in each.split())
    ]
