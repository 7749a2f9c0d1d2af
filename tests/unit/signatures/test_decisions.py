"""What conditions decide: against a plain second evaluator, and fact by fact."""

import pytest
from hypothesis import given, strategies as st

from signatures.compiler import compile_condition
from signatures.event import Event, FieldValue
from signatures.parser import parse
from signatures.syntax import And, Binary, Expression, Field, Not, Or, Unary, Value, Values
from tests.unit.signatures.naive import NUMBERS, decide

letters = st.text("ab/B", max_size=4)
texts = ("proc.name", "fd.name", "proc.aname[2]")
text_fields = st.sampled_from([Field("proc.name"), Field("fd.name"), Field("proc.aname", "2")])
number_fields = st.sampled_from([Field(name) for name in NUMBERS])
numbers = st.integers(-3, 3)
signs = st.sampled_from(["=", "==", "!=", "<", "<=", ">", ">="])
words = st.sampled_from(["contains", "icontains", "startswith", "endswith"])
globs = st.text("ab*?/B", max_size=4)


def values(inner: st.SearchStrategy[str]) -> st.SearchStrategy[Values]:
    """Lists of constants."""
    return st.lists(inner, max_size=3).map(lambda found: Values(tuple(found)))


text_checks = st.one_of(
    st.builds(Unary, text_fields, st.just("exists")),
    st.builds(Binary, text_fields, signs | words, st.builds(Value, letters)),
    st.builds(Binary, text_fields, st.sampled_from(["glob", "iglob"]), st.builds(Value, globs)),
    st.builds(Binary, text_fields, st.sampled_from(["in", "intersects", "pmatch"]), values(letters)),
    st.builds(
        Binary,
        text_fields,
        words | st.just("="),
        values(letters),
        st.sampled_from(["oneof", "anyof", "allof"]),
    ),
)
number_checks = st.one_of(
    # `evt.num=0` never holds by what the field means; events here may have any number.
    st.builds(
        Binary,
        number_fields.filter(lambda field: field.name != "evt.num"),
        signs,
        numbers.map(str).map(Value),
    ),
    st.builds(
        Binary,
        number_fields.filter(lambda field: field.name != "evt.num"),
        st.just("in"),
        values(numbers.map(str)),
    ),
)


def joined(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    """Trees over trees."""
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.builds(And, several) | st.builds(Or, several) | st.builds(Not, inner)


conditions = st.recursive(text_checks | number_checks, joined, max_leaves=10)
events = st.fixed_dictionaries(
    {},
    optional={**dict.fromkeys(texts, letters), **dict.fromkeys(NUMBERS, numbers)},
)


@given(conditions, events)
def test_compiled_conditions_decide_as_the_plain_evaluator(
    condition: Expression, event: dict[str, FieldValue]
) -> None:
    """For random conditions over random events, missing values included, both agree."""
    assert compile_condition(condition).holds(Event(event)) is decide(condition, event)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fd.name != x", False),
        ("not fd.name = x", True),
        ("fd.name exists", False),
        ("proc.name != x", True),
        ("proc.aname = init", True),
        ("proc.aname != bash", True),
        ("proc.aname in (nothing)", False),
        ("fd.ip = 10.0.0.1", True),
        ("fd.ip = 192.168.0.9", True),
        ("fd.ip != 10.0.0.1", False),
        ("fd.ip != 10.0.0.2", True),
        ("fd.net in (10.0.0.0/8)", True),
        ("fd.snet = 192.168.0.0/16", True),
        ("fd.snet != 192.168.0.0/16", False),
        ("fd.port = 22", True),
        ("fd.port in (1, 2)", False),
        ("evt.num > 0x0f", True),
        ("evt.buffer bcontains 454c46", True),
        ("evt.buffer bstartswith 454c46", False),
        ("tolower(proc.exe) = /bin/bash", True),
        ("basename(proc.exe) = Bash", True),
        ("len(proc.exe) = 9", True),
        ("proc.name = val(proc.pname)", False),
        ("proc.exe regex '/bin/.*'", True),
        ("proc.exe regex 'bin'", False),
        ('concat(proc.name, "-", proc.pname) = cat-sh', True),
        ('join(",", (proc.name, proc.pname)) = "cat,sh"', True),
        ('getopt(proc.args, "l:p:")[p] = 4444', True),
        ('getopt(proc.args, "l:p:") intersects (l)', True),
    ],
)
def test_checks_decide_as_the_reference_does(text: str, expected: bool) -> None:  # noqa: FBT001 - a table
    """A missing value makes every check false; two-ended fields mean any end, and neither under `!=`."""
    event = Event(
        {
            "evt.num": 16,
            "evt.buffer": b"\x7fELF",
            "proc.name": "cat",
            "proc.pname": "sh",
            "proc.exe": "/bin/Bash",
            "proc.args": "-l x -p 4444",
            "proc.aname": ("bash", "init"),
            "fd.cip": "10.0.0.1",
            "fd.sip": "192.168.0.9",
            "fd.cport": 40000,
            "fd.sport": 22,
        }
    )
    assert compile_condition(parse(text)).holds(event) is expected


def test_fields_that_a_condition_does_not_reach_are_not_asked_for() -> None:
    """A value is found out once, and only where the decision needs it."""
    asked = []

    class Live(Event):
        def extract(self, key: str) -> FieldValue:
            asked.append(key)
            return {"evt.type": "open", "proc.name": "cat"}.get(key)

    condition = compile_condition(
        parse("evt.type = open and (proc.name = cat or fd.name = x) and not proc.name = dog")
    )
    assert condition.holds(Live())
    assert asked == ["evt.type", "proc.name"]


def test_a_rules_text_never_becomes_code() -> None:
    """Constants and arguments that look like Python are compared as text."""
    evil = "\\\"]) or __import__('os').system('false') or (event[\\\""
    condition = compile_condition(parse(f'proc.name = "{evil}" or evt.arg["__class__"] exists'))
    assert condition.holds(Event({"proc.name": "x"})) is False
