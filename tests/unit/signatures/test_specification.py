"""What the reference does at the edges of the language, each as one small case."""

import json

import pytest

from api.rules.conformance.showing import shows
from signatures.compiler import compile_condition
from signatures.errors import CompileError
from signatures.event import Event, FieldValue
from signatures.loader import Loaded, RuleFile, load
from signatures.output import parse_output
from signatures.parser import parse
from signatures.priority import parse_priority


def holds(condition: str, **values: FieldValue) -> bool:
    """Decide a condition; `proc__name` stands for `proc.name`."""
    event = Event({name.replace("__", "."): value for name, value in values.items()})
    return compile_condition(parse(condition)).holds(event)


def loaded(text: str) -> Loaded:
    """Load one file."""
    return load([RuleFile(name="a.yaml", text=text)])


def rule(condition: str, rest: str = "") -> str:
    """Return a rule's text."""
    return f"- rule: r\n  desc: d\n  condition: {condition}\n  output: é %fd.name\n  priority: INFO\n{rest}"


def of_kernel(text: str) -> str:
    """Return a text as events hold it: one character for each byte."""
    return text.encode().decode("latin-1")


@pytest.mark.parametrize(
    "condition",
    [
        "fd.name = /tmp/é",
        'fd.name in ("/tmp/é", /x)',
        "fd.name startswith '/tmp/é'",
        "fd.name contains à",
        "fd.name endswith é or fd.name icontains à",
        "fd.name pmatch (/tmp/é)",
        "fd.name regex '/tmp/.'",
    ],
)
def test_letters_beyond_ascii_meet_the_bytes_of_an_event(condition: str) -> None:
    """A rule file is UTF-8 and a kernel's path is bytes; both mean the same name, and people see letters."""
    found = loaded(rule(f"evt.type=open and ({condition})"))
    name = "/tmp/à" if "à" in condition and "é" not in condition else "/tmp/é"
    event = Event({"evt.type": "open", "fd.name": of_kernel(name)})
    assert found.ok
    assert found.rules[0].holds(event)
    assert found.rules[0].shown.text(event)[0] == of_kernel(f"é {name}")
    assert "Ã" not in found.rules[0].condition


def test_a_byte_that_is_no_letter_meets_its_escape() -> None:
    r"""`\xff` in quotes is that byte, not the letter of that number."""
    found = loaded(rule("""'evt.type=open and fd.name = "/p\\xff"'"""))
    assert found.rules[0].holds(Event({"evt.type": "open", "fd.name": "/p\xff"}))
    assert not found.rules[0].holds(Event({"evt.type": "open", "fd.name": of_kernel("/pÿ")}))


def test_an_error_behind_letters_beyond_ascii_shows_its_place() -> None:
    """Positions count bytes; the snippet is cut between letters."""
    found = loaded(rule("evt.type=open and fd.name = " + "é" * 200 + " and fd.nosuch = 1"))
    assert "fd.nosuch" in found.errors[0].place.snippet


def test_regular_expressions_are_posix_and_a_dot_is_no_end_of_line() -> None:
    """The reference reads patterns with `RE2::POSIX`."""
    assert holds("proc.name regex '[[:digit:]]+'", proc__name="12")
    assert not holds("proc.cmdline regex 'a.*b'", proc__cmdline="a\nb")
    assert holds("proc.cmdline glob 'a*b'", proc__cmdline="a\nb")
    with pytest.raises(CompileError, match="invalid regular expression"):
        holds("proc.name regex '\\\\d+'")
    with pytest.raises(CompileError, match="not UTF-8"):
        holds('proc.name regex "\\xff"')


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("proc.aname == allof (bash, init)", False),
        ("proc.aname == oneof (bash, init)", True),
        ("proc.aname == anyof (zsh, init)", True),
        ("proc.aname contains allof (ba, sh)", True),
    ],
)
def test_a_modifier_is_asked_of_each_ancestor_by_itself(condition: str, *, expected: bool) -> None:
    """No process has two names, so `allof` two of them holds for none."""
    assert holds(condition, proc__aname=("bash", "init")) is expected


@pytest.mark.parametrize("operator", ["=", "!=", "in", "intersects", "pmatch", "regex", "iglob", "glob"])
def test_no_text_can_be_compared_with_the_nul_byte(operator: str) -> None:
    """Texts of the kernel end at it."""
    right = '("\\x00")' if operator in ("in", "intersects", "pmatch") else '"\\x00"'
    with pytest.raises(CompileError, match="NUL"):
        holds(f"proc.name {operator} {right}")


@pytest.mark.parametrize(
    "condition",
    [
        "fd.name pmatch val(proc.cwd)",
        "fd.name regex val(proc.cwd)",
        'proc.name in getopt(proc.args, "n")',
        'getopt(proc.args, "n") intersects val(proc.name)',
        "fd.snet = 10.0.0.1",
        "fd.snet = 10.0.0.0/255.0.0.0",
    ],
)
def test_what_the_reference_does_not_compile(condition: str) -> None:
    """Patterns of `pmatch` and `regex` are constants; lists go with lists; a network has its bits."""
    with pytest.raises(CompileError):
        holds(condition)


def test_a_shell_pattern_may_come_from_another_field() -> None:
    """`glob` and `iglob` take a field on their right; nothing fits a pattern that cannot be read."""
    assert holds("fd.name glob val(proc.cwd)", fd__name="/a/b", proc__cwd="/a*")
    assert holds("fd.name iglob toupper(proc.cwd)", fd__name="/a/b", proc__cwd="/a*")
    assert not holds("fd.name glob val(proc.cwd)", fd__name="/a/b", proc__cwd="/x*")
    assert not holds("fd.name glob val(proc.cwd)", fd__name="/a/b", proc__cwd="*" * 5000)
    assert not holds("fd.name glob val(proc.cwd)", fd__name="/a/b")


@pytest.mark.parametrize("template", ["", "%proc.aname[x] end", "%proc.aname[0 end", "%proc.aname[] end"])
def test_a_template_with_half_a_field_is_refused(template: str) -> None:
    """A bracket behind a field that takes one belongs to it."""
    with pytest.raises(CompileError):
        parse_output(template)


def test_a_bracket_behind_a_field_that_takes_none_is_text() -> None:
    """The field ends before it."""
    assert parse_output("%proc.name[0]").text(Event({"proc.name": "a"})) == ("a[0]", True)


@pytest.mark.parametrize(
    ("template", "whole", "output"),
    [
        ("%proc.aname[0] %proc.apid[0]", True, {"proc.aname[0]": "init", "proc.apid[0]": 1}),
        ("*%proc.name %evt.asynctype", True, {"evt.asynctype": None, "proc.name": "init"}),
        ("%thread.tid %evt.asynctype %proc.name", False, {"thread.tid": 1}),
    ],
)
def test_values_in_json_keep_their_type(template: str, output: object, *, whole: bool) -> None:
    """Numbers are numbers, what is missing is null; without `*` the object ends there."""
    case = {"format": template, "json": True, "resolve_transformers": True, "ok": whole, "fields": {}}
    text = json.dumps(output, separators=(",", ":"))
    shows({**case, "test": "json", "output": text}, None)  # type: ignore[arg-type]  # not asked for


def test_nothing_is_no_member_of_a_list() -> None:
    """A plain null is refused where a text is expected; the word in quotes is one."""
    assert loaded("- list: l\n  items: [a, null]\n").errors[0].message == "sequence value is not scalar"
    assert loaded("- list: l\n  items: [a, 'null']\n").ok


def test_an_override_is_a_word_for_each_key() -> None:
    """Anything else is refused with a sentence, not with what the reader of YAML made of it."""
    text = rule("evt.type=open") + "- rule: r\n  desc: x\n  override: {desc: [append]}\n"
    assert loaded(text).errors[0].message == "Keys and values of 'override' must be scalar values"


def test_comparisons_of_an_exception_that_are_nothing_are_the_default() -> None:
    """`comps:` without a value is as good as none."""
    text = "  exceptions:\n    - {name: e, fields: [proc.name], comps: , values: [[a]]}\n"
    assert loaded(rule("evt.type=open", text)).rules[0].condition == "(evt.type = open and not proc.name = a)"


def test_priorities_are_the_words_alone() -> None:
    """No blanks around them, and no letters that only look alike in capitals."""
    assert parse_priority("iNfO") is not None
    assert parse_priority(" INFO") is None
    assert parse_priority("ınfo") is None  # noqa: RUF001 - that letter is the point
