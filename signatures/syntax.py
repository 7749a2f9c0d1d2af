"""The tree that a condition is parsed into."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a text."""

    index: int = 0
    """Characters before it."""
    line: int = 1
    column: int = 1


_NOWHERE = Position()


@dataclass(frozen=True, slots=True)
class And:
    """All of several conditions; two at least."""

    children: tuple["Expression", ...]
    position: Position = field(default=_NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Or:
    """Any of several conditions; two at least."""

    children: tuple["Expression", ...]
    position: Position = field(default=_NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of a condition."""

    child: "Expression"
    position: Position = field(default=_NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Identifier:
    """A macro by name."""

    name: str
    position: Position = field(default=_NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the event, such as `proc.aname[2]`."""

    name: str
    argument: str | None = None
    """What stands in brackets, unescaped; None without brackets."""
    position: Position = field(default=_NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Value:
    """A constant, unescaped."""

    text: str
    position: Position = field(default=_NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Values:
    """A list of constants, unescaped."""

    texts: tuple[str, ...]
    position: Position = field(default=_NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Group:
    """Several operands in parentheses: an argument of a transformer such as `join`."""

    members: tuple["Operand", ...]
    position: Position = field(default=_NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Transformer:
    """A function of operands, such as `tolower(proc.name)`; `val` alone stands for the field itself."""

    name: str
    arguments: tuple["Operand", ...]
    argument: str | None = None
    """What stands in brackets behind it, as in `getopt(…)[t]`."""
    position: Position = field(default=_NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Unary:
    """A check without a right side: `exists`."""

    left: "Operand"
    operator: str
    position: Position = field(default=_NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Binary:
    """A check of a left side against a right one."""

    left: "Operand"
    operator: str
    """One of `vocabulary.BINARY`."""
    right: "Operand"
    modifier: str | None = None
    """`oneof`, `anyof` or `allof`: then the right side is a list."""
    position: Position = field(default=_NOWHERE, compare=False)


Operand: TypeAlias = Field | Value | Values | Group | Transformer
Check: TypeAlias = Unary | Binary
Expression: TypeAlias = And | Or | Not | Identifier | Unary | Binary


def leaves(expression: Expression) -> Iterator[Identifier | Check]:
    """Yield what a condition joins with `and`, `or` and `not`: its checks and macros, in the order written.

    Examples:
        >>> tree = And((Identifier("spawned"), Not(Unary(Field("proc.name"), "exists"))))
        >>> [type(leaf).__name__ for leaf in leaves(tree)]
        ['Identifier', 'Unary']
    """
    match expression:
        case And(children) | Or(children):
            for child in children:
                yield from leaves(child)
        case Not(child):
            yield from leaves(child)
        case leaf:
            yield leaf
