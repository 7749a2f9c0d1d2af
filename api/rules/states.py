"""Decides what is shown of rules: where each is switched on, and whether nodes can evaluate it."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.attack import read_attack
from api.db.tables import WorkloadRow
from api.errors import NotFoundError
from api.matches.schemas import AttackOut
from api.rules import repository
from api.rules.language import read_rules
from api.rules.repository import EngineView
from api.rules.schemas import EnabledOut, RuleDetailOut, RuleOut, RuleQuery, RulesOut, StateOut
from api.vocabulary import RuleCondition, level_of
from signatures.ruleset import Rule
from wire.bundle import RuleBundle, Selection, is_enabled, is_enabled_anywhere
from wire.match import Priority, RuleState


def list_rules(session: Session, query: RuleQuery) -> RulesOut:
    """Return the rules of the active set, in their order."""
    bundle, engines = repository.read_bundle(session), repository.list_engines(session)
    reports = _Reports(engines, bundle.digest)
    namespaces = _namespaces(session, bundle.selections)
    shown = [_show(rule, bundle, reports, namespaces) for rule in read_rules(bundle.files).rules]
    return RulesOut(
        version=bundle.version,
        digest=bundle.digest,
        nodes=len(engines),
        nodes_current=sum(view.row.ruleset == bundle.digest for view in engines),
        items=[each for each in shown if _wanted(each, query)],
    )


def get_rule(session: Session, name: str) -> RuleDetailOut:
    """Return one rule of the active set.

    Raises:
        NotFoundError: It has none of this name.
    """
    bundle = repository.read_bundle(session)
    reports = _Reports(repository.list_engines(session), bundle.digest)
    for rule in read_rules(bundle.files).rules:
        if rule.name == name:
            shown = _show(rule, bundle, reports, _namespaces(session, bundle.selections))
            return RuleDetailOut(
                **shown.model_dump(),
                desc=rule.desc,
                condition=rule.written_condition,
                written_out=rule.condition,
                output=rule.output,
                line=rule.place.line,
            )
    msg = f"The active rules have none named {name!r}."
    raise NotFoundError(msg)


class _Reports:
    """What nodes that run the active bundle say of each rule."""

    def __init__(self, engines: Sequence[EngineView], digest: str) -> None:
        self._by_rule: dict[str, dict[tuple[str, tuple[str, ...]], list[str]]] = {}
        for view in engines:
            if view.row.ruleset == digest:
                self._add(view)

    def _add(self, view: EngineView) -> None:
        for each in view.row.rules:
            said = each["state"], tuple(each["reasons"])
            self._by_rule.setdefault(each["rule"], {}).setdefault(said, []).append(view.node)

    def of(self, rule: str) -> list[StateOut]:
        """Return what is said of a rule, with the nodes that say so."""
        return [
            StateOut(state=RuleState(state), reasons=list(reasons), nodes=nodes)
            for (state, reasons), nodes in sorted(self._by_rule.get(rule, {}).items())
        ]


def _show(rule: Rule, bundle: RuleBundle, reports: _Reports, namespaces: dict[int, str]) -> RuleOut:
    priority, states = Priority(rule.priority.word), reports.of(rule.name)
    attack = read_attack(rule.tags)
    return RuleOut(
        name=rule.name,
        priority=priority,
        level=level_of(priority),
        tags=list(rule.tags),
        attack=AttackOut(
            tactics=list(attack.tactics), techniques=list(attack.techniques), version=attack.version
        ),
        source=rule.source,
        file=rule.place.file,
        enabled=_enabled(rule, bundle.selections, namespaces),
        state=_sum_up(rule, bundle.selections, [each.state for each in states]),
        states=states,
    )


def _enabled(rule: Rule, selections: Sequence[Selection], namespaces: dict[int, str]) -> list[EnabledOut]:
    """Return whether a rule is on in general, then in each place that a selection of it names."""

    def on(namespace: str = "", workload: int = 0) -> bool:
        return is_enabled(
            selections,
            rule.name,
            rule.tags,
            default=rule.enabled,
            namespace=namespace,
            workload=workload,
        )

    scopes = dict.fromkeys(
        (each.scope.namespace, each.scope.workload)
        for each in selections
        if not each.scope.everywhere and each.fits(rule.name, rule.tags)
    )
    shown = [EnabledOut(namespace=None, workload=None, enabled=on())]
    for namespace, workload in scopes:
        enabled = on(namespaces.get(workload, namespace), workload)
        shown.append(EnabledOut(namespace=namespace or None, workload=workload or None, enabled=enabled))
    return shown


def _sum_up(rule: Rule, selections: Sequence[Selection], states: Iterable[RuleState]) -> RuleCondition:
    if not is_enabled_anywhere(selections, rule.name, rule.tags, default=rule.enabled):
        return RuleCondition.DISABLED
    found = set(states) - {RuleState.DISABLED}
    if not found:
        return RuleCondition.UNREPORTED
    if found == {RuleState.EVALUABLE}:
        return RuleCondition.EVALUABLE
    return RuleCondition.NOT_EVALUABLE if found == {RuleState.NOT_EVALUABLE} else RuleCondition.PARTLY


def _wanted(rule: RuleOut, query: RuleQuery) -> bool:
    return (
        (query.state is None or rule.state is query.state)
        and (query.tag is None or query.tag in rule.tags)
        and (query.file is None or rule.file == query.file)
        and (query.level is None or rule.level is query.level)
    )


def _namespaces(session: Session, selections: Sequence[Selection]) -> dict[int, str]:
    ids = {each.scope.workload for each in selections if each.scope.workload}
    rows: Any = session.execute(select(WorkloadRow.id, WorkloadRow.namespace).where(WorkloadRow.id.in_(ids)))
    return dict(rows.all())
