"""Which rules a sensor can decide: what is said of each rule, so that none is silent without a word.

A field that a sensor cannot supply has no value, and a check without a value is false. So a rule
whose condition needs it never holds, a branch of it is lost, or an exception of it no longer excludes.
All three are found here, before an event is seen.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from signatures.compiler import used_operands
from signatures.encoding import from_event_text
from signatures.event_types import NONE, event_types, known_event_types
from signatures.fields import EITHER_END, Fields, all_fields, key_of
from signatures.printer import to_text
from signatures.ruleset import Rule
from signatures.syntax import And, Binary, Check, Expression, Field, Not, Or, Unary, Value, Values

_TYPE_FIELD: Final = "evt.type"
_NOTHING: Final = Values(())


class RuleState(StrEnum):
    """What becomes of a rule on a node."""

    EVALUABLE = "evaluable"
    """Everything that its condition asks for is supplied."""
    PARTLY = "partly"
    """It can fire; a branch of it cannot, or an exception of it does not hold any more."""
    NOT_EVALUABLE = "not evaluable"
    """It can never fire."""
    DISABLED = "disabled"
    """It is switched off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """What a sensor can tell."""

    fields: frozenset[str]
    """Names of fields, with or without an argument: `evt.arg` stands for `evt.arg.flags` and all others."""
    event_types: frozenset[str]
    fields_of_type: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Fields that only events of a type have, beside `fields`."""
    unsupplied_of_type: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Fields that events of a type lack, though `fields` has them."""

    def has(self, asked: Field, event_type: str, *, known: Fields | None = None) -> bool:
        """Tell whether events of a type can have a value for a field."""
        if asked.name == _TYPE_FIELD:
            return True
        names = _names(asked, all_fields() if known is None else known)
        lacking = self.unsupplied_of_type.get(event_type, frozenset())
        there = self.fields | self.fields_of_type.get(event_type, frozenset())
        return any(name in there and name not in lacking for name in names)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """A part of a condition that cannot hold on a node, though it could."""

    part: str
    """The largest such part, as text."""
    missing: tuple[str, ...]
    """Fields in it that are not supplied, ascending."""
    event_types: tuple[str, ...]
    """For events of these types, ascending."""
    widens: bool
    """It is negated: the rule fires where it should not. Otherwise it does not fire where it should."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """What a node can make of a rule."""

    state: RuleState
    missing_fields: tuple[str, ...] = ()
    """That its condition needs, ascending."""
    missing_event_types: tuple[str, ...] = ()
    """For which it could hold, ascending."""
    losses: tuple[Loss, ...] = ()
    missing_outputs: tuple[str, ...] = ()
    """Fields of its output that will be shown as missing; they change no state."""

    @property
    def reason(self) -> str:
        """A sentence for people; empty where there is nothing to say."""
        if self.state is RuleState.DISABLED:
            return "It is switched off."
        said = []
        if self.missing_event_types:
            said.append(f"no events of type {', '.join(self.missing_event_types)}")
        if self.missing_fields:
            said.append(f"no values of {', '.join(self.missing_fields)}")
        if self.state is RuleState.NOT_EVALUABLE:
            why = " and ".join(said) or "its condition holds for no type of event"
            return f"It can never fire: {why}."
        return f"This node has {' and '.join(said)}." if said else ""


def assess(
    condition: Expression, outputs: Iterable[str], supply: Supply, *, enabled: bool = True
) -> Assessment:
    """Tell what a sensor can make of a condition.

    Args:
        condition: The tree, macros written out.
        outputs: Keys of the fields that the output shows.
        supply: What the sensor can tell.
        enabled: Whether the rule is on.

    Examples:
        >>> from signatures.parser import parse
        >>> node = Supply(fields=frozenset({"evt.type", "proc.name"}), event_types=frozenset({"execve"}))
        >>> found = assess(parse("evt.type=execve and (proc.name=a or proc.tty=b)"), [], node)
        >>> str(found.state), found.missing_fields, found.losses[0].part
        ('partly', ('proc.tty',), 'proc.tty = b')
    """
    possible = event_types(condition)
    candidates = possible.resolved(known_event_types())
    supplied = candidates & supply.event_types
    # A condition that holds for most types is not meant for those that a sensor does not know.
    missing_types = frozenset() if possible.inverted else candidates - supply.event_types
    losses: dict[tuple[str, bool], tuple[frozenset[str], set[str]]] = {}
    fires = False
    for event_type in sorted(supplied):
        judge = _Judge(supply, event_type)
        fires = fires or judge.may_hold(condition, limited=True)
        for part, widens in judge.lost(condition):
            _, types = losses.setdefault(
                (from_event_text(to_text(part)), widens), (judge.missing(part), set())
            )
            types.add(event_type)
    told = tuple(
        Loss(part=part, missing=tuple(sorted(missing)), event_types=tuple(sorted(types)), widens=widens)
        for (part, widens), (missing, types) in losses.items()
    )
    state = RuleState.EVALUABLE
    if not enabled:
        state = RuleState.DISABLED
    elif not fires:
        state = RuleState.NOT_EVALUABLE
    elif told or missing_types:
        state = RuleState.PARTLY
    anywhere = sorted(supplied) or [""]
    return Assessment(
        state=state,
        missing_fields=tuple(sorted({name for loss in told for name in loss.missing})),
        missing_event_types=tuple(sorted(missing_types)),
        losses=told,
        missing_outputs=tuple(
            sorted(key for key in set(outputs) if not any(supply.has(_field(key), each) for each in anywhere))
        ),
    )


def assess_rules(rules: Iterable[Rule], supply: Supply, enabled: Collection[str]) -> dict[str, Assessment]:
    """Tell for each rule, by name, what a sensor can make of it.

    Args:
        rules: The rules.
        supply: What the sensor can tell.
        enabled: Names of the rules that are on (`RuleSet.enabled`).
    """
    return {
        rule.name: assess(rule.expression, rule.shown.asked, supply, enabled=rule.name in enabled)
        for rule in rules
    }


class _Judge:
    """Tells for events of one type what can hold at all.

    Checks are taken as independent of each other, so that a part is called lost only where it is.
    """

    def __init__(self, supply: Supply, event_type: str) -> None:
        self._supply = supply
        self._event_type = event_type

    def may_hold(self, expression: Expression, *, limited: bool) -> bool:
        """Tell whether a condition can be true: with what is supplied, or if everything were."""
        match expression:
            case And(children):
                return all(self.may_hold(child, limited=limited) for child in children)
            case Or(children):
                return any(self.may_hold(child, limited=limited) for child in children)
            case Not(child):
                return self._may_fail(child, limited=limited)
            case Unary() | Binary():
                return self._check_may_hold(expression, limited=limited)
            case _:
                return True

    def _may_fail(self, expression: Expression, *, limited: bool) -> bool:
        match expression:
            case And(children):
                return any(self._may_fail(child, limited=limited) for child in children)
            case Or(children):
                return all(self._may_fail(child, limited=limited) for child in children)
            case Not(child):
                return self.may_hold(child, limited=limited)
            case Unary() | Binary():
                return not self._always(expression)
            case _:
                return True

    def lost(self, expression: Expression, *, negated: bool = False) -> Iterator[tuple[Expression, bool]]:
        """Yield the largest parts that cannot hold only for want of supply, and whether each is negated."""
        if not self.may_hold(expression, limited=False):
            return
        if isinstance(expression, Not):
            yield from self.lost(expression.child, negated=not negated)
        elif not self.may_hold(expression, limited=True):
            yield expression, negated
        elif isinstance(expression, And | Or):
            for child in expression.children:
                yield from self.lost(child, negated=negated)

    def missing(self, expression: Expression) -> frozenset[str]:
        """Return the fields of a part that are not supplied."""
        found = (each for each in used_operands(expression) if not self._supply.has(each, self._event_type))
        return frozenset(key_of(each) for each in found)

    def _check_may_hold(self, check: Check, *, limited: bool) -> bool:
        if event_types(check) == NONE or (isinstance(check, Binary) and check.right == _NOTHING):
            return False
        decided = self._of_type(check)
        if decided is not None:
            return decided
        return not limited or not self.missing(check)

    def _always(self, check: Check) -> bool:
        return self._of_type(check) is True

    def _of_type(self, check: Check) -> bool | None:
        """Decide a check of the event's type, None where it is about something else."""
        match check:
            case Binary(Field(name, None), _, Value() | Values(), None) if name == _TYPE_FIELD:
                return self._event_type in event_types(check)
            case Unary(Field(name, None)) if name == _TYPE_FIELD:
                return True
            case _:
                return None


def _names(asked: Field, known: Fields) -> set[str]:
    """Return the names under which a sensor may say that it supplies a field."""
    names = {key_of(asked), asked.name}
    found = known.find(asked)
    if found is not None:
        names |= {found[0].name, key_of(found[1])}
        names |= set(EITHER_END.get(found[0].name, ()))
    return names


def _field(key: str) -> Field:
    name, bracket, rest = key.partition("[")
    return Field(name, rest.removesuffix("]") if bracket else None)
