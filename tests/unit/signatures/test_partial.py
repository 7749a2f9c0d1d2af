"""Partial conditions: what is left means the same as the whole, once the rest is known."""

from typing import Any

import pytest
from hypothesis import given, strategies as st

from signatures.compiler import compile_condition
from signatures.errors import CompileError
from signatures.event import Event
from signatures.parser import parse
from signatures.partial import OpenCondition, check_open, decide_open, names_open, residual
from signatures.printer import to_text
from signatures.syntax import And, Binary, Check, Expression, Field, Not, Or, Value

FIELDS = ("a.a", "b.b", "anomaly.score", "anomaly.novelty")
checks = st.builds(
    lambda name, value: Binary(Field(name), ">", Value(str(value))),
    st.sampled_from(FIELDS),
    st.integers(0, 3),
)
conditions = st.recursive(
    checks,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: And(tuple(parts))),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: Or(tuple(parts))),
        inner.map(Not),
    ),
    max_leaves=12,
)


def holds(expression: Expression, values: dict[str, int | None]) -> bool:
    """Decide a condition as the language says; a missing value makes its check false."""
    match expression:
        case And(children):
            return all(holds(child, values) for child in children)
        case Or(children):
            return any(holds(child, values) for child in children)
        case Not(child):
            return not holds(child, values)
        case Binary(left=Field(name), right=Value(text)):
            value = values[name]
            return value is not None and value > int(text)
    raise AssertionError(expression)


@given(conditions, st.fixed_dictionaries({name: st.none() | st.integers(0, 3) for name in FIELDS}))
def test_two_steps_decide_as_one_would(expression: Expression, values: dict[str, int | None]) -> None:
    """The node decides its fields, text crosses the wire, the service decides the rest: one answer."""

    def judge(check: Check) -> bool | None:
        assert isinstance(check.left, Field)
        return None if check.left.name.startswith("anomaly.") else holds(check, values)

    left = residual(expression, judge)
    if not isinstance(left, bool):
        known = {name: None if value is None else float(value) for name, value in values.items()}
        left = decide_open(parse(to_text(left)), known)
    assert left == holds(expression, values)


@pytest.mark.parametrize(
    "text",
    [
        "proc.name = sh",
        "anomaly.score contains 1",
        "anomaly.score > val(anomaly.novelty)",
        "tolower(proc.name) = sh",
        "some_macro and anomaly.score > 1",
    ],
)
def test_what_the_service_cannot_decide_is_refused(text: str) -> None:
    """Only numbers of `anomaly.*` compared with constants may be left open."""
    with pytest.raises(CompileError):
        check_open(parse(text))


def an_open_condition(text: str) -> OpenCondition:
    """Return a condition with the language's own compiler behind it."""
    return OpenCondition(parse(text), lambda check: compile_condition(check).holds)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"proc.name": "cat"}, False),
        ({"proc.name": "sh"}, "anomaly.p_value < 0.01"),
        ({"proc.name": "sh", "proc.pname": "nginx"}, True),
    ],
)
def test_a_node_leaves_open_what_it_does_not_know(event: dict[str, Any], expected: bool | str) -> None:  # noqa: FBT001
    """False where its own checks say so, true where they suffice, else the rest."""
    text = "proc.name in (sh, bash) and (anomaly.p_value < 0.01 or proc.pname = nginx)"

    left = an_open_condition(text).left(Event(event))

    assert (left if isinstance(left, bool) else to_text(left)) == expected


def test_a_rule_is_known_to_be_open_by_its_checks() -> None:
    """Wherever `anomaly.*` stands in the condition."""
    assert names_open(parse("a.b = 1 or not anomaly.score > 1"))
    assert not names_open(parse("a.b = 1"))
