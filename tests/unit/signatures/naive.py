"""A second evaluator, as slow and plain as the language's description: nothing is compiled or shared."""

from collections.abc import Mapping
from fnmatch import fnmatchcase

from signatures.event import FieldValue
from signatures.syntax import And, Binary, Expression, Field, Not, Or, Unary, Value, Values

NUMBERS = ("evt.num", "evt.rawres", "fd.num")


def decide(expression: Expression, event: Mapping[str, FieldValue]) -> bool:  # noqa: PLR0911
    """Decide a condition over fields of texts and numbers."""
    match expression:
        case And(children):
            return all(decide(child, event) for child in children)
        case Or(children):
            return any(decide(child, event) for child in children)
        case Not(child):
            return not decide(child, event)
        case Unary(Field(name, argument)):
            return _get(event, name, argument) is not None
        case Binary(Field(name, argument), operator, right, modifier):
            value = _get(event, name, argument)
            if value is None:
                return False
            texts = (
                right.texts
                if isinstance(right, Values)
                else (right.text,)
                if isinstance(right, Value)
                else ()
            )
            constants: list[int | str] = [int(text) if name in NUMBERS else text for text in texts]
            if modifier is not None:
                held = [_holds(operator, value, [each]) for each in constants]
                return {"oneof": sum(held) == 1, "anyof": any(held), "allof": bool(held) and all(held)}[
                    modifier
                ]
            return _holds(operator, value, constants)
        case _:
            raise AssertionError(expression)


def _get(event: Mapping[str, FieldValue], name: str, argument: str | None) -> FieldValue:
    return event.get(name if argument is None else f"{name}[{argument}]")


def _holds(operator: str, value: FieldValue, constants: list[int | str]) -> bool:  # noqa: C901, PLR0911, PLR0912
    first = constants[0] if constants else None
    match operator:
        case "in" | "intersects":
            return value in constants
        case "=" | "==":
            return value == first
        case "!=":
            return value != first
        case "<":
            return value < first  # type: ignore[operator]
        case "<=":
            return value <= first  # type: ignore[operator]
        case ">":
            return value > first  # type: ignore[operator]
        case ">=":
            return value >= first  # type: ignore[operator]
    text, wanted = str(value), str(first)
    match operator:
        case "contains":
            return wanted in text
        case "icontains":
            return wanted.lower() in text.lower()
        case "startswith":
            return text[: len(wanted)] == wanted
        case "endswith":
            return text[len(text) - len(wanted) :] == wanted if len(wanted) <= len(text) else False
        case "glob":
            return fnmatchcase(text, wanted)
        case "iglob":
            return fnmatchcase(text.lower(), wanted.lower())
        case "pmatch":
            return any(_below(text, str(each)) for each in constants)
    raise AssertionError(operator)


def _below(path: str, prefix: str) -> bool:
    parts = [part for part in path.split("/") if part]
    wanted = [part for part in prefix.split("/") if part]
    return parts[: len(wanted)] == wanted
