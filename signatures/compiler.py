"""Tree to function: a condition becomes one Python function, compiled once.

The function is built as a syntax tree of Python and never as text, so nothing that a rule's author
writes can become code: names of fields and constants are data in that tree. Checks that most rules
are made of become single comparisons; all others call `signatures.checks`.
"""

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from signatures.checks import Arity, allows, between, check_of, modified_check_of
from signatures.constants import to_constant
from signatures.errors import CompileError
from signatures.event import FieldValue
from signatures.event_types import NONE, EventTypes, event_types, known_event_types
from signatures.fields import EITHER_END, Fields, FieldType, all_fields, key_of
from signatures.operands import Compiled, Operands, to_function
from signatures.patterns import needless_regex
from signatures.syntax import (
    And,
    Binary,
    Expression,
    Field,
    Identifier,
    Not,
    Or,
    Position,
    Transformer,
    Unary,
    Value,
    Values,
)
from signatures.vocabulary import TRANSFORMERS, VAL

Predicate: TypeAlias = Callable[[Mapping[str, FieldValue]], bool]
"""Of an event, which must give None for what it has not (`signatures.event.Event`)."""

_COMPARISONS: Final[dict[str, type[ast.cmpop]]] = {
    "=": ast.Eq, "==": ast.Eq, "!=": ast.NotEq, "<": ast.Lt, "<=": ast.LtE, ">": ast.Gt, ">=": ast.GtE,
}  # fmt: skip
_SIMPLE: Final = frozenset(
    {FieldType.TEXT, FieldType.SIGNED, FieldType.UNSIGNED, FieldType.REAL, FieldType.FLAG}
)
_MERGED: Final = {
    "=": "in", "==": "in", "in": "in", "startswith": "startswith", "endswith": "endswith",
}  # fmt: skip
"""Operators of which several in one "or", on one field, are one check."""
_VALUE: Final = "value"
_TYPE_FIELDS: Final = ("evt.type", "syscall.type")


@dataclass(frozen=True, slots=True)
class Warned:
    """Something in a condition that its author may not have meant."""

    message: str
    position: Position


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition ready to be decided."""

    holds: Predicate
    types: EventTypes
    """Event types for which it can hold."""
    keys: frozenset[str]
    """Fields that it may ask of an event, argument included."""
    warnings: tuple[Warned, ...]


def compile_condition(expression: Expression, fields: Fields | None = None) -> Condition:
    """Compile a condition whose macros are resolved.

    Args:
        expression: The tree.
        fields: What it may name; all fields of the language by default.

    Raises:
        CompileError: A field, an event type or a macro does not exist, an operator does not fit a type, or
            the condition nests too deeply.

    Examples:
        >>> from signatures.event import Event
        >>> from signatures.parser import parse
        >>> reads = compile_condition(parse("evt.type=open and fd.name startswith /etc"))
        >>> reads.holds(Event({"evt.type": "open", "fd.name": "/etc/passwd"})), reads.holds(Event())
        (True, False)
    """
    compiler = _Compiler(all_fields() if fields is None else fields)
    try:
        node = compiler.expression(expression)
        holds = compiler.finish(node)
    except RecursionError:
        msg = "the condition nests too deeply to be compiled"
        raise CompileError(msg, expression.position) from None
    return Condition(
        holds=holds,
        types=event_types(expression),
        keys=frozenset(compiler.operands.keys),
        warnings=tuple(compiler.warnings),
    )


class _Compiler:
    def __init__(self, fields: Fields) -> None:
        self._fields = fields
        self.operands = Operands(fields)
        self.warnings: list[Warned] = []

    def finish(self, node: ast.expr) -> Predicate:
        return to_function(node, self.operands.namespace)

    def expression(self, expression: Expression) -> ast.expr:
        match expression:
            case And(children):
                return _joined(ast.And(), [self.expression(child) for child in children])
            case Or():
                return _joined(ast.Or(), self._alternatives(list(_flat(expression))))
            case Not(child):
                return _negated(self.expression(child))
            case Identifier(name, position):
                msg = f"Undefined macro '{name}' used in filter."
                raise CompileError(msg, position)
            case Unary():
                return self._exists(expression)
            case Binary():
                return self._binary(expression)

    def _alternatives(self, children: list[Expression]) -> list[ast.expr]:
        """Compile what an "or" holds; checks of one text against several constants become one check."""
        groups: dict[tuple[str, str], list[str]] = {}
        for child in children:
            if (key := self._mergeable(child)) is not None:
                groups.setdefault(key, []).extend(_texts(child))
        parts = []
        for child in children:
            part = self.expression(child)
            key = self._mergeable(child)
            if key is None:
                parts.append(part)
            elif (texts := groups.pop(key, None)) is not None:
                # The first of a group stands for all of it.
                parts.append(part if len(texts) == len(_texts(child)) else self._merged(child, key[1], texts))
        return parts

    def _mergeable(self, child: Expression) -> tuple[str, str] | None:
        match child:
            case Binary(Field() as field, operator, Value() | Values(), None) if operator in _MERGED:
                found = self._fields.find(field)
                if found is None or found[0].type is not FieldType.TEXT or found[0].name in EITHER_END:
                    return None
                if found[0].is_list or found[0].is_ancestral(found[1].argument):
                    return None
                return key_of(field), _MERGED[operator]
            case _:
                return None

    def _merged(self, child: Expression, operator: str, texts: list[str]) -> ast.expr:
        left = self.operands.compile(child.left)  # type: ignore[union-attr]  # a check, see `_mergeable`
        if operator == "in":
            return ast.Compare(left.node, [ast.In()], [ast.Constant(frozenset(texts))])  # type: ignore[arg-type]
        method = ast.Attribute(_name(), operator, ast.Load())
        constant = ast.Constant(tuple(texts))  # type: ignore[arg-type]  # a tuple of constants is one
        return _if_there(left.node, ast.Call(method, [constant], []))

    def _exists(self, check: Unary) -> ast.expr:
        left = self.operands.compile(check.left)
        match left.arity:
            case Arity.ONE:
                return ast.Compare(left.node, [ast.IsNot()], [ast.Constant(None)])
            case Arity.LIST:
                return self.operands.call(bool, left.node)
            case _:
                return self.operands.call(_any_there, left.node)

    def _binary(self, check: Binary) -> ast.expr:
        left = self.operands.compile(check.left)
        if event_types(check) == NONE and isinstance(check.left, Field) and check.left.name == "evt.num":
            return ast.Constant(value=False)
        if not allows(left.type, left.arity, check.operator):
            what = "list filters" if left.arity is Arity.LIST else f"fields of type {left.type}"
            msg = f"'{check.operator}' operator not supported for {what}"
            raise CompileError(msg, check.position)
        if isinstance(check.right, Value | Values):
            return self._against_constants(check, left, check.right)
        return self._against_operand(check, left)

    def _against_constants(self, check: Binary, left: Compiled, right: Value | Values) -> ast.expr:
        texts = right.texts if isinstance(right, Values) else (right.text,)
        found = self._fields.find(check.left) if isinstance(check.left, Field) else None
        self._check_types(check, texts, right.position)
        self._warn(check, texts, right.position)
        try:
            if found is not None and found[0].whole:
                for text in texts:
                    to_constant(text, FieldType.SIGNED, check.operator)
            if check.modifier is not None:
                test = modified_check_of(check.operator, check.modifier, left.type, left.arity, texts)
                return self.operands.call(test, left.node)
            simple = self._simple(check.operator, left, texts)
            if simple is not None:
                return simple
            return self.operands.call(check_of(check.operator, left.type, left.arity, texts), left.node)
        except ValueError as error:
            raise CompileError(str(error), right.position) from None

    def _simple(  # noqa: PLR0911 - one for each form
        self, operator: str, left: Compiled, texts: tuple[str, ...]
    ) -> ast.expr | None:
        """Return a check in Python's own operators, where there is one for it."""
        if (
            left.arity is Arity.ANY
            and left.type is FieldType.TEXT
            and operator in ("in", "intersects", "=", "==")
        ):
            values = ast.BoolOp(ast.Or(), [left.node, ast.Constant(())])  # type: ignore[arg-type]  # a constant
            return ast.UnaryOp(ast.Not(), self.operands.call(frozenset(texts).isdisjoint, values))
        if left.arity is not Arity.ONE or left.type not in _SIMPLE:
            return None
        if operator in ("in", "intersects"):
            allowed = frozenset(to_constant(text, left.type, operator) for text in texts)
            return ast.Compare(left.node, [ast.In()], [ast.Constant(allowed)])  # type: ignore[arg-type]  # a frozenset of constants is one
        if operator in _COMPARISONS:
            constant = ast.Constant(to_constant(texts[0], left.type, operator))  # type: ignore[arg-type]  # no address here
            if operator in ("=", "=="):
                return ast.Compare(left.node, [ast.Eq()], [constant])
            return _if_there(left.node, ast.Compare(_name(), [_COMPARISONS[operator]()], [constant]))
        if operator == "contains":
            constant = ast.Constant(str(to_constant(texts[0], left.type, operator)))
            return _if_there(left.node, ast.Compare(constant, [ast.In()], [_name()]))
        if operator in ("startswith", "endswith"):
            constant = ast.Constant(str(to_constant(texts[0], left.type, operator)))
            method = ast.Attribute(_name(), operator, ast.Load())
            return _if_there(left.node, ast.Call(method, [constant], []))
        return None

    def _against_operand(self, check: Binary, left: Compiled) -> ast.expr:
        right = self.operands.compile(check.right)
        if check.modifier is not None or check.operator in ("regex", "pmatch") or left.alone or right.alone:
            msg = f"'{check.operator}' takes constants on its right side here, not a field"
            raise CompileError(msg, check.position)
        if (left.arity is Arity.LIST) != (right.arity is Arity.LIST):
            msg = "one side is a list and the other is not"
            raise CompileError(msg, check.position)
        if left.type is not right.type:
            msg = f"left and right sides are of different types: {left.type} and {right.type}"
            raise CompileError(msg, check.position)
        return self.operands.call(between(check.operator), left.node, right.node)

    def _check_types(self, check: Binary, texts: tuple[str, ...], position: Position) -> None:
        named = isinstance(check.left, Field) and check.left.name in _TYPE_FIELDS
        if named and check.operator in ("=", "==", "!=", "in", "intersects"):
            for text in texts:
                if text not in known_event_types():
                    msg = f"unknown event type {text}"
                    raise CompileError(msg, position, unknown=True)

    def _warn(self, check: Binary, texts: tuple[str, ...], position: Position) -> None:
        for text in texts:
            if check.operator == "regex":
                if needless_regex(text):
                    msg = f"'regex' takes '{text}' as a plain text; 'startswith', 'contains' or '=' is faster"
                    self.warnings.append(Warned(msg, position))
            elif self._fields.named(text):
                msg = f"'{text}' may be a valid field misused as a const string value"
                self.warnings.append(Warned(msg, position))
            elif _looks_transformed(text, self._fields):
                msg = f"'{text}' may be a valid field transformer misused as a const string value"
                self.warnings.append(Warned(msg, position))


def _flat(expression: Expression) -> Iterator[Expression]:
    """Yield what an "or" holds, and what an "or" directly in it holds."""
    if isinstance(expression, Or):
        for child in expression.children:
            yield from _flat(child)
    else:
        yield expression


def _texts(check: Expression) -> tuple[str, ...]:
    right = check.right if isinstance(check, Binary) else None
    return right.texts if isinstance(right, Values) else (right.text,) if isinstance(right, Value) else ()


def used_operands(expression: Expression) -> Iterator[Field]:
    """Yield every field that a condition names, in the order of the text."""
    match expression:
        case And(children) | Or(children):
            for child in children:
                yield from used_operands(child)
        case Not(child):
            yield from used_operands(child)
        case Unary(left):
            yield from _fields_in(left)
        case Binary(left, _, right):
            yield from _fields_in(left)
            yield from _fields_in(right)
        case _:
            return


def _fields_in(operand: object) -> Iterator[Field]:
    match operand:
        case Field():
            yield operand
        case Transformer(_, arguments):
            for argument in arguments:
                yield from _fields_in(argument)
        case _:
            for member in getattr(operand, "members", ()):
                yield from _fields_in(member)


def _looks_transformed(text: str, fields: Fields) -> bool:
    """Tell whether a text reads like a transformer of a field, which exceptions quote by mistake."""
    name, bracket, rest = text.strip().partition("(")
    if not bracket or name not in (*TRANSFORMERS, VAL) or not rest.endswith(")"):
        return False
    inner = rest[:-1].strip()
    return fields.named(inner) or _looks_transformed(inner, fields)


def _any_there(values: FieldValue) -> bool:
    return isinstance(values, tuple) and any(each is not None for each in values)


def _name() -> ast.expr:
    return ast.Name(_VALUE, ast.Load())


def _if_there(operand: ast.expr, check: ast.expr) -> ast.expr:
    """Return `(value := operand) is not None and check`."""
    taken = ast.NamedExpr(ast.Name(_VALUE, ast.Store()), operand)
    return ast.BoolOp(ast.And(), [ast.Compare(taken, [ast.IsNot()], [ast.Constant(None)]), check])


def _joined(connective: ast.And | ast.Or, parts: list[ast.expr]) -> ast.expr:
    """Return parts under one connective, without those that decide nothing."""
    decides = isinstance(connective, ast.Or)
    kept: list[ast.expr] = []
    for part in parts:
        if isinstance(part, ast.Constant):
            if part.value is decides:
                return part
            continue
        kept.append(part)
    if not kept:
        return ast.Constant(not decides)
    return kept[0] if len(kept) == 1 else ast.BoolOp(connective, kept)


def _negated(part: ast.expr) -> ast.expr:
    if isinstance(part, ast.Constant):
        return ast.Constant(not part.value)
    return ast.UnaryOp(ast.Not(), part)
