"""What is fuzzed: one function for each way in which a text of a user reaches the rule language.

Each takes any bytes and returns; what it raises is a bug. The first byte of an input says which
function takes the rest, so that one corpus serves all.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Final

from signatures.compiler import compile_condition
from signatures.errors import CompileError, ParseError
from signatures.event import Event
from signatures.loader import RuleFile, load
from signatures.output import parse_output
from signatures.parser import parse
from signatures.printer import to_text
from signatures.syntax import And, Expression, Not, Or

EVENT: Final = Event(
    {
        "evt.type": "openat",
        "evt.num": 7,
        "evt.rawres": -2,
        "evt.is_open_read": True,
        "evt.buffer": b"\x00\xffELF",
        "fd.name": "/etc/../etc/shadow",
        "fd.num": 3,
        "fd.cip": "10.0.0.1",
        "fd.sip": "fe80::1",
        "fd.sport": 22,
        "proc.name": "ba sh",
        "proc.args": "-c 'x' --y=1",
        "proc.aname": ("bash", "init"),
        "container.id": "host",
    }
)
"""Has a value of every type."""


def condition(text: str) -> None:
    """A condition is refused, or compiles, decides, and prints as what reads as the same tree."""
    try:
        tree = parse(text)
    except ParseError:
        return
    printed = to_text(tree)
    # Constants inside of transformers print bare, as Falco prints them; those texts are for people only.
    if not any(name + "(" in text for name in ("join", "concat", "getopt")):
        again = parse(printed, max_depth=2000)
        if without_double_negation(again) != without_double_negation(tree):
            msg = f"{printed!r} reads as {to_text(again)!r}"
            raise AssertionError(msg)
    with suppress(CompileError):
        held = compile_condition(tree).holds(EVENT)
        if held is not bool(held):
            msg = f"{text!r} decides {held!r}"
            raise AssertionError(msg)


def without_double_negation(tree: Expression) -> Expression:
    """Return a tree as the parser makes it of a text that it printed: `not not x` reads as `x`."""
    match tree:
        case And(children) | Or(children):
            return replace(tree, children=tuple(map(without_double_negation, children)))
        case Not(Not(child)):
            return without_double_negation(child)
        case Not(child):
            return Not(without_double_negation(child))
        case _:
            return tree


def rule_file(text: str) -> None:
    """A rule file is refused with one error, or gives rules that decide an event and can be shown."""
    loaded = load([RuleFile(name="fuzzed.yaml", text=text)])
    for problem in loaded.problems:
        problem.as_text()
        problem.as_json()
    for rule in loaded.rules:
        rule.holds(EVENT)
        rule.shown.text(EVENT)


def template(text: str) -> None:
    """An output template is refused, or can be filled."""
    with suppress(CompileError):
        output = parse_output(text)
        output.text(EVENT)
        output.fields(EVENT, transformed=False)


TARGETS: Final[tuple[Callable[[str], None], ...]] = (condition, rule_file, template)


def run(data: bytes) -> None:
    """Give an input to the target that its first byte names: `0`, `1` or `2`; others count from there."""
    if data:
        TARGETS[(data[0] - ord("0")) % len(TARGETS)](data[1:].decode("utf-8", "replace"))
