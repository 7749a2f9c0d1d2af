"""The language: what parses, prints, compiles, and for which event types it can hold."""

import pytest
from hypothesis import given, strategies as st

from signatures.compiler import compile_condition
from signatures.errors import CompileError, ParseError
from signatures.event_types import ALL, NONE, event_types
from signatures.parser import MAX_DEPTH, parse
from signatures.printer import to_text
from signatures.syntax import And, Binary, Expression, Field, Identifier, Not, Or, Unary, Value, Values
from signatures.vocabulary import BINARY, LISTED, escape, unescape

names = st.from_regex(r"[a-z]{1,4}\.[a-z]{1,4}", fullmatch=True)
fields = st.builds(Field, names, st.none() | st.from_regex("[a-z0-9]{1,3}", fullmatch=True))
texts = st.text(
    st.characters(codec="ascii", exclude_characters="\0\x0b\x0c\x7f\\"), min_size=1, max_size=8
).filter(lambda text: text.isprintable())
macros = st.builds(Identifier, st.from_regex("m[a-z]{1,4}", fullmatch=True))


def checks() -> st.SearchStrategy[Expression]:
    """Checks as the parser makes them: numbers beside signs of order, lists beside operators of lists."""
    numbers = st.builds(Value, st.integers(0, 99).map(str))

    def against(operator: str) -> st.SearchStrategy[Expression]:
        if operator in ("<", "<=", ">", ">="):
            right: st.SearchStrategy[object] = numbers
        elif operator in LISTED:
            right = st.builds(Values, st.lists(texts, max_size=3).map(tuple))
        else:
            right = st.builds(Value, texts)
        return st.builds(Binary, fields, st.just(operator), right)

    return st.builds(Unary, fields, st.just("exists")) | st.sampled_from(BINARY).flatmap(against)


def conditions() -> st.SearchStrategy[Expression]:
    """Trees as the parser makes them: no connective directly in one of its kind, no double negation."""

    def joined(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
        several = st.lists(inner, min_size=2, max_size=3).map(tuple)
        negated = inner.filter(lambda each: not isinstance(each, Not)).map(Not)
        return st.builds(And, several) | st.builds(Or, several) | negated

    return st.recursive(checks() | macros, joined, max_leaves=8)


@given(conditions())
def test_a_printed_tree_parses_to_itself(tree: Expression) -> None:
    """Printing loses nothing: the text of a tree parses to the same tree."""
    assert parse(to_text(tree)) == tree


@given(st.text(st.characters(codec="ascii", exclude_characters="\0")))
def test_what_is_escaped_unescapes_to_itself(text: str) -> None:
    """Escaping and unescaping are inverse where quotes were needed, and change nothing elsewhere."""
    escaped = escape(text)
    assert (unescape(escaped) if escaped != text else text) == text


@given(st.text(max_size=60))
def test_any_text_parses_or_is_refused_with_a_place_in_it(text: str) -> None:
    """Parsing ends in a tree or in one error whose position lies in the text."""
    try:
        parse(text)
    except ParseError as error:
        place = error.position.index
    else:
        place = 0
    assert 0 <= place <= len(text)


def test_nesting_up_to_the_limit_parses_and_beyond_is_refused() -> None:
    """A pair of parentheses costs five steps of a hundred."""
    parse("(" * 18 + "a" + ")" * 18)
    with pytest.raises(ParseError, match=f"max depth limit of {MAX_DEPTH}"):
        parse("(" * 20 + "a" + ")" * 20)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("a.b = not", Value("not")),
        ("a.b=oneof", Value("oneof")),
        ("a.b startswith 'x y'", Value("x y")),
        ("a.b in ()", Values(())),
    ],
)
def test_oddities_that_rule_files_rely_on_parse(text: str, right: object) -> None:
    """Words of the language are values where a value must stand."""
    tree = parse(text)
    assert isinstance(tree, Binary)
    assert tree.right == right


def test_a_word_may_follow_exists_without_a_blank() -> None:
    """`existsand macro` parses, as the reference has it."""
    assert parse("a.b existsand m") == And((Unary(Field("a.b"), "exists"), Identifier("m")))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("no.such = 1", "nonexistent field"),
        ("evt.type = opened", "unknown event type"),
        ("macro", "Undefined macro 'macro'"),
        ("evt.num contains 1", "not supported for fields of type"),
        ("evt.num = one", "expected a whole number"),
        ("evt.num = 99999999999999999999999", "64 bits"),
        ("fd.sip = 300.0.0.1", "unrecognized IP address"),
        ("proc.name regex '('", "invalid regular expression"),
        ("proc.name = val(evt.num)", "different types"),
        ("proc.aname[x] = a", "nonexistent field"),
        ('proc.name = "a\\x00"', "NUL"),
    ],
)
def test_what_cannot_be_decided_does_not_compile(text: str, complaint: str) -> None:
    """A condition that names what does not exist, or compares what cannot be, is refused in words."""
    with pytest.raises(CompileError, match=complaint.replace("(", r"\(")):
        compile_condition(parse(text))


def test_only_what_does_not_exist_may_be_skipped() -> None:
    """`skip-if-unknown-filter` forgives an unknown field, not a wrong comparison."""
    errors = []
    for text in ("no.such = 1", "evt.num = one"):
        with pytest.raises(CompileError) as caught:
            compile_condition(parse(text))
        errors.append(caught.value.unknown)
    assert errors == [True, False]


def test_event_types_of_a_condition_are_those_for_which_it_can_hold() -> None:
    """Negation is pushed to the leaves; `evt.num=0` holds for none; other checks hold for any."""
    assert event_types(parse("evt.type in (open, openat) and proc.name = a")).names == {"open", "openat"}
    assert event_types(parse("not (evt.type != open or proc.name = a)")).names == {"open"}
    assert event_types(parse("evt.type = open and evt.num = 0")) == NONE
    assert event_types(parse("evt.type = open or proc.name = a")) == ALL
