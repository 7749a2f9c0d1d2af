"""Cases of the filter language: what parses, what compiles, what holds, and for which event types."""

from contextlib import suppress
from functools import lru_cache
from typing import Any

from api.rules.conformance.cases import Case, FailedError, Material, NotRunError, expect
from signatures import transformers
from signatures.compiler import Condition, compile_condition
from signatures.errors import ParseError, SignatureError
from signatures.event import Event, FieldValue
from signatures.event_types import ALL, NONE, EventTypes, event_types
from signatures.fields import FieldInfo, Fields, FieldType, all_fields
from signatures.loader import condition_warnings
from signatures.parser import parse
from signatures.patterns import PathPrefixes
from signatures.printer import to_text
from signatures.ruleset import matches_wildcard
from signatures.syntax import And, Binary, Field, Identifier, Not, Or, Position, Unary, Value, Values
from signatures.vocabulary import escape, unescape


def parses(case: Case, _material: Material) -> None:
    """A text is accepted or refused, with the message given, however its blanks are written."""
    texts = [case["expr"]]
    if case.get("whitespace_variants"):
        spaced = f" {case['expr']} "
        texts += [spaced, spaced.replace(" ", "\n"), spaced.replace(" ", "\t")]
    for text in texts:
        outcome, message = "accept", ""
        try:
            parse(text)
        except ParseError as error:
            outcome, message = "reject", str(error)
        expect(repr(text), case["expect"], outcome)
        if "message" in case:
            expect("message", case["message"], message)


def has_tree(case: Case, _material: Material) -> None:
    """A text has the tree given."""
    expect("tree", case["ast"], _as_data(parse(case["expr"])))


def has_positions(case: Case, _material: Material) -> None:
    """Each node stands where the case says, and so does the end."""
    text = case["expr"]
    if "positions" in case:
        expect("positions", case["positions"], "".join(_positions(parse(text))))
    if "end_position" in case:
        # A text that parses is read to its end.
        parse(text)
        line = text.count("\n") + 1
        end = {"idx": len(text), "line": line, "col": len(text) - (text.rfind("\n") + 1) + 1}
        expect("end", case["end_position"], end)


def prints(case: Case, _material: Material) -> None:
    """A tree prints as the case says."""
    expect("text", case["as_string"], to_text(parse(case["expr"])))


def compiles(case: Case, _material: Material) -> None:
    """A condition compiles or does not, with so many warnings."""
    try:
        warnings = len(compile_condition(parse(case["expr"]), fields_of_cases()).warnings)
    except SignatureError as error:
        if case["expect"] == "compiles":
            msg = f"expected to compile; got: {error}"
            raise FailedError(msg) from None
        return
    expect("outcome", case["expect"], "compiles")
    if "warnings" in case:
        expect("warnings", case["warnings"], warnings)


def holds(case: Case, _material: Material) -> None:
    """A condition holds for an event, or does not."""
    event = Event({name: _value(value) for name, value in case["event"].items()})
    expect("decision", case["expect"], str(_compiled(case["expr"]).holds(event)).lower())


def lacks_event(_case: Case, _material: Material) -> None:
    """The event of upstream's test is not among the data."""
    msg = "the event is not among the data"
    raise NotRunError(msg)


def has_event_types(case: Case, _material: Material) -> None:
    """A condition can hold for these event types alone."""
    found = event_types(parse(case["expr"]))
    expect("event types", case["evt_types"], _types_as_data(found))


def has_equal_event_types(case: Case, _material: Material) -> None:
    """Two conditions can hold for the same event types."""
    first, second = (event_types(parse(case[each])) for each in ("expr_a", "expr_b"))
    expect("event types", _types_as_data(first), _types_as_data(second))


def has_prefix(case: Case, _material: Material) -> None:
    """A path lies at or below one of several."""
    expect("match", case["match"], PathPrefixes(case["patterns"])(case["path"]))


def escapes(case: Case, _material: Material) -> None:
    """A string is escaped or unescaped as the case says."""
    text = case["in"]
    if case["op"] == "escape":
        expect("escaped", case["out"], escape(text))
    elif case["op"] == "roundtrip":
        escaped = escape(text)
        expect("round trip", text, unescape(escaped) if escaped != text else text)
    elif case.get("error"):
        with suppress(ValueError):
            msg = f"expected an error; got {unescape(text)!r}"
            raise FailedError(msg)
    elif "out" in case:
        expect("unescaped", case["out"], unescape(text))
    else:
        expect("unescaped", case["out_bytes_hex"], unescape(text).encode("latin-1").hex())


def matches_name(case: Case, _material: Material) -> None:
    """A rule's name matches a pattern."""
    expect("match", case["match"], matches_wildcard(case["pattern"], case["string"]))


def warns(case: Case, _material: Material) -> None:
    """A condition deserves a warning."""
    expect("warns", case["warns"], any(condition_warnings(parse(case["expr"]))))


def transforms(case: Case, _material: Material) -> None:
    """A transformer makes this of a value."""
    value: FieldValue = tuple(case["in"]) if case["list"] else case["in"][0]
    name = case["transformer"]
    found = transformers.length(value) if name == "len" else transformers.of_text(name)(value)
    expect("value", case["out"], list(found) if isinstance(found, tuple) else [found])


@lru_cache(maxsize=1)
def fields_of_cases() -> Fields:
    """Return the fields of the language and those that upstream's tests make up."""
    texts = ("c.true", "c.false", "c.doublequote", "c.singlequote")
    known = all_fields()
    return Fields(
        [
            *(found[0] for name in known.names() if (found := known.find(_with_argument(known, name)))),
            *(FieldInfo(name=name, type=FieldType.TEXT) for name in texts),
            FieldInfo(name="c.buffer", type=FieldType.BYTES),
        ]
    )


def _with_argument(known: Fields, name: str) -> Field:
    return Field(name) if known.find(Field(name)) is not None else Field(name, "0")


@lru_cache(maxsize=1024)
def _compiled(text: str) -> Condition:
    return compile_condition(parse(text), fields_of_cases())


def _value(value: Any) -> FieldValue:  # noqa: ANN401 - whatever a case holds
    if isinstance(value, dict):
        return bytes.fromhex(value["hex"])
    return tuple(value) if isinstance(value, list) else value


def _types_as_data(types: EventTypes) -> dict[str, object]:
    if types == ALL:
        return {"kind": "all", "types": []}
    if types == NONE:
        return {"kind": "none", "types": []}
    return {"kind": "not" if types.inverted else "only", "types": sorted(types.names)}


def _as_data(node: object) -> dict[str, object]:  # noqa: PLR0911 - one for each kind of node
    match node:
        case And(children) | Or(children):
            kind = "and" if isinstance(node, And) else "or"
            return {"type": kind, "children": [_as_data(child) for child in children]}
        case Not(child):
            return {"type": "not", "child": _as_data(child)}
        case Identifier(name):
            return {"type": "identifier", "name": name}
        case Unary(left, operator):
            return {"type": "unary", "left": _as_data(left), "op": operator}
        case Binary(left, operator, right, modifier):
            words = operator if modifier is None else f"{operator} {modifier}"
            return {"type": "binary", "left": _as_data(left), "op": words, "right": _as_data(right)}
        case Field(name, argument):
            return {"type": "field", "name": name, "arg": argument}
        case Value(text):
            return {"type": "value", "value": text}
        case Values(texts):
            return {"type": "list", "values": list(texts)}
        case _:
            name, arguments, argument = node.name, node.arguments, node.argument  # type: ignore[attr-defined]  # a transformer
            return {
                "type": "transformer",
                "name": name,
                "args": [_as_data(each) for each in arguments],
                "arg": argument,
            }


def _positions(node: Any) -> list[str]:  # noqa: ANN401 - any node
    inner: tuple[Any, ...] = ()
    match node:
        case And(children) | Or(children):
            inner = children
        case Not(child):
            inner = (child,)
        case Unary(left):
            inner = (left,)
        case Binary(left, _, right):
            inner = (left, right)
        case _:
            pass
    names = {Values: "list", Identifier: "identifier"}
    kind = names.get(type(node), type(node).__name__.lower())
    position: Position = node.position
    here = f"{kind}{position.index} {position.line} {position.column}"
    return [here, *(text for each in inner for text in _positions(each))]
