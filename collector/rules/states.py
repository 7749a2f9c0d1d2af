"""What becomes of each loaded rule on this node: a rule that cannot fire says so."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from collector.events.catalogue import reportable
from collector.rules.fields import SUPPORTED
from signatures.event_types import known_event_types
from signatures.fields import Fields, all_fields
from signatures.ruleset import Rule, RuleSet
from signatures.syntax import Field


class State(StrEnum):
    """Whether a rule can match."""

    EVALUABLE = "evaluable"
    PARTIAL = "partial"
    """Some field or event type of it is not supplied; other branches may match."""
    NOT_EVALUABLE = "not_evaluable"
    """No event of any of its types is ever reported."""
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class RuleState:
    """One rule and what it lacks."""

    rule: str
    state: State
    missing_fields: tuple[str, ...] = ()
    missing_types: tuple[str, ...] = ()
    missing_in_output: tuple[str, ...] = ()
    """Fields that its output shows as missing; they do not change its state."""


def states_of(rules: RuleSet) -> list[RuleState]:
    """Return the state of every rule, in the order of the files."""
    enabled = {rule.name for rule in rules.enabled}
    return [
        state_of(rule) if rule.name in enabled else RuleState(rule.name, State.DISABLED)
        for rule in rules.rules
    ]


def state_of(rule: Rule) -> RuleState:
    """Return the state of an enabled rule."""
    fields = all_fields()
    missing = _unsupplied(rule.keys, fields)
    shown = _unsupplied(rule.shown.asked, fields)
    types = rule.types.resolved(known_event_types())
    supplied = types & reportable()
    # A rule for any event is not partial because some kinds of event have no source here.
    absent = tuple(sorted(types - supplied)) if not rule.types.inverted else ()
    if not supplied:
        return RuleState(rule.name, State.NOT_EVALUABLE, missing, absent, shown)
    state = State.PARTIAL if missing or absent else State.EVALUABLE
    return RuleState(rule.name, state, missing, absent, shown)


def _unsupplied(keys: Iterable[str], fields: Fields) -> tuple[str, ...]:
    return tuple(sorted(key for key in keys if not _is_supplied(key, fields)))


def _is_supplied(key: str, fields: Fields) -> bool:
    name = key.partition("[")[0]
    if name in SUPPORTED:
        return True
    found = fields.find(Field(name))
    return found is not None and found[0].name in SUPPORTED
