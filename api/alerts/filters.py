"""What of all alerts a list, a count or a change of many is about."""

from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, or_, select

from api import standing
from api.alerts.schemas import AlertFilter
from api.clock import to_ms
from api.db.alert_tables import AlertRow, FindingRow
from api.db.rule_tables import MatchRow
from api.db.tables import ContainerRow, NodeRow, ScoreRow, WorkloadRow
from api.vocabulary import Level

_Query = TypeVar("_Query", bound=Select[*tuple[Any, ...]])


def narrowed(query: _Query, wish: AlertFilter) -> _Query:
    """Return a query of alerts, joined with their workloads, that keeps those which are asked for."""
    return query.where(*_conditions(wish))


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
    if wish.technique is not None:
        # T1059 stands for its sub-techniques too.
        name = wish.technique.upper()
        found.append(or_(*(AlertRow.techniques.contains(f" {name}{end}") for end in (" ", "."))))
    if wish.text is not None:
        found.append(AlertRow.message.icontains(wish.text, autoescape=True))
    if wish.node is not None:
        found.append(_on_node(wish.node))
    return found


def _on_node(name: str) -> ColumnElement[bool]:
    matched = (
        select(MatchRow.id)
        .join(NodeRow, NodeRow.id == MatchRow.node_id)
        .where(MatchRow.id == AlertRow.last_match_id, NodeRow.name == name)
    )
    found = (
        select(FindingRow.id)
        .join(ScoreRow, ScoreRow.id == FindingRow.score_id)
        .join(ContainerRow, ContainerRow.id == ScoreRow.container_id)
        .join(NodeRow, NodeRow.id == ContainerRow.node_id)
        .where(FindingRow.alert_id == AlertRow.id, NodeRow.name == name)
    )
    return or_(matched.exists(), found.exists())
