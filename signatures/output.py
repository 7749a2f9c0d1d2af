"""Output templates: `%field` in a text, and what an event makes of it, for people and as fields."""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from signatures.errors import CompileError, ParseError
from signatures.event import FieldValue
from signatures.fields import Fields, all_fields, key_of
from signatures.operands import Compiled, Operands, to_function
from signatures.parser import parse_operand
from signatures.printer import operand_to_text
from signatures.syntax import Field, Group, Operand, Position, Transformer
from signatures.vocabulary import TRANSFORMERS

NOTHING: Final = "<NA>"
MAX_TEMPLATE: Final = 64 << 10
"""Characters of a template."""
_NAME: Final = re.compile(r"[a-zA-Z]+[a-zA-Z0-9_]*(?:\.[a-zA-Z]+[a-zA-Z0-9_]*)+")
_WIDTH: Final = re.compile("[0-9]{1,4}")
_BRACKET: Final = re.compile(r"""\[("[^"]*"|'[^']*'|[^\]\["'\s]+)\]""")


@dataclass(frozen=True, slots=True)
class _Token:
    """One `%…` of a template."""

    key: str
    operand: Operand
    width: int
    is_list: bool
    inner: tuple[str, ...]
    """Keys of the fields that a transformer takes."""


@dataclass(frozen=True, slots=True)
class Output:
    """A template ready to be filled.

    Args of `parse_output` say what it is made from.
    """

    parts: tuple[str | _Token, ...]
    keep_going: bool
    """A missing value is printed as `<NA>` instead of ending the text."""
    _values: object
    _keys: tuple[str, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of everything that it shows: fields, and transformers by their text."""
        return self._keys

    @property
    def asked(self) -> frozenset[str]:
        """Keys of the fields that it asks of an event."""
        return frozenset(key for part in self.parts if isinstance(part, _Token) for key in part.inner)

    def fields(self, event: Mapping[str, FieldValue], *, transformed: bool = True) -> dict[str, FieldValue]:
        """Return every value shown, by key, in the order of the template; None where there is none.

        Args:
            event: The event.
            transformed: Whether what transformers give is shown beside the fields that they take.
        """
        values = dict(zip(self._keys, self._values(event), strict=True))  # type: ignore[operator]  # a function
        return values if transformed else {key: value for key, value in values.items() if "(" not in key}

    def text(self, event: Mapping[str, FieldValue]) -> tuple[str, bool]:
        """Return the text, and whether it is whole: without `*` in front it ends at a missing value."""
        values = self.fields(event)
        written: list[str] = []
        for part in self.parts:
            if isinstance(part, str):
                written.append(part)
                continue
            value = values[part.key]
            if value is None and not self.keep_going:
                return "".join(written), False
            shown = to_shown(value, is_list=part.is_list)
            written.append(shown[: part.width].ljust(part.width) if part.width else shown)
        return "".join(written), True


def parse_output(template: str, fields: Fields | None = None) -> Output:
    """Return a template ready to be filled.

    Args:
        template: The text; `*` as its first character lets it go on where a value is missing.
        fields: What it may name; all fields of the language by default.

    Raises:
        CompileError: What follows a `%` is no field and no transformer of one.

    Examples:
        >>> output = parse_output("*file=%fd.name (%10proc.name)")
        >>> output.text({"fd.name": None, "proc.name": "cat"} | {})[0]
        'file=<NA> (cat       )'
    """
    if len(template) > MAX_TEMPLATE:
        msg = f"a template of more than {MAX_TEMPLATE} characters"
        raise _invalid(msg, 0)
    if not template:
        msg = "the template is empty"
        raise _invalid(msg, 0)
    fields = all_fields() if fields is None else fields
    keep_going = template.startswith("*")
    operands = Operands(fields)
    parts: list[str | _Token] = []
    computed: dict[str, Compiled] = {}
    text, at = "", 1 if keep_going else 0
    while at < len(template):
        if template[at] != "%":
            text += template[at]
            at += 1
            continue
        token, at = _token(template, at + 1, fields, operands, computed)
        parts += [text, token] if text else [token]
        text = ""
    if text:
        parts.append(text)
    node = ast.Tuple([each.node for each in computed.values()], ast.Load())
    return Output(tuple(parts), keep_going, to_function(node, operands.namespace), tuple(computed))


def to_shown(value: FieldValue, *, is_list: bool = False) -> str:
    """Return a value as it stands in a text.

    Examples:
        >>> to_shown(None), to_shown(True), to_shown(("a", "b"), is_list=True), to_shown(("bash", "init"))
        ('<NA>', 'true', '(a,b)', 'bash init')
    """
    if value is None:
        return NOTHING
    if isinstance(value, tuple):
        shown = [to_shown(each) for each in value]
        return "(" + ",".join(shown) + ")" if is_list else " ".join(shown)
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _token(
    template: str, at: int, fields: Fields, operands: Operands, computed: dict[str, Compiled]
) -> tuple[_Token, int]:
    width = 0
    if found := _WIDTH.match(template, at):
        width, at = int(found.group()), found.end()
    operand, end = _operand(template, at, fields)
    compiled = None
    try:
        for each in _shown(operand):
            compiled = operands.compile(each)
            computed.setdefault(operand_to_text(each), compiled)
    except CompileError as error:
        raise CompileError(str(error), Position(at, 1, at + 1), unknown=error.unknown) from None
    found_field = fields.find(operand) if isinstance(operand, Field) else None
    is_list = found_field is not None and found_field[0].is_list
    if found_field is not None and found_field[0].unprinted:
        msg = f"field '{key_of(found_field[1])}' can be compared, but not shown"
        raise _invalid(msg, at)
    inner = tuple(dict.fromkeys(key_of(each) for each in _leaves(operand)))
    return _Token(operand_to_text(operand), operand, width, is_list, inner), end


def _operand(template: str, at: int, fields: Fields) -> tuple[Operand, int]:
    if any(template.startswith(name + "(", at) for name in TRANSFORMERS):
        try:
            operand, length = parse_operand(template[at:])
        except ParseError as error:
            msg = f"invalid formatting token {template[at : at + 40]}: {error}"
            raise _invalid(msg, at) from None
        return operand, at + length
    found = _NAME.match(template, at)
    name = found.group() if found else ""
    # The longest name that exists: what follows a field need not be a blank.
    while name:
        end = at + len(name)
        bracket = _BRACKET.match(template, end)
        if bracket and fields.find(Field(name, bracket[1].strip("\"'"))) is not None:
            return Field(name, bracket[1].strip("\"'")), bracket.end()
        if fields.find(Field(name)) is not None:
            if fields.takes_argument(name) and template.startswith("[", end):
                break
            return Field(name), end
        name = name[:-1]
    msg = f"invalid formatting token {template[at : at + 40]}"
    raise CompileError(msg, Position(at, 1, at + 1), unknown=True)


def _shown(operand: Operand) -> Iterator[Operand]:
    """Yield what is shown of an operand: itself, and what stands at the ends of its transformers."""
    yield operand
    inner = operand
    while isinstance(inner, Transformer) and len(inner.arguments) == 1:
        inner = inner.arguments[0]
    if inner is operand and isinstance(operand, Field):
        return
    if isinstance(inner, Field):
        yield inner
    elif isinstance(inner, Transformer):
        for argument in inner.arguments:
            members = argument.members if isinstance(argument, Group) else (argument,)
            for member in members:
                if isinstance(member, Field | Transformer):
                    yield from _shown(member)


def _leaves(operand: Operand) -> Iterator[Field]:
    match operand:
        case Field():
            yield operand
        case Transformer(_, arguments) | Group(arguments):
            for argument in arguments:
                yield from _leaves(argument)
        case _:
            return


def _invalid(message: str, at: int) -> CompileError:
    return CompileError(message, Position(at, 1, at + 1))
