"""Outputs of rules, and what is said of rules that a sensor cannot decide."""

import pytest

from signatures.errors import CompileError
from signatures.event import Event
from signatures.loader import RuleFile, load
from signatures.output import parse_output
from signatures.parser import parse
from signatures.ruleset import RuleSet
from signatures.states import RuleState, Supply, assess, assess_rules

EVENT = Event({"proc.name": "cat", "evt.num": 7, "proc.aname": ("sh", "init"), "fd.types": ("file", "ipv4")})


@pytest.mark.parametrize(
    ("template", "shown"),
    [
        ("*n=%proc.name.", "n=cat."),
        ("*%5proc.name|%2proc.name|", "cat  |ca|"),
        ("*%proc.nameand", "catand"),
        ("*%fd.name", "<NA>"),
        ("*%toupper(proc.name) %evt.num", "CAT 7"),
        ("*%proc.aname", "sh init"),
        ('*%join("-", (proc.name, proc.name))', "cat-cat"),
    ],
)
def test_a_template_shows_an_event(template: str, shown: str) -> None:
    """The longest name that exists is the field; a width pads or cuts; a missing value says so."""
    assert parse_output(template).text(EVENT) == (shown, True)


def test_a_template_without_a_star_ends_at_a_missing_value() -> None:
    """What was written so far is given, and that it is not whole."""
    assert parse_output("a %fd.name b").text(EVENT) == ("a ", False)


def test_fields_of_an_output_keep_their_types() -> None:
    """Numbers are numbers and missing values None, under the names of the template."""
    assert parse_output("*%evt.num %fd.name").fields(EVENT) == {"evt.num": 7, "fd.name": None}


@pytest.mark.parametrize("template", ["%", "%no.such", "%tolower(evt.num)", "x" * 70_000])
def test_what_is_no_template_is_refused(template: str) -> None:
    """A percent sign must be followed by a field or a transformer of one."""
    with pytest.raises(CompileError):
        parse_output(template)


NODE = Supply(
    fields=frozenset({"proc.name", "fd.name", "evt.arg", "fd.sip"}),
    event_types=frozenset({"open", "execve", "connect"}),
    fields_of_type={"execve": frozenset({"proc.tty"})},
    unsupplied_of_type={"connect": frozenset({"fd.name"})},
)


@pytest.mark.parametrize(
    ("condition", "state", "missing"),
    [
        ("evt.type=open and proc.name=x", RuleState.EVALUABLE, ()),
        ("evt.type=open and evt.arg.flags contains x", RuleState.EVALUABLE, ()),
        ("evt.type=open and fd.ip = 10.0.0.1", RuleState.EVALUABLE, ()),
        ("evt.type=open and proc.tty=1", RuleState.NOT_EVALUABLE, ("proc.tty",)),
        ("evt.type=execve and proc.tty=1", RuleState.EVALUABLE, ()),
        ("evt.type=connect and fd.name=x", RuleState.NOT_EVALUABLE, ("fd.name",)),
        ("evt.type=open and (proc.name=x or user.name=y)", RuleState.PARTLY, ("user.name",)),
        ("evt.type=open and not user.name=y", RuleState.PARTLY, ("user.name",)),
        ("evt.type=open and not (proc.name=x and evt.num=0)", RuleState.EVALUABLE, ()),
        ("evt.type=open and not proc.name in ()", RuleState.EVALUABLE, ()),
        ("evt.type=bpf and proc.name=x", RuleState.NOT_EVALUABLE, ()),
        ("evt.type in (bpf, open) and proc.name=x", RuleState.PARTLY, ()),
        ("proc.name=x", RuleState.EVALUABLE, ()),
        ("evt.type=open and evt.num=0", RuleState.NOT_EVALUABLE, ()),
    ],
)
def test_a_state_follows_from_what_is_supplied(
    condition: str, state: RuleState, missing: tuple[str, ...]
) -> None:
    """A check without a value is false: a rule never fires, loses a branch, or loses an exception."""
    found = assess(parse(condition), [], NODE)
    assert (found.state, found.missing_fields) == (state, missing)
    assert bool(found.reason) is (state is not RuleState.EVALUABLE)


def test_a_lost_branch_and_a_lost_exception_are_told_apart() -> None:
    """A branch makes the rule fire too seldom, an exception too often; each is named with its fields."""
    found = assess(
        parse("evt.type=open and (proc.name=x or user.name=y) and not (user.uid=0 and proc.name=z)"), [], NODE
    )
    assert [(loss.part, loss.missing, loss.widens) for loss in found.losses] == [
        ("user.name = y", ("user.name",), False),
        ("(user.uid = 0 and proc.name = z)", ("user.uid",), True),
    ]


def test_every_rule_is_told_of_and_outputs_change_no_state() -> None:
    """A rule that is off says so; a field of an output that is missing is only listed."""
    text = "".join(
        f"- rule: {name}\n  desc: d\n  condition: evt.type=open\n"
        f"  output: '%user.name'\n  priority: INFO\n{more}"
        for name, more in (("on", ""), ("off", "  enabled: false\n"))
    )
    rules = load([RuleFile(name="r.yaml", text=text)]).rules
    found = assess_rules(rules, NODE, {rule.name for rule in RuleSet(rules).enabled})
    assert {name: each.state for name, each in found.items()} == {
        "on": RuleState.EVALUABLE,
        "off": RuleState.DISABLED,
    }
    assert found["on"].missing_outputs == ("user.name",)
