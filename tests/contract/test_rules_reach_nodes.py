"""Rules go to a node and its matches come back, over the real service: only the engine is the test's."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from api.tokens.service import Role
from collector.errors import RulesError
from collector.rules.bundles import open_conditions, report_on, to_rules
from collector.rules.feed import Asked, BundleClient, RuleFeed
from collector.rules.outlet import MatchOutlet
from collector.rules.supply import supply
from collector.sender import Answer, Sender, Verdict
from signatures.event import Event
from signatures.printer import to_text
from signatures.ruleset import RuleSet
from tests.contract.test_rest_rules import names, select_rules, upload
from tests.rule_texts import BROKEN, FILES, SHELL
from tests.service import NOW_MS, Service, a_match
from tests.waiting import wait_for
from wire.bundle import RuleBundle, RuleFile
from wire.match import MATCH_CONTENT_TYPE, MATCH_PATH, EngineReport, RuleState, decode_match_batch


class Node:
    """What an engine is to its feed: it takes rules, or says why not."""

    def __init__(self) -> None:
        self.bundles: list[RuleBundle] = []
        self.rules = RuleSet(())
        self.troubles: list[str] = []

    def take(self, bundle: RuleBundle) -> None:
        """Take rules as the engine does."""
        self.rules = to_rules(bundle)
        self.bundles.append(bundle)

    @property
    def enabled(self) -> list[str]:
        """Names of the rules that are on."""
        return [rule.name for rule in self.rules.enabled]


def a_token_file(service: Service, folder: Path) -> Path:
    """Write the agent's token down."""
    path = folder / "agent-token"
    path.write_text(service.secrets[Role.INGEST] + "\n")
    return path


def a_feed(node: Node, ask: Callable[[str], Asked], folder: Path) -> RuleFeed:
    """Return the feed of a node."""
    return RuleFeed(ask, folder, node.take, node.troubles.append, chance=random.Random(1))


def test_new_rules_reach_a_node_that_waits(service: Service, tmp_path: Path) -> None:
    """Files and selections arrive while the agent runs; what is on for one workload is evaluated too."""
    upload(service, "a.yaml", SHELL)
    service.learn(1)
    node = Node()
    client = BundleClient(service.url, a_token_file(service, tmp_path), wait_s=10)
    feed = a_feed(node, client.ask, tmp_path)
    feed.start()
    try:
        wait_for(lambda: node.enabled == ["Shell spawned"])
        upload(service, "b.yaml", FILES)
        wait_for(lambda: node.enabled == ["Shell spawned", "Shadow read"])
        select_rules(service, enable=False, rule="*")
        wait_for(lambda: node.enabled == [])
        select_rules(service, enable=True, tag="filesystem", workload=1)
        wait_for(lambda: node.enabled == ["Shadow read", "Quiet"])
    finally:
        feed.stop()
    assert node.troubles == [""] * len(node.bundles)


def test_a_restarted_agent_has_its_rules_without_a_service(tmp_path: Path) -> None:
    """The last good bundle is on disk; a damaged file is told and left."""
    bundle = RuleBundle(version=3, files=(RuleFile(name="a.yaml", text=SHELL),))
    a_feed(Node(), lambda _: Asked(bundle=bundle), tmp_path).step()
    again = Node()
    a_feed(again, lambda _: Asked(trouble="It is down."), tmp_path).restore()
    (tmp_path / "rules.json").write_bytes(b"{")
    damaged = Node()
    a_feed(damaged, lambda _: Asked(trouble="It is down."), tmp_path).restore()

    assert again.bundles == [bundle]
    assert damaged.bundles == []


def test_rules_that_do_not_load_leave_the_old_ones(tmp_path: Path) -> None:
    """The node says why, keeps what it had in memory and on disk, and does not ask for the same again."""
    good = RuleBundle(version=1, files=(RuleFile(name="a.yaml", text=SHELL),))
    bad = RuleBundle(version=2, files=(RuleFile(name="b.yaml", text=BROKEN),))
    asked: list[str] = []
    answers = iter([Asked(bundle=good), Asked(bundle=bad), Asked()])

    def ask(digest: str) -> Asked:
        asked.append(digest)
        return next(answers)

    node = Node()
    feed = a_feed(node, ask, tmp_path)
    for _ in range(3):
        assert feed.step() == 0
    restarted = Node()
    a_feed(restarted, ask, tmp_path).restore()

    assert (node.bundles, restarted.bundles) == ([good], [good])
    assert asked == ["", good.digest, bad.digest]
    assert node.troubles[0] == ""
    assert node.troubles[1].startswith("Version 2 was not taken: b.yaml:1:")


def test_an_outage_is_waited_out_ever_longer(tmp_path: Path) -> None:
    """Pauses grow to a bound; the first answer ends them."""
    answers = iter([Asked(trouble="It is down.")] * 12 + [Asked()])
    feed = a_feed(Node(), lambda _: next(answers), tmp_path)

    pauses = [feed.step() for _ in range(13)]

    assert 0.25 <= pauses[0] <= 0.5
    assert all(15 <= pause <= 30 for pause in pauses[7:12])
    assert pauses[12] == 0


@pytest.mark.parametrize("role", [Role.READ, Role.ADMIN])
def test_a_token_of_another_role_gets_no_rules(service: Service, tmp_path: Path, role: Role) -> None:
    """The agent says so and keeps asking."""
    path = tmp_path / "token"
    path.write_text(service.secrets[role])

    assert BundleClient(service.url, path, wait_s=0).ask("").trouble == "The service gives no rules (403)."


def test_without_a_service_there_are_no_rules(tmp_path: Path) -> None:
    """Nothing is raised for what a network does."""
    path = tmp_path / "token"
    path.write_text("x")

    assert "cannot be reached" in BundleClient("http://127.0.0.1:9", path, wait_s=0).ask("").trouble


@contextmanager
def an_outlet(
    folder: Path, send: Callable[[bytes], Answer], report: EngineReport | None = None
) -> Iterator[MatchOutlet]:
    """Run an outlet."""
    engine = report or EngineReport(ruleset="9f")
    outlet = MatchOutlet(
        folder,
        send,
        lambda: engine,
        node="node-a",
        boot_id="boot-1",
        now_ms=lambda: NOW_MS,
        chance=random.Random(1),
    )
    outlet.start()
    try:
        yield outlet
    finally:
        outlet.stop(10)


def a_sender(service: Service, folder: Path) -> Sender:
    """Return the sender of an agent's matches."""
    return Sender(
        service.url, a_token_file(service, folder), path=MATCH_PATH, content_type=MATCH_CONTENT_TYPE
    )


def matches_in(service: Service) -> list[str]:
    """Return the rules of what was raised."""
    service.worker.drain()
    return [each["rule"] for each in service.get("/v1/matches", limit=1000).json()["items"]]


def test_matches_and_states_reach_the_service(service: Service, tmp_path: Path) -> None:
    """What the engine delivers is an alert, and what it says of its rules shows beside them."""
    upload(service, "a.yaml", SHELL)
    bundle = RuleBundle(version=1, files=(RuleFile(name="a.yaml", text=SHELL),))
    spool = tmp_path / "matches"
    spool.mkdir()
    report = report_on(
        to_rules(bundle), supply(environment=False), ruleset=bundle.digest, counters={"events": 7}
    )
    with an_outlet(spool, a_sender(service, tmp_path).send, report) as outlet:
        for sequence in range(100):
            outlet.deliver(a_match(sequence))
        wait_for(lambda: len(matches_in(service)) == 100)

    (node,) = service.get("/v1/nodes").json()["items"]
    assert (node["rules"]["current"], node["rules"]["counters"]) == (True, {"events": 7})
    assert node["warning"] is None, "a node without windows has none of another length"
    assert names(service, state="evaluable") == ["Shell spawned"]
    assert [each["findings"] for each in service.get("/v1/alerts").json()["items"]] == [100]
    assert list(spool.iterdir()) == []


def test_matches_wait_on_disk_for_the_service(service: Service, tmp_path: Path) -> None:
    """An agent that was stopped during an outage sends them after its restart, each once in effect."""
    spool = tmp_path / "matches"
    spool.mkdir()
    with an_outlet(spool, lambda _: Answer(Verdict.LATER, "It is down.", "network")) as outlet:
        for sequence in range(5):
            outlet.deliver(a_match(sequence))
        wait_for(lambda: bool(list(spool.glob("*.matches"))))
    sender = a_sender(service, tmp_path)
    lost = iter([True])

    def send(body: bytes) -> Answer:
        answer = sender.send(body)
        return Answer(Verdict.LATER, "The answer was lost.", "network") if next(lost, False) else answer

    with an_outlet(spool, send) as outlet:
        outlet.deliver(a_match(5))
        wait_for(lambda: len(matches_in(service)) == 6 and not list(spool.glob("*.matches")))

    assert [each["findings"] for each in service.get("/v1/alerts").json()["items"]] == [6]


def test_a_refused_batch_is_set_aside(tmp_path: Path) -> None:
    """What the service will never take does not hold up what comes after it."""

    def send(body: bytes) -> Answer:
        sequences = [each.sequence for each in decode_match_batch(body).matches]
        return Answer(Verdict.REFUSED, "422: no") if 1 in sequences else Answer(Verdict.KNOWN)

    with an_outlet(tmp_path, send) as outlet:
        outlet.deliver(a_match(1))
        wait_for(lambda: len(list(tmp_path.glob("*.refused"))) == 1)

    assert list(tmp_path.glob("*.matches")) == []


def test_a_flood_is_bounded_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While nothing can be sent or written, what finds no room is discarded and counted."""
    monkeypatch.setattr("collector.rules.outlet.MOST_WAITING", 10)
    monkeypatch.setattr("collector.rules.outlet.MOST_FILES", 0)
    with an_outlet(tmp_path, lambda _: Answer(Verdict.KNOWN)) as outlet:
        for sequence in range(25):
            outlet.deliver(a_match(sequence))

        assert outlet.discarded == 15


def test_reports_do_not_queue_behind_matches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While matches come without a pause and each batch takes its time, the engine goes on telling."""
    monkeypatch.setattr("collector.rules.outlet.REPORT_S", 0.05)
    sent: list[tuple[bool, int]] = []

    def send(body: bytes) -> Answer:
        batch = decode_match_batch(body)
        sent.append((batch.engine is not None, len(batch.matches)))
        time.sleep(0.02)
        return Answer(Verdict.KNOWN)

    with an_outlet(tmp_path, send) as outlet:
        for sequence in range(100):
            outlet.deliver(a_match(sequence))
            time.sleep(0.01)

    assert sum(engine for engine, _ in sent) >= 5
    assert sum(count for _, count in sent) == 100
    assert not any(engine and count for engine, count in sent)


def test_delivering_never_waits_for_the_network(tmp_path: Path) -> None:
    """The engine's thread goes on though a request hangs."""
    release = threading.Event()

    def hang(_: bytes) -> Answer:
        release.wait(20)
        return Answer(Verdict.KNOWN)

    with an_outlet(tmp_path, hang) as outlet:
        outlet.deliver(a_match(1))
        wait_for(lambda: bool(list(tmp_path.glob("*.matches"))))
        began = time.monotonic()
        for sequence in range(2, 1000):
            outlet.deliver(a_match(sequence))
        took_s = time.monotonic() - began
        release.set()

    assert took_s < 10


def test_rules_that_cannot_fire_say_why() -> None:
    """A field that this node does not supply is named."""
    text = SHELL.replace("proc.name in (shells)", "proc.name in (shells) and evt.asynctype = x")
    bundle = RuleBundle(version=1, files=(RuleFile(name="a.yaml", text=text),))

    (report,) = report_on(to_rules(bundle), supply(environment=False), ruleset="").rules

    assert report.state is RuleState.NOT_EVALUABLE
    assert report.reasons == ("It can never fire: no values of evt.asynctype.",)
    with pytest.raises(RulesError, match="LOAD_ERR_VALIDATE"):
        to_rules(RuleBundle(version=1, files=(RuleFile(name="b.yaml", text=BROKEN),)))


OPEN = SHELL.replace("proc.name in (shells)", "proc.name in (shells) and anomaly.p_value < 0.01")


def test_a_rule_about_scores_is_evaluable_and_may_hold() -> None:
    """The node leaves the score open: it tries the rest of the condition, and says that the rule can fire."""
    bundle = RuleBundle(version=1, files=(RuleFile(name="a.yaml", text=OPEN),))
    rules = to_rules(bundle)
    (rule,) = rules.enabled

    assert rule.holds(Event({"evt.type": "execve", "proc.name": "sh"}))
    assert not rule.holds(Event({"evt.type": "execve", "proc.name": "cat"}))
    assert report_on(rules, supply(environment=False), ruleset="").rules[0].state is RuleState.EVALUABLE
    left = open_conditions(rules.rules)["Shell spawned"].left(
        Event({"evt.type": "execve", "proc.name": "sh"})
    )
    assert not isinstance(left, bool)
    assert to_text(left) == "anomaly.p_value < 0.01"
