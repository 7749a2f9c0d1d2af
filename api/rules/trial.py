"""Tries rules on recorded events: the way to see what a rule would say before it is uploaded."""

from collections.abc import Callable, Mapping
from typing import Final

from sqlalchemy.orm import Session

from api.errors import InvalidError
from api.rules import repository
from api.rules.language import read_rules, try_rules
from api.rules.schemas import TestEventOut, TestIn, TestMatchOut, TestOut
from api.rules.versions import check
from signatures.encoding import to_event_text
from signatures.errors import SignatureError
from signatures.event import FieldValue, Scalar
from signatures.fields import FieldType, all_fields
from signatures.parser import parse_operand
from signatures.syntax import Field
from wire.bundle import RuleFile, is_enabled
from wire.match import FieldValue as Plain, Priority

_TRUTHS: Final = {"true": True, "false": False, "1": True, "0": False}


def run(session: Session, wish: TestIn) -> TestOut:
    """Return what rules say of events.

    Raises:
        InvalidError: An event has a field that does not exist, or a value that its field cannot have.
        RulesError: The rules given do not load.
    """
    events = [to_event(index, each) for index, each in enumerate(wish.events)]
    if wish.rules is None:
        bundle = repository.read_bundle(session)
        files, selections = bundle.files, bundle.selections
    else:
        files, selections = (RuleFile(name=wish.name, text=wish.rules),), ()
    checked = check(files)
    rules = read_rules(checked.files).rules
    return TestOut(
        rules=len(rules),
        warnings=[each.as_json() for each in checked.warnings],
        events=[
            TestEventOut(
                matches=[
                    TestMatchOut(
                        rule=each.rule.name,
                        priority=Priority(each.rule.priority.word),
                        tags=list(each.rule.tags),
                        enabled=is_enabled(
                            selections, each.rule.name, each.rule.tags, default=each.rule.enabled
                        ),
                        output=each.output,
                        output_fields=each.output_fields,
                    )
                    for each in tried
                ]
            )
            for tried in try_rules(rules, events)
        ],
    )


def to_event(index: int, plain: Mapping[str, Plain | list[Plain]]) -> dict[str, FieldValue]:
    """Return an event as conditions take it: JSON has no addresses, bytes or tuples.

    Raises:
        InvalidError: A field or value cannot be.
    """
    return {name: _value(f"events[{index}].{name[:80]}", name, value) for name, value in plain.items()}


def _value(place: str, name: str, value: Plain | list[Plain]) -> FieldValue:
    kind = _type_of(place, name)
    if value is None:
        return None
    if isinstance(value, list):
        return tuple(_scalar(place, kind, each) for each in value if each is not None)
    return _scalar(place, kind, value)


def _type_of(place: str, name: str) -> FieldType:
    try:
        operand, length = parse_operand(name)
    except SignatureError:
        operand, length = None, 0
    found = all_fields().find(operand) if isinstance(operand, Field) and length == len(name) else None
    if found is None:
        msg = f"{place}: expected a field of the rule language; got {name[:200]!r}."
        raise InvalidError(msg)
    return found[0].type


def _scalar(place: str, kind: FieldType, value: Plain) -> Scalar:
    """Return a value in the Python type of its field; text is read where the field holds something else."""
    if kind is FieldType.ANY and isinstance(value, int):
        return value
    text = str(value).lower() if isinstance(value, bool) else str(value)
    read = _READERS.get(kind)
    try:
        return to_event_text(text) if read is None else read(text)
    except (ValueError, KeyError) as error:
        msg = f"{place}: expected a value of type {kind.value}; got {str(value)[:80]!r}."
        raise InvalidError(msg) from error


def _natural(text: str) -> int:
    number = int(text, 0)
    if number < 0:
        raise ValueError(text)
    return number


_READERS: Final[Mapping[FieldType, Callable[[str], Scalar]]] = {
    FieldType.SIGNED: lambda text: int(text, 0),
    FieldType.UNSIGNED: _natural,
    FieldType.REAL: float,
    FieldType.FLAG: lambda text: _TRUTHS[text.lower()],
    FieldType.BYTES: lambda text: text.encode("latin-1"),
}
"""Of the types that are not text."""
