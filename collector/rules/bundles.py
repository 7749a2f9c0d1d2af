"""A bundle of the service as rules of this node, and what the node says of them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

from collector.errors import RulesError
from signatures import states
from signatures.compiler import compile_condition
from signatures.errors import CompileError
from signatures.event import FieldValue
from signatures.loader import ExtraOutput, LoadOptions, RuleFile, load
from signatures.partial import ANOMALY_FIELDS, OpenCondition, names_open
from signatures.ruleset import Rule, RuleSet
from signatures.states import Assessment, Supply, assess
from wire.bundle import RuleBundle, is_enabled_anywhere
from wire.match import EngineReport, RuleReport, RuleState

_STATES: Final[Mapping[states.RuleState, RuleState]] = {
    states.RuleState.EVALUABLE: RuleState.EVALUABLE,
    states.RuleState.PARTLY: RuleState.PARTLY,
    states.RuleState.NOT_EVALUABLE: RuleState.NOT_EVALUABLE,
    states.RuleState.DISABLED: RuleState.DISABLED,
}


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
    rules: RuleSet,
    given: Supply,
    *,
    ruleset: str,
    error: str = "",
    counters: Mapping[str, int] | None = None,
) -> EngineReport:
    """Return what the node says of its rules: a rule that cannot fire says why.

    Args:
        rules: Those in use.
        given: What the sensor can tell.
        ruleset: Digest of their bundle.
        error: Why a newer bundle was not taken.
        counters: Cumulative since the agent's start.
    """
    enabled = {rule.name for rule in rules.enabled}
    late = set(open_conditions(rules.rules))
    # What the service decides is supplied, only later.
    with_late = replace(given, fields=given.fields | frozenset(ANOMALY_FIELDS))
    return EngineReport(
        ruleset=ruleset,
        error=error,
        rules=tuple(
            _report(
                rule.name,
                assess(
                    rule.expression,
                    rule.shown.asked,
                    with_late if rule.name in late else given,
                    enabled=rule.name in enabled,
                ),
            )
            for rule in rules.rules
        ),
        counters=dict(counters or {}),
    )


def _report(name: str, found: Assessment) -> RuleReport:
    shown = ", ".join(found.missing_outputs)
    widened = [f"Its exception no longer excludes: {loss.part}." for loss in found.losses if loss.widens]
    return RuleReport(
        rule=name,
        state=_STATES[found.state],
        reasons=tuple(
            each[:4096]
            for each in (found.reason, *widened, f"Its output shows {shown} as missing." if shown else "")
            if each
        ),
    )
