"""The engine tries rules on records in order, and survives what is strange."""

from collections.abc import Iterator
from pathlib import Path

from collector.events.event import Record
from collector.events.layout import Kind, Tag
from collector.events.sensor import Subscription, Sums
from collector.rules.engine import Engine, EngineOptions
from collector.rules.matches import MatchMaker
from collector.rules.redact import Redactor
from signatures.loader import RuleFile, load
from signatures.ruleset import RuleSet
from tests.unit.collector.records import exec_, openat, record
from tests.unit.collector.rules.nodes import make_node
from wire.match import SignatureMatch

RULES = """
- {rule: first, desc: d, condition: evt.type = execve and proc.name = cat, output: one, priority: INFO}
- {rule: second, desc: d, condition: evt.type = execve and proc.name = cat, output: two, priority: INFO}
- {rule: opens, desc: d, condition: evt.type = openat and proc.pname = sh, output: three, priority: INFO}
"""


class Sensor:
    """Gives the records that it was given, once."""

    def __init__(self, *records: Record) -> None:
        self.records, self.wanted, self.woken = list(records), [], 0

    def subscribe(self, wanted: Subscription) -> None:
        """Remember."""
        self.wanted.append(wanted)

    def read(self) -> Iterator[Record]:
        """Hand them out."""
        while self.records:
            yield self.records.pop(0)

    def wait(self, timeout_s: float) -> None:
        """Wait for nothing."""
        assert timeout_s

    def wake(self) -> None:
        """Count."""
        self.woken += 1

    def sums(self) -> Sums:
        """Have lost nothing."""
        return Sums(0, 0, 0)


def make(
    tmp_path: Path, *records: Record, all_matches: bool = False
) -> tuple[Engine, Sensor, list[SignatureMatch]]:
    """Return an engine with the rules above, its sensor, and where matches go."""
    sensor, found = Sensor(*records), []
    maker = MatchMaker("n", "b", Redactor())
    engine = Engine(sensor, make_node(tmp_path), maker, found.append, EngineOptions(all_matches=all_matches))  # type: ignore[arg-type]
    loaded = load([RuleFile(name="r", text=RULES)])
    assert loaded.ok
    engine.replace(RuleSet(loaded.rules))
    return engine, sensor, found


def test_the_first_rule_that_holds_is_reported(tmp_path: Path) -> None:
    """As upstream does by default; asked to, all of them."""
    for all_matches, names in ((False, ["first"]), (True, ["first", "second"])):
        engine, _, found = make(tmp_path, exec_(b"cat\0"), all_matches=all_matches)
        engine.step()
        assert [each.rule for each in found] == names
    assert [each.sequence for each in found] == [1, 2]


def test_records_of_processes_feed_the_table_and_match_nothing(tmp_path: Path) -> None:
    """What a fork tells is there for the next event."""
    parent = exec_(b"sh\0", b"sh", pid=50, ppid=1)
    fork = record(Kind.FORK, pid=50, ppid=1, args=(100, 0, 4_000_000_000, 100, 50), comm=b"sh")
    engine, _, found = make(tmp_path, parent, fork, openat(b"/x", ppid=50))
    engine.step()

    assert [each.rule for each in found] == ["opens"]
    assert [each.name for each in found[0].ancestors] == ["sh", "sh"]


def test_only_what_rules_ask_for_is_subscribed(tmp_path: Path) -> None:
    """Other rules, other events."""
    engine, sensor, _ = make(tmp_path)
    assert sensor.wanted[-1].types == {"execve", "openat"}

    engine.replace(RuleSet(()))
    assert sensor.wanted[-1].types == frozenset()


def test_a_strange_event_is_counted_and_ends_nothing(tmp_path: Path) -> None:
    """An error in one evaluation leaves the next one alone."""
    broken = record(Kind.CALL, "openat", {Tag.PATH: b"/x"})
    broken = broken._replace(head=broken.head._replace(number=60))
    engine, _, found = make(tmp_path, broken, broken, exec_(b"cat\0"))
    engine.step()

    assert engine.failures == 2
    assert [each.rule for each in found] == ["first"]


def test_the_cgroup_of_a_call_is_asked_for_where_the_kernel_could_keep_it_back(tmp_path: Path) -> None:
    """Also where no rule comes to its container; where rules ask for the host too, nobody asks."""
    for condition, asked in (
        ("evt.type = openat and fd.name = /nothing and container.id != host", [1]),
        ("evt.type = openat and fd.name = /nothing", []),
    ):
        engine, sensor, _ = make(tmp_path)
        text = f"- {{rule: r, desc: d, condition: {condition}, output: o, priority: INFO}}"
        loaded = load([RuleFile(name="r", text=text)])
        engine.replace(RuleSet(loaded.rules))
        absent: list[int] = []
        engine._node.containers.absent = lambda cgroup, _, told=absent: told.append(cgroup)
        sensor.records = [openat(b"/x"), openat(b"/y"), exec_(b"cat\0", cgroup=9)]
        engine.step()

        assert absent == asked


def test_stopping_wakes_the_reader(tmp_path: Path) -> None:
    """`run` returns."""
    engine, sensor, _ = make(tmp_path)
    engine.stop()
    engine.run()

    assert sensor.woken == 1
    assert engine.sums() == Sums(0, 0, 0)
