"""Arguments of live events by name and number, and which of them are told as missing."""

from pathlib import Path

import pytest

from collector.events.catalogue import CALLS, event_name
from collector.events.layout import Kind, Tag
from collector.rules.fields.arguments import argument_fields
from collector.rules.supply import supply
from signatures.parser import parse
from signatures.states import RuleState, assess
from tests.unit.collector.records import descriptor, exec_, openat, record, sockaddr
from tests.unit.collector.rules.nodes import make_node, see

SOCKET = {"mode": 0o140777, "family": 2, "type": 1, "protocol": 6, "number": 4}


def test_numbers_count_in_the_order_of_the_table_of_events(tmp_path: Path) -> None:
    """The kernel's order is another for some calls; rules are written for that of the table."""
    node = make_node(tmp_path)
    traced = see(node, record(Kind.CALL, "ptrace", args=(16, 7, 0, 0)))
    read = see(node, record(Kind.CALL, "read", {Tag.DATA: b"hello"}, args=(3, 0, 5), result=5))
    executed = see(node, exec_(b"/bin/cat\0-n\0"))

    assert (traced["evt.arg[3]"], traced["evt.arg[4]"]) == ("PTRACE_ATTACH", traced["evt.arg.pid"])
    assert (read["evt.arg[0]"], read["evt.arg[1]"], read["evt.arg[3]"]) == ("5", "hello", "5")
    assert (executed["evt.arg[1]"], executed["evt.arg[2]"]) == ("/bin/cat", "-n")
    assert executed["evt.arg[99]"] is None


def test_a_result_is_a_number_or_the_name_of_an_error(tmp_path: Path) -> None:
    """`evt.res` says SUCCESS; the argument says how many, or which file was opened."""
    node = make_node(tmp_path)
    read, failed = (see(node, record(Kind.CALL, "read", args=(3, 0, 5), result=each)) for each in (5, -9))
    opened = see(node, openat(b"/etc/passwd"))

    assert (read["evt.arg.res"], read["evt.res"], failed["evt.arg.res"]) == ("5", "SUCCESS", "EBADF")
    assert opened["evt.arg.fd"] == opened["evt.arg[0]"] == "<f>/etc/passwd"
    assert str(opened["evt.args"]).startswith("fd=3(<f>/etc/passwd) dirfd=")
    assert str(failed["evt.args"]).startswith("res=-9(EBADF) ")


def test_a_socket_has_its_pair_of_addresses_as_an_argument(tmp_path: Path) -> None:
    """`tuple` is the name of the descriptor; it has no number."""
    sections = {Tag.ADDRESS: sockaddr((10, 0, 0, 1), 443), Tag.DESCRIPTOR: descriptor(**SOCKET)}
    event = see(make_node(tmp_path), record(Kind.CALL, "connect", sections))

    assert event["evt.arg.tuple"] == event["evt.arg[1]"] == event["fd.name"]
    assert event["evt.rawarg.tuple"] is None


@pytest.mark.parametrize("call", ["dup", "dup2", "dup3"])
def test_the_result_of_a_dup_is_its_result(call: str, tmp_path: Path) -> None:
    """The table calls it `res`."""
    assert see(make_node(tmp_path), record(Kind.CALL, call, result=-9))["evt.arg.res"] == "EBADF"


@pytest.mark.parametrize(
    ("condition", "state", "missing"),
    [
        ("evt.type=openat and evt.arg.flags contains O_TRUNC", RuleState.EVALUABLE, ()),
        ("evt.type=openat and evt.arg.ino=1", RuleState.NOT_EVALUABLE, ("evt.arg.ino",)),
        ("evt.type=openat and evt.arg[6]=1", RuleState.NOT_EVALUABLE, ("evt.arg[6]",)),
        ("evt.type=openat and evt.arg.nosuch=1", RuleState.NOT_EVALUABLE, ("evt.arg.nosuch",)),
        ("evt.type=connect and evt.rawarg.tuple exists", RuleState.NOT_EVALUABLE, ("evt.rawarg.tuple",)),
        ("evt.type in (unlink, unlinkat) and (evt.arg.path=/x or evt.arg.name=/x)", RuleState.EVALUABLE, ()),
    ],
)
def test_an_argument_that_no_event_can_have_is_told(
    condition: str, state: RuleState, missing: tuple[str, ...]
) -> None:
    """One of another call is nothing to miss: `unlinkat` has no `path`, in the table either."""
    found = assess(parse(condition), (), supply())
    assert (found.state, found.missing_fields) == (state, missing)


def test_what_is_called_supplied_has_a_way_to_be_found() -> None:
    """A type never lacks an argument that is captured of it."""
    some, lacking = argument_fields()
    for call in CALLS.values():
        own = {f"evt.arg[{each.name}]" for each in call.arguments}
        assert own <= some
        assert not own & lacking.get(event_name(call.name), frozenset())
