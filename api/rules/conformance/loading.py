"""Cases of the loader: texts of rule files, and what must become of them."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from api.rules.conformance.cases import Case, FailedError, Material, expect
from api.rules.conformance.shape import misfits
from signatures.compiler import used_operands
from signatures.event_types import NONE, event_types, known_event_types
from signatures.fields import key_of
from signatures.loader import ExtraOutput, Loaded, LoadOptions, RuleFile, load
from signatures.partial import residual
from signatures.priority import parse_priority
from signatures.problems import Problem
from signatures.ruleset import Rule, RuleSet, Selection, is_selected
from signatures.syntax import Identifier, leaves

_EXTRA = re.compile(r'add_extra_output_format\("(.*?)", "(.*?)", \{(.*?)\}, "(.*?)"\)')
_ARGUMENT = re.compile(r'"([^"]*)"|([\w-]+)')


def loads(case: Case, _material: Material) -> None:
    """A text loads or does not, with these messages, conditions and outputs."""
    # Calls that add fields of their own beside the output change no rule.
    calls = [call for call in case.get("engine_calls", ()) if "_field(" not in call]
    options = LoadOptions(extra_outputs=tuple(map(_extra_output, calls)))
    loaded = load([RuleFile(name=case["file"], text=case["rules"])], options=options)
    if case["expect_success"] is not None:
        expect(f"loads ({_messages(loaded.problems)})", case["expect_success"], loaded.ok)
    _has_messages("error", case["errors"], loaded.errors)
    _has_messages("warning", case["warnings"], loaded.warnings)
    for text in case["warnings_absent"]:
        if any(text in problem.message for problem in loaded.warnings):
            msg = f"expected no warning {text!r}"
            raise FailedError(msg)
    if case.get("schema_validation"):
        found = misfits(case["rules"])
        expect(f"schema ({' '.join(found)})", case["schema_validation"], "failed" if found else "ok")
    if "has_warnings" in case:
        expect(f"has warnings ({_messages(loaded.warnings)})", case["has_warnings"], bool(loaded.warnings))
    if "error_code" in case:
        expect("error code", [case["error_code"]], [each.code.value for each in loaded.errors])
    _has_rules(case, loaded)


def reports(case: Case, _material: Material) -> None:
    """Files load or do not, with these codes at these items."""
    files = [RuleFile(name=each["file"], text=each["content"]) for each in case["rules"]]
    loaded = load(files)
    expect(f"exit code ({_messages(loaded.problems)})", case["exit_code"], 0 if loaded.ok else 1)
    for wanted in case["expect"]:
        problems = loaded.errors if wanted["kind"] == "error" else loaded.warnings
        if "count" in wanted:
            expect(f"{wanted['kind']}s", wanted["count"], len(problems))
        if "code" in wanted and not any(_is(problem, wanted) for problem in problems):
            found = [
                (each.code.value, each.place.item_type, each.place.item_name, each.message)
                for each in problems
            ]
            msg = f"expected {wanted}; got {found}"
            raise FailedError(msg)
    for item in case.get("expect_warning_items") or ():
        if item not in {each.place.item_name for each in loaded.warnings}:
            msg = f"expected a warning about {item!r}; got {_messages(loaded.warnings)}"
            raise FailedError(msg)


def is_satisfied(case: Case, _material: Material) -> None:
    """The plugins given satisfy what a text asks for, or do not."""
    plugins = {each["name"]: each["version"] for each in case["loaded_plugins"]}
    loaded = load([RuleFile(name="rules.yaml", text=case["rules"])], options=LoadOptions(plugins=plugins))
    expect(f"satisfied ({_messages(loaded.problems)})", case["expect_satisfied"], loaded.ok)


def selects(case: Case, _material: Material) -> None:
    """After each step so many rules of a rule set are on.

    The first rule set has what the file switches on; the others begin empty.
    """
    loaded = load([RuleFile(name=case["file"], text=case["rules"])])
    expect(f"loads ({_messages(loaded.problems)})", expected=True, got=loaded.ok)
    steps: dict[str, list[Selection]] = {}
    tags = {tag.replace(" ", "_"): tag for rule in loaded.rules for tag in rule.tags}
    for step in case["steps"]:
        if "call" in step:
            name, selection = _step(step, tags)
            steps.setdefault(name, []).append(selection)
            continue
        name = step["ruleset"]
        begins = [] if name == "default_ruleset" else [Selection(enable=False, rule="*")]
        selections = [*begins, *steps.get(name, ())]
        enabled = sum(is_selected(rule, selections) for rule in loaded.rules)
        expect(f"rules enabled in {name}", step["expect_enabled"], enabled)


def is_in_matrix(case: Case, material: Material) -> None:
    """A rule of upstream's files has these event types, fields, operators, outputs and tags."""
    rule = _upstream(material).get(case["name"])
    if rule is None:
        msg = "expected a rule of this name in upstream's files"
        raise FailedError(msg)
    expect("event types", sorted(case["evt_types"]), sorted(rule.types.resolved(known_event_types())))
    # The data count what is left once `evt.num=0`, which never holds, is taken out.
    left = residual(rule.expression, lambda check: False if event_types(check) == NONE else None)
    checks = (
        [] if isinstance(left, bool) else [leaf for leaf in leaves(left) if not isinstance(leaf, Identifier)]
    )
    expect(
        "fields",
        case["fields"],
        dict(Counter(key_of(field) for each in checks for field in used_operands(each))),
    )
    expect("operators", case["ops"], dict(Counter(each.operator for each in checks)))
    expect("output fields", sorted(set(case["output_fields"])), sorted(rule.shown.keys))
    expect("priority", parse_priority(case["priority"]), rule.priority)
    expect("enabled", case["enabled"], rule.enabled)
    expect("tags", sorted(case["tags"]), list(rule.tags))


def _upstream(material: Material) -> dict[str, Rule]:
    files = [RuleFile(name=path.name, text=path.read_text("utf-8")) for path in material.rule_files()]
    key = "|".join(file.name for file in files)
    if key not in _LOADED:
        loaded = load(files)
        if loaded.problems:
            msg = f"expected upstream's files to load without a word; got {_messages(loaded.problems)}"
            raise FailedError(msg)
        _LOADED[key] = {rule.name: rule for rule in RuleSet(loaded.rules).rules}
    return _LOADED[key]


_LOADED: dict[str, dict[str, Rule]] = {}


def _has_rules(case: Case, loaded: Loaded) -> None:
    rules = {rule.name: rule for rule in loaded.rules}
    for what, attribute in (("compiled_condition", "condition"), ("compiled_output", "output")):
        for name, text in case.get(what, {}).items():
            expect(f"{attribute} of {name}", text, getattr(rules[name], attribute))
    if "enabled_rules" in case:
        expect("enabled rules", case["enabled_rules"], sum(rule.enabled for rule in loaded.rules))
    for key, value in case.get("rule_info", {}).items():
        expect(key, value, _info(loaded.rules[0], key))


def _info(rule: Rule, key: str) -> object:
    return {
        "condition": rule.written_condition,
        "output": rule.output,
        "description": rule.desc,
        "priority": rule.priority.word,
        "capture": str(rule.capture).lower(),
        "capture_duration": f"{rule.capture_duration}u",
        "enabled": str(rule.enabled).lower(),
        "name": rule.name,
        "source": rule.source,
    }.get(key)


def _has_messages(kind: str, wanted: Sequence[str], problems: Sequence[Problem]) -> None:
    for text in wanted:
        if not any(text in problem.message for problem in problems):
            msg = f"expected the {kind} {text!r}; got {_messages(problems)}"
            raise FailedError(msg)


def _is(problem: Problem, wanted: dict[str, Any]) -> bool:
    return (
        problem.code.value == wanted["code"]
        and problem.place.item_type == wanted.get("item_type", problem.place.item_type)
        and problem.place.item_name == wanted.get("item_name", problem.place.item_name)
        and wanted.get("message", "") in problem.message
    )


def _messages(problems: Sequence[Problem]) -> str:
    return "; ".join(f"{each.code.value} {each.message}" for each in problems) or "no problems"


def _extra_output(call: str) -> ExtraOutput:
    found = _EXTRA.search(call)
    if found is None:
        msg = f"expected a call of add_extra_output_format; got {call}"
        raise FailedError(msg)
    tags = frozenset(re.findall('"(.*?)"', found[3]))
    return ExtraOutput(template=found[1], source=found[2], tags=tags, rule=found[4])


def _step(step: Case, tags: dict[str, str]) -> tuple[str, Selection]:
    """Return the rule set that a call of upstream's test is about, and what it does."""
    what, enable, *rest = [quoted or bare for quoted, bare in _ARGUMENT.findall(step["args"])] or [""]
    ruleset = (rest[0] if rest else "default_ruleset").removesuffix("_id")
    on = enable == "true"
    if step["call"] == "enable_rule_by_tag":
        name = what.removesuffix("_tags")
        return ruleset, Selection(enable=on, tag=tags.get(name, name))
    exact = step["call"].endswith(("exact", "wildcard"))
    # `enable_rule` takes a part of a name; the empty part is in each.
    pattern = what if exact else f"*{what}*"
    return ruleset, Selection(enable=on, rule=pattern)
