"""Rule files: what loads, what is said of what does not, and in which form."""

import json
from pathlib import Path

import pytest

from signatures import loader
from signatures.compiler import Condition
from signatures.event import Event
from signatures.fields import Fields
from signatures.loader import Loaded, LoadOptions, RuleFile, load
from signatures.printer import to_text
from signatures.priority import Priority
from signatures.ruleset import RuleSet, Selection
from signatures.syntax import Expression

GOLDEN = Path("tests/golden/signatures")
RULE = """\
- rule: {name}
  desc: d
  condition: {condition}
  output: "file=%fd.name"
  priority: WARNING
"""


def loaded(*texts: str, **options: object) -> Loaded:
    """Load texts as the files a.yaml, b.yaml and so on."""
    files = [RuleFile(name=f"{chr(97 + at)}.yaml", text=text) for at, text in enumerate(texts)]
    return load(files, options=LoadOptions(**options))  # type: ignore[arg-type]  # a test's shorthand


def rule(condition: str, name: str = "r") -> str:
    """Return a rule's text."""
    return RULE.format(name=name, condition=condition)


def test_a_later_file_changes_what_an_earlier_one_defines() -> None:
    """Lists are appended, macros replaced, rules given exceptions; the order of rules stays."""
    first = (
        "- list: shells\n  items: [sh]\n- macro: opens\n  condition: evt.type=open\n"
        + rule("opens and proc.name in (shells)", "one")
        + rule("evt.type=close", "two")
    )
    second = (
        "- list: shells\n  items: [bash, 'a b']\n  override: {items: append}\n"
        "- macro: opens\n  condition: evt.type=openat\n"
        "- rule: one\n  exceptions:\n    - name: e\n      fields: [proc.pname, fd.name]\n"
        "      comps: [=, startswith]\n      values: [[cron, /tmp]]\n  override: {exceptions: append}\n"
    )
    found = loaded(first, second)
    assert [each.name for each in found.rules] == ["one", "two"]
    assert found.rules[0].condition == (
        '((evt.type = openat and proc.name in (sh, bash, "a b")) '
        "and not (proc.pname = cron and fd.name startswith /tmp))"
    )


def test_scalars_stay_the_words_that_were_written() -> None:
    """YAML's guesses at flags, numbers and times never touch a list."""
    found = loaded(
        "- list: l\n  items: [on, 0777, 12:30, 0x1f, 'null']\n" + rule("evt.type=open and proc.name in (l)")
    )
    assert "(on, 0777, 12:30, 0x1f, null)" in found.rules[0].condition


def test_a_macro_sees_only_what_was_defined_before_it() -> None:
    """A macro may use earlier macros; a later one is unknown to it."""
    found = loaded("- macro: a\n  condition: b\n- macro: b\n  condition: evt.type=open\n" + rule("a"))
    assert [each.message for each in found.errors] == ["Undefined macro 'b' used in filter."]


def test_a_bad_file_gives_no_rules() -> None:
    """One error refuses everything; nothing is half loaded."""
    found = loaded(rule("evt.type=open"), rule("evt.type=nonsense", "two"))
    assert not found.ok
    assert found.rules == ()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("condition", rule("evt.type=open and proc.name = ")),
        ("field", rule("evt.type=open and proc.nam = x")),
        ("output", rule("evt.type=open").replace("%fd.name", "%fd.nothing")),
        ("yaml", "- rule: [\n"),
        ("key", "- rule: r\n  desc: d\n"),
        (
            "unused",
            rule("evt.type=open") + "- list: l\n  items: [a]\n- macro: m\n  condition: evt.type=open\n",
        ),
        ("broad", rule("proc.name=x")),
    ],
)
def test_problems_are_told_as_in_the_golden_files(name: str, text: str) -> None:
    """The text for people and the object for scripts of each kind of problem stay as they are."""
    problems = loaded(text).problems
    told = {"text": [each.as_text() for each in problems], "json": [each.as_json() for each in problems]}
    assert told == json.loads((GOLDEN / f"problem-{name}.json").read_text("utf-8"))


def test_a_file_of_a_newer_language_is_refused() -> None:
    """The version that a file needs must not be above ours, nor of another major version."""
    assert loaded("- required_engine_version: 0.63.0\n").ok
    assert not loaded("- required_engine_version: 0.64.0\n").ok
    assert not loaded("- required_engine_version: 1.0.0\n").ok


def test_rules_below_the_least_priority_are_left_out() -> None:
    """A priority is a severity: only what is at least so urgent stays."""
    text = rule("evt.type=open", "one") + rule("evt.type=open", "two").replace("WARNING", "INFO")
    found = loaded(text, least_priority=Priority.WARNING)
    assert [each.name for each in found.rules] == ["one"]


def test_selections_switch_rules_in_their_order() -> None:
    """A wildcard or a tag switches rules on or off; the last word counts."""
    text = rule("evt.type=open", "one") + rule("evt.type=open", "two") + "  tags: [t]\n  enabled: false\n"
    rules = loaded(text).rules
    assert [each.name for each in RuleSet(rules).enabled] == ["one"]
    selections = [Selection(enable=False, rule="*"), Selection(enable=True, tag="t")]
    assert [each.name for each in RuleSet(rules, selections).enabled] == ["two"]


def test_a_rule_is_tried_for_its_event_types_alone() -> None:
    """The index by type gives rules in their order, and nothing for a type that no rule names."""
    rules = RuleSet(loaded(rule("evt.type=open", "one") + rule("evt.type in (open, openat)", "two")).rules)
    assert [each.name for each in rules.for_type("open")] == ["one", "two"]
    assert rules.event_types == {"open", "openat"}
    assert [each.name for each in rules.match(Event({"evt.type": "openat"}))] == ["two"]


@pytest.mark.parametrize(
    "text",
    [
        # Ten levels of ten aliases are ten thousand million nodes.
        "- a: &a0 [x]\n" + "".join(f"- a: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 11)),
        "- &a [*a]\n",
        "[" * 100,
        "- macro: m0\n  condition: (evt.type=open)\n"
        + "".join(f"- macro: m{n}\n  condition: (m{n - 1} or m{n - 1})\n" for n in range(1, 40))
        + rule("m39"),
        "- macro: m0\n  condition: evt.type=open\n"
        + "".join(f"- macro: m{n}\n  condition: not (m{n - 1} and proc.name=x{n})\n" for n in range(1, 600))
        + rule("m599"),
        "- list: l\n  items: ["
        + ", ".join(f"a{n}" for n in range(9000))
        + "]\n"
        + rule(" or ".join(["proc.name in (l)"] * 40)),
        rule(" or ".join(f"proc.name=a{n}" for n in range(6000))),
        "- required_engine_version: " + "9" * 5000 + "\n",
        rule("evt.num=" + "9" * 5000),
        rule("proc.name regex '(((a{1,100}){1,100}){1,100})'"),
    ],
    ids=[
        "aliases",
        "loop",
        "depth",
        "macros",
        "deep macros",
        "lists",
        "checks",
        "version",
        "number",
        "regex",
    ],
)
def test_a_file_that_asks_for_too_much_is_refused(text: str) -> None:
    """What would keep a node busy, or end its process, is one error."""
    found = loaded(text)
    assert len(found.errors) == 1


def test_a_long_condition_is_read_in_time_that_grows_with_its_length() -> None:
    """Positions are looked up, not counted anew: forty times the text costs no more steps for each check."""
    found = loaded(rule("evt.type=open and (" + " or ".join(f"proc.name=a{n}" for n in range(4000)) + ")"))
    assert found.ok


def test_what_a_later_file_leaves_alone_is_not_compiled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each rule is compiled once, and again only where a list, a macro or the rule itself changed."""
    compiled: list[str] = []
    compile_condition = loader.compile_condition

    def note(expression: Expression, fields: Fields | None) -> Condition:
        found = compile_condition(expression, fields)
        compiled.append(to_text(expression))
        return found

    monkeypatch.setattr(loader, "compile_condition", note)
    first = (
        "- list: shells\n  items: [sh]\n- macro: opens\n  condition: evt.type=open\n"
        + rule("opens and proc.name in (shells)", "one")
        + rule("opens and fd.num=3", "two")
    )
    alone = loaded(first, rule("evt.type=close", "three"))
    assert alone.ok
    assert [each.count("open") for each in compiled] == [1, 1, 0]

    compiled.clear()
    changed = loaded(first, "- list: shells\n  items: [bash]\n  override:\n    items: append\n")
    assert [each.condition for each in changed.rules] == [
        "(evt.type = open and proc.name in (sh, bash))",
        "(evt.type = open and fd.num = 3)",
    ]
    assert compiled.count("(evt.type = open and fd.num = 3)") == 1

    compiled.clear()
    replaced = loaded(first, "- macro: opens\n  condition: evt.type=openat\n", "")
    assert [each.condition.count("openat") for each in replaced.rules] == [1, 1]
    assert len(compiled) == 4


def test_files_one_after_another_amount_to_the_same_as_in_one() -> None:
    """Warnings and rules do not depend on whether what was compiled before is used again."""
    parts = [
        "- macro: opens\n  condition: evt.type=open\n",
        rule("opens and fd.num > 3", "one"),
        rule("proc.name=x", "broad"),
        "- rule: one\n  enabled: false\n  override:\n    enabled: replace\n",
    ]
    together, apart = loaded("".join(parts)), loaded(*parts)

    assert [(each.name, each.condition, each.enabled) for each in apart.rules] == [
        (each.name, each.condition, each.enabled) for each in together.rules
    ]
    assert [each.code for each in apart.problems] == [each.code for each in together.problems]


def test_the_checks_of_all_rules_are_bounded() -> None:
    """Many rules that are each small enough are refused once together they are too many."""
    checks = " or ".join(f"fd.num={each}" for each in range(1, 4000))
    texts = "- macro: many\n  condition: " + checks + "\n"
    found = loaded(texts + "".join(rule("evt.type=open and many", f"r{each}") for each in range(6)))

    assert not found.ok
    assert found.errors[0].message == (
        "All rules have more than 20000 checks once their macros are written out."
    )


def test_what_stands_unused_in_a_library_is_no_warning() -> None:
    """A file says by its first line that its macros and lists are for others; only its own are excused."""
    unused = "- macro: m\n  condition: evt.type=open\n"
    found = load(
        [
            RuleFile(name="a.yaml", text="# nonself: library\n" + unused),
            RuleFile(name="b.yaml", text=unused.replace("m\n", "n\n", 1)),
        ]
    )

    assert [each.place.item_name for each in found.problems] == ["n"]
