"""One side of a check as an expression of Python's own syntax tree, with its type."""

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from signatures import transformers
from signatures.checks import Arity
from signatures.errors import CompileError
from signatures.event import FieldValue
from signatures.fields import EITHER_END, Fields, FieldType, key_of
from signatures.syntax import Field, Group, Operand, Position, Transformer, Value, Values

EVENT: Final = "event"
"""Name of the generated function's only argument."""
_TEXTS: Final = (FieldType.TEXT, FieldType.BYTES)


@dataclass(frozen=True, slots=True)
class Compiled:
    """An operand: what computes it, and what it gives."""

    node: ast.expr
    type: FieldType
    arity: Arity
    alone: bool = False
    """It can be compared with constants only."""


class Operands:
    """Compiles operands; what generated code needs beside the event is put into `namespace`.

    No text of a rule ever becomes source: field names and constants are nodes of the tree.

    Args:
        fields: What operands may name.
    """

    def __init__(self, fields: Fields) -> None:
        self._fields = fields
        self.namespace: dict[str, object] = {}
        self.keys: set[str] = set()
        """Every field that is asked of the event, by its key."""

    def bind(self, value: object) -> ast.Name:
        """Return a name that stands for an object in the generated code."""
        name = f"_{len(self.namespace)}"
        self.namespace[name] = value
        return ast.Name(name, ast.Load())

    def call(self, function: Callable[..., object], *arguments: ast.expr) -> ast.expr:
        """Return the call of a function of ours."""
        return ast.Call(self.bind(function), list(arguments), [])

    def compile(self, operand: Operand) -> Compiled:
        """Return an operand compiled.

        Raises:
            CompileError: It names a field that does not exist, or a transformer does not take its arguments.
        """
        match operand:
            case Field():
                return self._field(operand)
            case Value(text):
                return Compiled(ast.Constant(text), FieldType.TEXT, Arity.ONE)
            case Values(texts):
                return Compiled(_constant(tuple(texts)), FieldType.TEXT, Arity.LIST)
            case Group():
                return self._group(operand)
            case Transformer():
                return self._transformer(operand)

    def _field(self, field: Field) -> Compiled:
        found = self._fields.find(field)
        if found is None:
            msg = f"filter_check called with nonexistent field {key_of(field)}"
            raise CompileError(msg, field.position, unknown=True)
        info, undotted = found
        ends = EITHER_END.get(info.name)
        if ends is not None:
            node: ast.expr = ast.Tuple([self._value(each) for each in ends], ast.Load())
            return Compiled(node, info.type, Arity.EITHER_END, alone=info.alone)
        arity = (
            Arity.LIST if info.is_list else Arity.ANY if info.is_ancestral(undotted.argument) else Arity.ONE
        )
        return Compiled(self._value(key_of(field)), info.type, arity, alone=info.alone)

    def _value(self, key: str) -> ast.expr:
        self.keys.add(key)
        return ast.Subscript(ast.Name(EVENT, ast.Load()), ast.Constant(key), ast.Load())

    def _group(self, group: Group) -> Compiled:
        members = [self.compile(member) for member in group.members]
        if any(member.arity is not Arity.ONE for member in members):
            msg = "a list cannot hold another list"
            raise _refuse(msg, group.position)
        node = ast.Tuple([member.node for member in members], ast.Load())
        return Compiled(node, FieldType.TEXT, Arity.LIST)

    def _transformer(self, transformer: Transformer) -> Compiled:
        name, here = transformer.name, transformer.position
        for argument in transformer.arguments:
            self._check_plain(name, argument)
        arguments = [self.compile(argument) for argument in transformer.arguments]
        if transformer.argument is not None and name != "getopt":
            msg = f"'{name}' takes no argument in brackets"
            raise _refuse(msg, here)
        match name:
            case "join":
                return self._join(arguments, here)
            case "concat":
                return self._concat(arguments, here)
            case "getopt":
                return self._getopt(transformer, arguments)
            case "val":
                return arguments[0]
            case "len":
                return self._len(arguments[0], here)
            case _:
                return self._of_text(name, arguments[0], here)

    def _check_plain(self, name: str, argument: Operand) -> None:
        if not isinstance(argument, Field):
            return
        found = self._fields.find(argument)
        if found is not None and (found[0].alone if name == "val" else found[0].plain):
            what = "a right side" if name == "val" else f"'{name}'"
            msg = f"field '{key_of(argument)}' cannot be used in {what}"
            raise CompileError(msg, argument.position)

    def _of_text(self, name: str, inner: Compiled, here: Position) -> Compiled:
        if inner.type not in _TEXTS or (inner.type is FieldType.BYTES and name != "b64"):
            msg = f"'{name}' takes text; got a field of type {inner.type}"
            raise _refuse(msg, here)
        return Compiled(self.call(transformers.of_text(name), inner.node), FieldType.TEXT, inner.arity)

    def _len(self, inner: Compiled, here: Position) -> Compiled:
        if inner.arity is not Arity.LIST and inner.type not in _TEXTS:
            msg = f"'len' takes text or a list; got a field of type {inner.type}"
            raise _refuse(msg, here)
        return Compiled(self.call(transformers.length, inner.node), FieldType.UNSIGNED, Arity.ONE)

    def _join(self, arguments: list[Compiled], here: Position) -> Compiled:
        if [each.arity for each in arguments] != [Arity.ONE, Arity.LIST]:
            msg = "'join' takes a separator and a list, as in join(\"-\", (a.b, c.d))"
            raise _refuse(msg, here)
        return Compiled(
            self.call(transformers.join, *(each.node for each in arguments)), FieldType.TEXT, Arity.ONE
        )

    def _concat(self, arguments: list[Compiled], here: Position) -> Compiled:
        if len(arguments) < 2 or any(each.arity is not Arity.ONE for each in arguments):
            msg = "'concat' takes two values at least, none of them a list"
            raise _refuse(msg, here)
        return Compiled(
            self.call(transformers.concat, *(each.node for each in arguments)), FieldType.TEXT, Arity.ONE
        )

    def _getopt(self, transformer: Transformer, arguments: list[Compiled]) -> Compiled:
        first = transformer.arguments[0] if transformer.arguments else None
        # The arguments of a process come as one text; they are words all the same.
        words = isinstance(first, Field) and first.name == "proc.args"
        if (
            len(arguments) != 2
            or not (arguments[0].arity is Arity.LIST or words)
            or arguments[1].arity is not Arity.ONE
        ):
            msg = "'getopt' takes a list of words and the options, as in getopt(proc.args, \"nt:\")"
            raise _refuse(msg, transformer.position)
        nodes = [each.node for each in arguments]
        if transformer.argument is None:
            return Compiled(self.call(transformers.getopt, *nodes), FieldType.TEXT, Arity.LIST)
        if not transformer.argument:
            msg_0 = "'getopt' takes the name of an option in brackets; got none"
            raise _refuse(msg_0, transformer.position)
        node = self.call(transformers.getopt_value, *nodes, ast.Constant(transformer.argument))
        return Compiled(node, FieldType.TEXT, Arity.ONE)


def to_function(node: ast.expr, namespace: dict[str, object]) -> Callable[[Mapping[str, FieldValue]], Any]:
    """Return a function of an event that computes an expression; `namespace` is what it may name."""
    arguments = ast.arguments(
        posonlyargs=[], args=[ast.arg(EVENT)], kwonlyargs=[], kw_defaults=[], defaults=[]
    )
    function = ast.FunctionDef("compute", arguments, [ast.Return(node)], [])
    module = ast.fix_missing_locations(ast.Module([function], []))
    scope: dict[str, Any] = {"__builtins__": {}, **namespace}
    exec(compile(module, "<rule>", "exec"), scope)  # noqa: S102 - a tree of our own making, never text
    return cast("Callable[[Mapping[str, FieldValue]], Any]", scope["compute"])


def _constant(value: tuple[str, ...]) -> ast.expr:
    # A tuple of constants is one too, though the types of the standard library do not say so.
    return ast.Constant(value)  # type: ignore[arg-type]


def _refuse(message: str, position: Position) -> CompileError:
    return CompileError(message, position)
