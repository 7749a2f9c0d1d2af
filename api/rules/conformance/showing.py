"""Cases of outputs, of the fields and event types that exist, and of captured events."""

import json
from functools import lru_cache
from typing import Any, Final

from api.rules.conformance.cases import Case, FailedError, Material, NotRunError, expect
from signatures.compiler import Condition, compile_condition
from signatures.errors import SignatureError
from signatures.event import Event, FieldValue
from signatures.event_types import known_event_types
from signatures.fields import FieldInfo, FieldType, all_fields
from signatures.loader import LoadOptions, RuleFile, load
from signatures.output import NOTHING, Output, parse_output, to_shown
from signatures.parser import parse_operand
from signatures.priority import Priority, parse_priority
from signatures.ruleset import Rule, RuleSet, Selection
from signatures.syntax import Binary, Field, Unary, Value

_EVENT: Final[dict[str, FieldValue]] = {
    "proc.name": "init",
    "thread.tid": 1,
    "evt.arg[1]": "/test/dir",
    "evt.arg.path": "/test/dir",
    "proc.aname[0]": "init",
    "proc.apid[0]": 1,
}
"""What upstream's tests of outputs show."""
_ANCESTORS: Final = "ancestor_aname_no_arg"
_TYPES: Final = {
    "CHARBUF": FieldType.TEXT,
    "STRING": FieldType.TEXT,
    "FSPATH": FieldType.TEXT,
    "BOOL": FieldType.FLAG,
    "UINT8": FieldType.UNSIGNED,
    "UINT16": FieldType.UNSIGNED,
    "UINT32": FieldType.UNSIGNED,
    "UINT64": FieldType.UNSIGNED,
    "RELTIME": FieldType.UNSIGNED,
    "ABSTIME": FieldType.UNSIGNED,
    "PORT": FieldType.UNSIGNED,
    "INT16": FieldType.SIGNED,
    "INT32": FieldType.SIGNED,
    "INT64": FieldType.SIGNED,
    "DOUBLE": FieldType.REAL,
    "IPADDR": FieldType.ADDRESS,
    "IPNET": FieldType.NETWORK,
    "BYTEBUF": FieldType.BYTES,
    "DYN": FieldType.ANY,
}
_PYTHON: Final[dict[FieldType, tuple[type, ...]]] = {
    FieldType.TEXT: (str,),
    FieldType.ADDRESS: (str,),
    FieldType.NETWORK: (str,),
    FieldType.SIGNED: (int,),
    FieldType.UNSIGNED: (int,),
    FieldType.REAL: (int, float),
    FieldType.FLAG: (bool,),
    FieldType.BYTES: (bytes, str),
    FieldType.ANY: (int, str),
}


def shows(case: Case, _material: Material) -> None:
    """A template is refused, or shows an event as the case says."""
    output = _output(case)
    if output is None or "expect" in case:
        return
    event = Event(_EVENT)
    if case["test"].startswith(_ANCESTORS) and "with_arg" not in case["test"]:
        event["proc.aname"] = ("bash", "init")
        if "middle" in case["test"]:
            event["proc.name"] = "child"
    text, whole = output.text(event)
    expect("whole", case["ok"], whole)
    fields = output.fields(event, transformed=case["resolve_transformers"])
    expect("output", case["output"], _as_json(fields, keep_going=output.keep_going) if case["json"] else text)
    everything = output.fields(event)
    for name, value in case["fields"].items():
        found = everything.get(name)
        expect(name, value, NOTHING if found is None else to_shown(found))


def is_field(case: Case, _material: Material) -> None:
    """A field exists, with this type and these properties."""
    flags = " ".join(case["flags"])
    if "TABLE_ONLY" in flags or case["name"] == "NA":
        msg = "a column of upstream's terminal program, no field of rules"
        raise NotRunError(msg)
    info = _info_of(case["name"])
    expect("type", _TYPES.get(case["type"], case["type"]), info.type)
    if case["class"].startswith("plugin:"):
        # Properties of plugins' fields are in their code, not among the data.
        return
    expect("list", "IS_LIST" in flags, info.is_list)
    argument = "required" if "ARG_REQUIRED" in flags else "optional" if "ARG_ALLOWED" in flags else "none"
    expect("argument", argument, info.argument)
    expect("alone on its left side", "NO_RHS" in flags, info.alone)
    expect("without transformers", "NO_TRANSFORMER" in flags, info.plain)
    expect("compared only", "FILTER_ONLY" in flags, info.unprinted)


def is_event_type(case: Case, _material: Material) -> None:
    """An event type exists."""
    expect(f"{case['evt_type']} is known", expected=True, got=case["evt_type"] in known_event_types())


def is_event(case: Case, _material: Material) -> None:
    """A captured event's values are of their fields' types, equal themselves, and are absent where they are.

    That is what decisions over captured events stand on.
    """
    event = Event(case)
    for name, value in case.items():
        if name == "evt.type" and value not in known_event_types():
            # Captures are older than the table; a rule cannot name such a type.
            continue
        operand, _ = parse_operand(name)
        if not isinstance(operand, Field):
            msg = f"expected a field; got {name}"
            raise FailedError(msg)
        exists, equal, differs = (each.holds(event) for each in _checks(name, _as_constant(value)))
        expect(f"{name} exists", value is not None, exists)
        expect(f"{name} = {value!r}", value is not None, equal)
        expect(f"{name} != {value!r}", expected=False, got=differs)
        if value is not None:
            kind = _info_of(name.partition("[")[0], operand).type
            expect(f"{name} is of its type", expected=True, got=isinstance(value, _PYTHON[kind]))


def detects(case: Case, material: Material) -> None:
    """Rules replayed over a capture match so often; the first that holds for an event has it."""
    if case["exit_code"] != 0 and not case["expect_detections"]:
        msg = "about Falco's own configuration, not about rules"
        raise NotRunError(msg)
    least = [each for each in map(parse_priority, case.get("min_priority", ())) if each is not None]
    files = [RuleFile(name=n, text=t) for n, t in zip(case["rules_files"], case["rules"], strict=True)]
    loaded = load(files, options=LoadOptions(least_priority=max(least, default=Priority.DEBUG)))
    expect(f"loads ({[each.message for each in loaded.errors]})", case["exit_code"] == 0, loaded.ok)
    rules = RuleSet(loaded.rules, _selections(case))
    events = (Event(each) for each in material.capture(case["capture"]))
    found = [rule for event in events if (rule := next(rules.match(event), None)) is not None]
    for wanted in case["expect_detections"]:
        _has_count(wanted, found)


def _has_count(wanted: Case, found: list[Rule]) -> None:
    count = sum(
        wanted.get("rule", rule.name) == rule.name
        and ("priority" not in wanted or parse_priority(wanted["priority"]) == rule.priority)
        for rule in found
    )
    right = {"NotZero": count > 0, "Zero": count == 0, "Equal": count == wanted.get("value")}[
        wanted["assert"]
    ]
    expect(f"{wanted} with {count} detections", expected=True, got=right)


def _selections(case: Case) -> list[Selection]:
    off = [Selection(enable=False, tag=tag) for tag in case.get("disabled_tags", ())]
    if "enabled_tags" not in case:
        return off
    on = [Selection(enable=True, tag=tag) for tag in case["enabled_tags"]]
    return [Selection(enable=False, rule="*"), *on, *off]


def _output(case: Case) -> Output | None:
    try:
        output = parse_output(case["format"])
    except SignatureError as error:
        if case.get("expect") == "error":
            return None
        msg = f"expected a template; got: {error}"
        raise FailedError(msg) from None
    if case.get("expect") == "error":
        msg = "expected an error"
        raise FailedError(msg)
    return output


def _as_json(fields: dict[str, Any], *, keep_going: bool) -> str:
    """Return values as upstream writes them: numbers as such; a missing one is null, or ends them."""
    plain: dict[str, Any] = {}
    for name, value in fields.items():
        if value is None and not keep_going:
            break
        plain[name] = value if value is None or isinstance(value, bool | int | float) else to_shown(value)
    return json.dumps(plain, separators=(",", ":"), sort_keys=True) if plain else "null"


def _info_of(name: str, field: Field | None = None) -> FieldInfo:
    known = all_fields()
    for each in (field, Field(name), Field(name, "0")):
        found = known.find(each) if each is not None else None
        if found is not None:
            return found[0]
    msg = f"expected a field {name}; there is none"
    raise FailedError(msg)


def _as_constant(value: FieldValue) -> str:
    return "0" if value is None else to_shown(value)


@lru_cache(maxsize=4096)
def _checks(name: str, constant: str) -> tuple[Condition, Condition, Condition]:
    operand, _ = parse_operand(name)
    info = _info_of(name.partition("[")[0], operand if isinstance(operand, Field) else None)
    # Any constant does where a value is absent, so long as it is of the field's type.
    text = "127.0.0.1" if constant == "0" and info.type is FieldType.ADDRESS else constant
    right = Value("open" if name == "evt.type" and constant == "0" else text)
    return (
        compile_condition(Unary(operand, "exists")),
        compile_condition(Binary(operand, "=", right)),
        compile_condition(Binary(operand, "!=", right)),
    )
