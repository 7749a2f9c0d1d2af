"""A bundle of the service as rules of this node, and what the node says of them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from collector.errors import RulesError
from collector.rules.states import State, states_of
from signatures.loader import ExtraOutput, LoadOptions, RuleFile, load
from signatures.ruleset import RuleSet
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
    return RuleSet(
        replace(
            rule,
            enabled=is_enabled_anywhere(bundle.selections, rule.name, rule.tags, default=rule.enabled),
        )
        for rule in loaded.rules
    )


def report_on(
    rules: RuleSet, *, ruleset: str, error: str = "", counters: Mapping[str, int] | None = None
) -> EngineReport:
    """Return what the node says of its rules: a rule that cannot fire says why."""
    return EngineReport(
        ruleset=ruleset,
        error=error,
        rules=tuple(
            RuleReport(
                rule=each.rule,
                state=_STATES[each.state],
                reasons=(
                    *(f"{name} is not supplied." for name in each.missing_fields),
                    *(f"Events of type {name} are not supplied." for name in each.missing_types),
                    *(f"The output shows {name} as missing." for name in each.missing_in_output),
                ),
            )
            for each in states_of(rules)
        ),
        counters=dict(counters or {}),
    )
