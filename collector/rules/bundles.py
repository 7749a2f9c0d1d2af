"""A bundle of the service as rules of this node, and what the node says of them."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from collector.errors import RulesError
from collector.rules.states import RuleState as NodeState, State, states_of
from signatures.compiler import compile_condition
from signatures.errors import CompileError
from signatures.event import FieldValue
from signatures.loader import ExtraOutput, LoadOptions, RuleFile, load
from signatures.partial import ANOMALY_FIELDS, OpenCondition, names_open
from signatures.ruleset import Rule, RuleSet
from wire.bundle import RuleBundle, is_enabled_anywhere
from wire.match import EngineReport, RuleReport, RuleState

_STATES: Mapping[State, RuleState] = {each: RuleState(each.value) for each in State}


def to_rules(bundle: RuleBundle, extra_outputs: Sequence[str] = ()) -> RuleSet:
    """Return the rules of a bundle: those that are on somewhere are on here.

    Args:
        bundle: As the service gave it.
        extra_outputs: Templates that are added to every output.

    Raises:
        RulesError: The files do not load; the message is one sentence.
    """
    extras = tuple(ExtraOutput(template=each) for each in extra_outputs)
    files = [RuleFile(name=each.name, text=each.text) for each in bundle.files]
    loaded = load(files, options=LoadOptions(extra_outputs=extras))
    if not loaded.ok:
        problem = loaded.errors[0]
        place = f"{problem.place.file}:{problem.place.line}:{problem.place.column}"
        msg = f"{place}: {problem.code.value}: {problem.message.rstrip('.')}."
        raise RulesError(msg)
    found = open_conditions(loaded.rules)
    return RuleSet(
        replace(
            rule,
            enabled=is_enabled_anywhere(bundle.selections, rule.name, rule.tags, default=rule.enabled),
            holds=_may_hold(found[rule.name]) if rule.name in found else rule.holds,
        )
        for rule in loaded.rules
    )


def open_conditions(rules: Iterable[Rule]) -> dict[str, OpenCondition]:
    """Return, by name, the rules of which the service decides a part.

    One that does more with `anomaly.*` than compare it with numbers is not among them: they stay missing.
    """
    found = {}
    for rule in rules:
        if names_open(rule.expression):
            with suppress(CompileError):
                found[rule.name] = OpenCondition(
                    rule.expression, lambda check: compile_condition(check).holds
                )
    return found


def _may_hold(condition: OpenCondition) -> Callable[[Mapping[str, FieldValue]], bool]:
    return lambda event: condition.left(event) is not False


def report_on(
    rules: RuleSet, *, ruleset: str, error: str = "", counters: Mapping[str, int] | None = None
) -> EngineReport:
    """Return what the node says of its rules: a rule that cannot fire says why."""
    late = set(open_conditions(rules.rules))
    return EngineReport(
        ruleset=ruleset,
        error=error,
        rules=tuple(_report(each, ANOMALY_FIELDS if each.rule in late else ()) for each in states_of(rules)),
        counters=dict(counters or {}),
    )


def _report(each: NodeState, supplied_late: Collection[str]) -> RuleReport:
    missing = [name for name in each.missing_fields if name not in supplied_late]
    state = _STATES[each.state]
    if state is RuleState.PARTIAL and not missing and not each.missing_types:
        state = RuleState.EVALUABLE
    return RuleReport(
        rule=each.rule,
        state=state,
        reasons=(
            *(f"{name} is not supplied." for name in missing),
            *(f"Events of type {name} are not supplied." for name in each.missing_types),
            *(f"The output shows {name} as missing." for name in each.missing_in_output),
        ),
    )
