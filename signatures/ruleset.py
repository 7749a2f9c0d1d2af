"""Rules ready to be decided, indexed by the type of event that each can match."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from signatures.event import FieldValue
from signatures.event_types import EventTypes, known_event_types
from signatures.output import Output
from signatures.priority import Priority
from signatures.problems import Place
from signatures.syntax import Expression

_EVENT_TYPE: Final = "evt.type"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule, compiled."""

    name: str
    desc: str
    priority: Priority
    tags: tuple[str, ...]
    """Ascending."""
    source: str
    enabled: bool
    """As the files say; `RuleSet.select` may decide otherwise."""
    condition: str
    """Canonical text, lists and macros written out."""
    written_condition: str
    """As the files have it."""
    output: str
    """The template, without what makes it go on over missing values."""
    place: Place
    expression: Expression = field(repr=False)
    holds: Callable[[Mapping[str, FieldValue]], bool] = field(repr=False)
    shown: Output = field(repr=False)
    types: EventTypes
    keys: frozenset[str]
    """Fields that the condition may ask of an event."""
    capture: bool = False
    capture_duration: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Switches rules on or off, by a pattern of their names or by a tag."""

    enable: bool
    rule: str | None = None
    """A name in which `*` stands for any text."""
    tag: str | None = None

    def applies_to(self, rule: Rule) -> bool:
        """Tell whether a rule is meant."""
        if self.tag is not None and self.tag not in rule.tags:
            return False
        return self.rule is None or matches_wildcard(self.rule, rule.name)


class RuleSet:
    """Rules in the order in which they are tried.

    Args:
        rules: In that order.
        selections: Applied one after the other to what the files say.
    """

    def __init__(self, rules: Iterable[Rule], selections: Sequence[Selection] = ()) -> None:
        self.rules = tuple(rules)
        self.enabled = tuple(rule for rule in self.rules if is_selected(rule, selections))
        self._by_type: dict[str, tuple[Rule, ...]] = {}
        for name in known_event_types():
            found = tuple(rule for rule in self.enabled if name in rule.types)
            if found:
                self._by_type[name] = found

    @property
    def event_types(self) -> frozenset[str]:
        """Event types for which a rule can hold: all that a sensor need supply."""
        return frozenset(self._by_type)

    @property
    def keys(self) -> frozenset[str]:
        """Fields that conditions and outputs of enabled rules may ask of an event."""
        return frozenset().union(*(rule.keys | rule.shown.asked for rule in self.enabled))

    def for_type(self, event_type: str) -> tuple[Rule, ...]:
        """Return the rules that are tried for an event of a type."""
        return self._by_type.get(event_type, ())

    def match(self, event: Mapping[str, FieldValue]) -> Iterator[Rule]:
        """Yield the rules that hold for an event, in order; its `evt.type` decides which are tried.

        Falco's default, one rule for each event, is the first of them.
        """
        for rule in self._by_type.get(event[_EVENT_TYPE], ()):  # type: ignore[arg-type]  # a text by its type
            if rule.holds(event):
                yield rule


def is_selected(rule: Rule, selections: Sequence[Selection]) -> bool:
    """Tell whether a rule is on after all selections."""
    enabled = rule.enabled
    for selection in selections:
        if selection.applies_to(rule):
            enabled = selection.enable
    return enabled


def matches_wildcard(pattern: str, text: str) -> bool:
    """Tell whether a whole text matches a pattern in which `*` stands for any text, in linear time.

    Examples:
        >>> matches_wildcard("Read *", "Read sensitive file"), matches_wildcard("read", "Read")
        (True, False)
    """
    parts = pattern.split("*")
    if len(parts) == 1:
        return pattern == text
    first, *middle, last = parts
    if not text.startswith(first) or not text.endswith(last) or len(text) < len(first) + len(last):
        return False
    at, end = len(first), len(text) - len(last)
    for part in middle:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True
