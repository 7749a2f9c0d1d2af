"""Tree to text, in the one form in which conditions are shown and compared."""

from typing import assert_never

from signatures.syntax import (
    And,
    Binary,
    Expression,
    Field,
    Group,
    Identifier,
    Not,
    Operand,
    Or,
    Transformer,
    Unary,
    Value,
    Values,
)
from signatures.vocabulary import BARE, escape


def to_text(expression: Expression) -> str:
    """Return the canonical text of a condition: every "and" and "or" in parentheses.

    Examples:
        >>> from signatures.parser import parse
        >>> to_text(parse("a.b=1 or c and not d.e in ('x y', z)"))
        '(a.b = 1 or (c and not d.e in ("x y", z)))'
    """
    match expression:
        case And(children):
            return "(" + " and ".join(map(to_text, children)) + ")"
        case Or(children):
            return "(" + " or ".join(map(to_text, children)) + ")"
        case Not(child):
            return "not " + to_text(child)
        case Identifier(name):
            return name
        case Unary(left, operator):
            return f"{operand_to_text(left)} {operator}"
        case Binary(left, operator, right, modifier):
            words = (operand_to_text(left), operator, modifier, operand_to_text(right))
            return " ".join(word for word in words if word is not None)
        case _ as never:
            assert_never(never)


def operand_to_text(operand: Operand) -> str:
    """Return the canonical text of one side of a check."""
    match operand:
        case Field(name, argument):
            return name if argument is None else f"{name}[{_plain_or_quoted(argument)}]"
        case Value(text):
            return _plain_or_quoted(text)
        case Values(texts):
            return "(" + ", ".join(map(_plain_or_quoted, texts)) + ")"
        case Group(members):
            return "(" + ",".join(_argument_to_text(each) for each in members) + ")"
        case Transformer(name, arguments, argument):
            inner = ",".join(_argument_to_text(each) for each in arguments)
            return f"{name}({inner})" + ("" if argument is None else f"[{_plain_or_quoted(argument)}]")
        case _ as never:
            assert_never(never)


def _argument_to_text(operand: Operand) -> str:
    # The reference prints constants inside of transformers bare; that form is for people, not for parsing.
    return operand.text if isinstance(operand, Value) else operand_to_text(operand)


def _plain_or_quoted(text: str) -> str:
    escaped = escape(text)
    # The reference prints the empty string and what holds a parenthesis bare, and cannot read them back.
    return escaped if escaped != text or BARE.fullmatch(text) else f'"{text}"'
