"""Which types of event a condition can match at all: what rules are indexed by."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Final

from signatures.syntax import And, Binary, Expression, Field, Not, Or, Unary, Value, Values

_NEGATED: Final[Mapping[str, str]] = {
    "=": "!=", "==": "!=", "!=": "=", "<": ">=", "<=": ">", ">": "<=", ">=": "<",
}  # fmt: skip
_MAX_DIGITS: Final = 64


@dataclass(frozen=True, slots=True)
class EventTypes:
    """A set of event types: `names`, or all others."""

    names: frozenset[str]
    inverted: bool = False

    def __and__(self, other: "EventTypes") -> "EventTypes":
        return ~(~self | ~other)

    def __or__(self, other: "EventTypes") -> "EventTypes":
        match self.inverted, other.inverted:
            case False, False:
                return EventTypes(self.names | other.names)
            case True, True:
                return EventTypes(self.names & other.names, inverted=True)
            case True, False:
                return EventTypes(self.names - other.names, inverted=True)
            case _:
                return EventTypes(other.names - self.names, inverted=True)

    def __invert__(self) -> "EventTypes":
        return EventTypes(self.names, not self.inverted)

    def __contains__(self, name: str) -> bool:
        return (name in self.names) != self.inverted

    def resolved(self, known: frozenset[str]) -> frozenset[str]:
        """Return the types as names, out of those that exist."""
        return known - self.names if self.inverted else self.names & known


NONE: Final = EventTypes(frozenset())
ALL: Final = ~NONE


def event_types(expression: Expression, *, negated: bool = False) -> EventTypes:
    """Return the event types for which a condition, macros resolved, can hold.

    Only checks of `evt.type` narrow them, and those of `evt.num` that never hold (the idiom
    `evt.num=0`); any other check may hold for any type, and so may its opposite.

    Examples:
        >>> from signatures.parser import parse
        >>> sorted(event_types(parse("evt.type in (open, openat) and not evt.type=open")).names)
        ['openat']
    """
    match expression:
        case Not(child):
            return event_types(child, negated=not negated)
        case And(children) | Or(children):
            found = [event_types(child, negated=negated) for child in children]
            both = isinstance(expression, And) != negated
            result = found[0]
            for each in found[1:]:
                result = result & each if both else result | each
            return result
        case Unary(Field("evt.type", None)):
            return NONE if negated else ALL
        case Binary(Field("evt.type", None)):
            return _of_type(expression, negated=negated)
        case Binary(Field("evt.num", None)):
            return NONE if _never(expression, negated=negated) else ALL
        case _:
            return ALL


def _of_type(check: Binary, *, negated: bool) -> EventTypes:
    match check.operator, check.right, check.modifier:
        case "=" | "==", Value(text), None:
            found = EventTypes(frozenset({text}))
        case "!=", Value(text), None:
            found = ~EventTypes(frozenset({text}))
        case "in" | "intersects", Values(texts), None:
            found = EventTypes(frozenset(texts))
        case "=" | "==", Values(texts), "anyof" | "oneof":
            # A text listed twice is matched twice, which "oneof" refuses; the index may hold too much.
            return ALL if negated else EventTypes(frozenset(texts))
        case _:
            return ALL
    return ~found if negated else found


def _never(check: Binary, *, negated: bool) -> bool:
    """Tell whether a check of the event's number, which counts from 1, can never hold."""
    if check.operator == "in" and isinstance(check.right, Values):
        numbers = [_natural(text) for text in check.right.texts]
        return not negated and None not in numbers and not any(numbers)
    number = _natural(check.right.text) if isinstance(check.right, Value) else None
    operator = _NEGATED.get(check.operator) if negated else check.operator
    if number is None:
        return False
    return (operator in ("=", "==", "<=") and number == 0) or (operator == "<" and number <= 1)


def _natural(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS else None


@lru_cache(maxsize=1)
def known_event_types() -> frozenset[str]:
    """Return every name that `evt.type` may have."""
    text = files("signatures").joinpath("event_types.txt").read_text("utf-8")
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))
