"""What the service asks of the rule language: do files load, which rules have they, which match an event."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from signatures.encoding import from_event_text
from signatures.event import Event, FieldValue
from signatures.loader import Loaded, RuleFile as Source, load
from signatures.output import to_shown
from signatures.ruleset import Rule
from wire.bundle import RuleFile

_KEPT: Final = 8
"""Rule sets whose compiled form stays in memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What one rule says of one event."""

    rule: Rule
    output: str
    output_fields: dict[str, Any]


@lru_cache(_KEPT)
def read_rules(files: tuple[RuleFile, ...]) -> Loaded:
    """Return the rules of some files, or what is wrong with them; costs some 50 ms for 100 rules, once."""
    return load([Source(name=each.name, text=each.text) for each in files])


def try_rules(rules: Sequence[Rule], events: Sequence[Mapping[str, FieldValue]]) -> list[list[Tried]]:
    """Return for each event the rules that hold, in order, with what they would say."""
    return [[_show(rule, event) for rule in rules if _holds(rule, event)] for event in map(Event, events)]


def _holds(rule: Rule, event: Event) -> bool:
    name = event["evt.type"]
    return isinstance(name, str) and name in rule.types and rule.holds(event)


def _show(rule: Rule, event: Event) -> Tried:
    return Tried(
        rule=rule,
        output=from_event_text(rule.shown.text(event)[0].strip()),
        output_fields={
            name: value
            if value is None or isinstance(value, int | float)
            else from_event_text(to_shown(value))
            for name, value in rule.shown.fields(event).items()
        },
    )
