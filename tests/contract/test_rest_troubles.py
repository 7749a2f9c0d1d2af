"""What is wrong with nonself itself is told over REST, on the command line, as a metric, and in the log."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from alembic.script import ScriptDirectory
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from api import readiness
from api.cli import main
from api.db.migrate import config
from api.errors import StoreError
from api.metrics import MANIFEST
from api.owners import Unanswered
from api.retention.keeper import Keeper
from api.settings import ServiceSettings
from api.tokens import service as tokens
from api.tokens.service import Role
from api.troubles import watch
from api.troubles.kinds import TroubleKind
from api.troubles.watch import Watch
from tests.hooks import pass_time
from tests.service import NOW_MS, Service, a_delta, a_match
from wire.profile import AgentStatus, LossCause

DAY_MS = 86_400_000
RULES = Path(__file__).parents[2] / "docs" / "integrations" / "prometheus-rules.yaml"


class Usage(NamedTuple):
    """What `shutil.disk_usage` says."""

    total: int
    used: int
    free: int


@pytest.fixture
def looking(service: Service, monkeypatch: pytest.MonkeyPatch) -> Watch:
    """A watch over a service whose worker works, and whose disk is half full."""
    service.core.worker_trouble = lambda: None
    monkeypatch.setattr(watch.shutil, "disk_usage", lambda _folder: Usage(100 << 30, 50 << 30, 50 << 30))
    return Watch(service.core)


def open_troubles(service: Service) -> dict[tuple[str, str], str]:
    """Return what goes on: what is said, by kind and subject."""
    items = service.get("/v1/troubles", open="true").json()["items"]
    return {(each["kind"], each["subject"]): each["said"] for each in items}


def test_a_silent_node_is_told_of_until_it_sends_again(service: Service, looking: Watch) -> None:
    """The trouble opens after five minutes, goes on with what is newest, closes, and stays as history."""
    service.send(a_delta())
    service.worker.drain()
    looking.look()
    assert open_troubles(service) == {}

    service.core.clock.at_ms += 300_000
    looking.look()
    service.core.clock.at_ms += 60_000
    looking.look()
    said = open_troubles(service)
    assert said == {
        ("node_silent", "node-a"): "Node node-a has sent nothing for 360 seconds; see to its agent."
    }

    service.send(a_delta(1), sent_at=service.core.clock.at_ms)
    service.worker.drain()
    looking.look()
    assert open_troubles(service) == {}
    (past,) = service.get("/v1/troubles").json()["items"]
    assert (past["open"], past["value"]) == (False, 360)
    changes = service.get("/v1/troubles/changes").json()["items"]
    assert [(each["change"], each["trouble"]["id"]) for each in changes] == [
        ("opened", past["id"]),
        ("closed", past["id"]),
    ]


def test_changes_follow_a_cursor(service: Service, looking: Watch) -> None:
    """Whoever tells others of troubles asks for what came since, and gets each change once."""
    before = service.get("/v1/troubles/changes").json()["next_cursor"]
    service.core.worker_trouble = lambda: "The worker is not running."
    looking.look()
    page = service.get("/v1/troubles/changes", cursor=before).json()

    assert [each["trouble"]["said"] for each in page["items"]] == ["The worker is not running."]
    assert service.get("/v1/troubles/changes", cursor=page["next_cursor"]).json()["items"] == []


def test_loss_is_a_share_of_the_last_minutes(service: Service, looking: Watch) -> None:
    """Of what was lost before the service looked first, nothing is said; then half of the calls are."""
    service.send(a_delta(lost={LossCause.TABLE_FULL: 10**6}))
    service.worker.drain()
    looking.look()
    service.core.clock.at_ms += 30_000
    deltas = [a_delta(index, lost={LossCause.TABLE_FULL: 149}) for index in range(1, 11)]
    service.send(*deltas)
    service.worker.drain()
    looking.look()

    said = open_troubles(service)
    assert list(said) == [("loss", "node-a")]
    assert "lost 1,490 of 2,980 calls (50.0%)" in said["loss", "node-a"]


def test_what_waits_too_long_is_a_backlog(open_service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody scores: the oldest delta grows old, and the inbox nears its limit."""
    service = open_service(inbox_limit=5)
    service.core.worker_trouble = lambda: None
    monkeypatch.setattr(watch.shutil, "disk_usage", lambda _folder: Usage(100, 50, 50))
    service.send(*(a_delta(index) for index in range(4)))
    service.core.clock.at_ms += 120_000
    Watch(service.core).look()

    assert set(open_troubles(service)) == {("backlog", "service"), ("inbox_full", "service")}
    text = service.http.get("/metrics").text
    assert "nonself_inbox_oldest_seconds 120.0" in text
    assert 'nonself_troubles{kind="backlog"} 1.0' in text
    assert 'nonself_troubles{kind="disk"} 0.0' in text


def test_matches_that_wait_are_a_backlog_too(service: Service, looking: Watch) -> None:
    """They are alerts already, and are counted for Prometheus."""
    service.match(a_match())
    pass_time(service, 120)
    looking.look()

    said = open_troubles(service)["backlog", "service"]
    assert said == "The oldest of 1 matches has waited for 120 seconds: alerts are late."
    assert "nonself_matches_pending 1.0" in service.http.get("/metrics").text


@pytest.mark.usefixtures("looking")
def test_an_outage_of_the_service_makes_no_node_silent(service: Service) -> None:
    """A watch that begins anew gives nodes their five minutes; a trouble from before stays meanwhile."""
    service.send(a_delta())
    service.worker.drain()
    pass_time(service, 600)
    again = Watch(service.core)
    again.look()
    assert open_troubles(service) == {}

    pass_time(service, 300)
    again.look()
    assert set(open_troubles(service)) == {("node_silent", "node-a")}
    Watch(service.core).look()
    assert set(open_troubles(service)) == {("node_silent", "node-a")}


def test_loss_goes_on_over_a_restart(service: Service, looking: Watch) -> None:
    """A first look has nothing to compare with, and says neither that calls are lost nor that none are."""
    looking.look()
    service.send(*(a_delta(index, lost={LossCause.TABLE_FULL: 149}) for index in range(10)))
    service.worker.drain()
    looking.look()
    assert set(open_troubles(service)) == {("loss", "node-a")}
    Watch(service.core).look()

    assert set(open_troubles(service)) == {("loss", "node-a")}


def test_a_node_that_is_silent_for_a_week_is_taken_for_removed(service: Service, looking: Watch) -> None:
    """Clusters shrink: what was wrong with it is over, and told of once."""
    agent = AgentStatus(version="0.1.0", window_s=10, rule_engine="failed")
    service.send(a_delta(), agent=agent)
    service.worker.drain()
    pass_time(service, 300)
    looking.look()
    assert {kind for kind, _ in open_troubles(service)} == {"node_silent", "rule_engine"}
    pass_time(service, 7 * 86_400)
    looking.look()

    assert open_troubles(service) == {}


def test_who_is_asked_and_does_not_answer_is_told_of(service: Service, looking: Watch) -> None:
    """The Kubernetes API, from the third question on; an issuer that gives no keys, which is asked again."""
    asked = []

    class NoKeys:
        def trouble(self, *, ask: bool = False) -> str:
            asked.append(ask)
            return "The issuer https://login.example gives no keys: 503."

    service.core.issuer = NoKeys()  # type: ignore[assignment]
    service.core.kubernetes = lambda: Unanswered(2, "No route to host.")
    looking.look()
    first = set(open_troubles(service))
    service.core.kubernetes = lambda: Unanswered(3, "No route to host.")
    looking.look()

    assert first == {("issuer", "service")}
    assert open_troubles(service) == {
        ("issuer", "service"): "The issuer https://login.example gives no keys: 503.",
        ("kubernetes", "service"): "The Kubernetes API does not answer: No route to host.",
    }
    assert asked == [True, True]


def test_a_rule_engine_that_failed_is_told_of(service: Service, looking: Watch) -> None:
    """With the engine's own sentence."""
    agent = AgentStatus(version="0.1.0", window_s=10, rule_engine="failed", rule_engine_error="SIGKILL.")
    service.send(a_delta(), agent=agent)
    service.worker.drain()
    looking.look()

    assert open_troubles(service)["rule_engine", "node-a"].endswith("SIGKILL.")


def test_a_disk_that_fills_is_told_of_and_one_that_cannot_be_asked_is_left(
    service: Service, looking: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """8 % free opens the trouble; an error leaves it; 12 % leaves it too; 20 % closes it."""

    def broken(_folder: object) -> Usage:
        raise OSError(5, "Input/output error")

    seen = []
    for ask in (
        lambda _: Usage(100, 92, 8),
        broken,
        lambda _: Usage(100, 88, 12),
        lambda _: Usage(100, 80, 20),
    ):
        monkeypatch.setattr(watch.shutil, "disk_usage", ask)
        looking.look()
        seen.append(list(open_troubles(service)))

    assert seen == [[("disk", "service")]] * 3 + [[]]


def test_tokens_that_are_about_to_expire_are_told_of(service: Service, looking: Watch) -> None:
    """But not those that were made for a short time, nor those that were revoked."""
    with service.core.store.write() as session:
        for name, made_ms, until_ms in (
            ("soon", NOW_MS - 90 * DAY_MS, NOW_MS + 6 * DAY_MS),
            ("gone", NOW_MS - 90 * DAY_MS, NOW_MS + 6 * DAY_MS),
            ("late", NOW_MS - 90 * DAY_MS, NOW_MS + 60 * DAY_MS),
            ("short", NOW_MS, NOW_MS + DAY_MS),
        ):
            tokens.create(
                session, name=name, role=Role.READ, now_ms=made_ms, actor="test", expires_at=until_ms
            )
        tokens.revoke(session, name="gone", now_ms=NOW_MS, actor="test")
    looking.look()

    assert list(open_troubles(service)) == [("token", "soon")]


def test_a_certificate_that_is_about_to_expire_is_told_of(
    service: Service, looking: Watch, tmp_path: Path
) -> None:
    """In thirteen days, by the clock of the service."""
    path = tmp_path / "service.pem"
    path.write_bytes(certificate(datetime.fromtimestamp(NOW_MS / 1000, UTC) + timedelta(days=13)))
    service.core.settings = ServiceSettings(state_dir=tmp_path, tls_cert=str(path))
    looking.look()

    assert list(open_troubles(service)) == [("certificate", "service")]


def certificate(until: datetime) -> bytes:
    """Return a certificate of its own that ends at a time, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nonself.example")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(until - timedelta(days=90)).not_valid_after(until)
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def test_history_ends_with_the_days_of_findings(service: Service, looking: Watch) -> None:
    """Troubles that closed longer ago than findings are kept go, with their changes."""
    service.core.worker_trouble = lambda: "The worker is not running."
    looking.look()
    service.core.worker_trouble = lambda: None
    looking.look()
    service.core.clock.at_ms += 366 * DAY_MS
    Keeper(service.core).tidy()

    assert service.get("/v1/troubles").json()["items"] == []
    assert service.get("/v1/troubles/changes").json()["items"] == []


def test_the_command_says_what_is_wrong_and_fails(
    service: Service, looking: Watch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A script need not read the table: the exit code is 0 only where nothing is wrong."""
    token = tmp_path / "reader"
    token.write_text(service.secrets[Role.READ])
    asked = ["troubles", "--url", service.url, "--token-file", str(token)]
    assert main(asked) == 0
    assert "Nothing is wrong." in capsys.readouterr().out

    service.core.worker_trouble = lambda: "The worker is not running."
    looking.look()
    assert main(asked) == 1
    shown = capsys.readouterr().out
    assert "worker" in shown
    assert "The worker is not running." in shown


def test_readiness_counts_troubles_and_lives_with_them(service: Service, looking: Watch) -> None:
    """A silent node is no reason to send requests elsewhere."""
    service.send(a_delta())
    service.worker.drain()
    service.core.clock.at_ms += 300_000
    looking.look()
    ready = service.http.get("/readyz")

    assert (ready.status_code, ready.json()["troubles"]) == (200, {"node_silent": 1})
    assert service.http.get("/livez").json() == {"status": "ok"}


def rule_metrics() -> Iterator[tuple[str, str]]:
    """Yield the expressions of the alerting rules, with the name of each."""
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]


def test_the_alerting_rules_name_metrics_and_kinds_that_exist() -> None:
    """A renamed metric would silence an alert of Prometheus, and nobody would be told."""
    for name, expression in rule_metrics():
        words = {word for word in _words(expression) if word.startswith("nonself_")}
        assert words, name
        assert words <= set(MANIFEST), name
    kinds = {word for _, expression in rule_metrics() for word in _words(expression)}
    assert {each.value for each in TroubleKind if each is not TroubleKind.WORKER} - kinds == set()


def _words(expression: str) -> set[str]:
    return set("".join(each if each.isalnum() or each == "_" else " " for each in expression).split())


def test_a_request_is_named_by_who_asks_or_by_its_trace(service: Service) -> None:
    """The id is in the header and in the problem; a trace that is none names nothing."""
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    for sent, expected in (
        ({"X-Request-Id": "mine"}, "mine"),
        ({"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}, trace),
        ({"X-Request-Id": "mine", "traceparent": f"00-{trace}-00f067aa0ba902b7-01"}, "mine"),
    ):
        answer = service.http.get("/v1/alerts", headers=sent)
        assert (answer.headers["X-Request-Id"], answer.json()["request_id"]) == (expected, expected)
    refused = service.http.get("/v1/alerts", headers={"traceparent": f"00-{'0' * 32}-00f067aa0ba902b7-01"})
    assert refused.json()["request_id"] == refused.headers["X-Request-Id"] != "0" * 32


def parts(service: Service) -> dict[str, tuple[bool, str]]:
    """Return what `/readyz` says of each part: whether it is required, and its state."""
    told = service.http.get("/readyz").json()["dependencies"]
    return {each["name"]: (each["required"], each["state"]) for each in told}


@pytest.mark.usefixtures("looking")
def test_readiness_names_each_part(service: Service) -> None:
    """Those that are not set up are unused; the database says its schema, and how long it took."""
    assert parts(service) == {
        "database": (True, "ok"),
        "worker": (True, "ok"),
        "push": (False, "unused"),
        "falco_output": (False, "unused"),
        "kubernetes": (False, "unused"),
        "issuer": (False, "unused"),
        "disk": (False, "ok"),
    }
    database = service.http.get("/readyz").json()["dependencies"][0]
    assert database["revision"] == database["known_revision"] == newest_revision()
    assert database["took_ms"] >= 0


def newest_revision() -> str | None:
    """Return the newest schema there is a migration to."""
    return ScriptDirectory.from_config(config()).get_current_head()


@pytest.mark.usefixtures("looking")
def test_only_database_and_worker_make_the_service_unready(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything outside fails and the disk is full: 200, and a sentence for each."""

    class NoKeys:
        def trouble(self, *, ask: bool = False) -> str:
            assert not ask, "Whoever asks has no token, and must not have us ask others."
            return "The issuer gives no keys."

    service.core.issuer = NoKeys()  # type: ignore[assignment]
    service.core.kubernetes = lambda: Unanswered(1, "No route to host.")
    monkeypatch.setattr(readiness.shutil, "disk_usage", lambda _: Usage(100 << 30, 95 << 30, 5 << 30))
    answer = service.http.get("/readyz")
    assert answer.status_code == 200
    said = {each["name"]: each["said"] for each in answer.json()["dependencies"]}
    assert said["disk"] == "5.0 GiB (5.0%) are free where the state folder lies, and the database needs room."
    assert said["kubernetes"] == "The Kubernetes API does not answer: No route to host."
    assert [parts(service)[name][1] for name in ("issuer", "kubernetes", "disk")] == ["failing"] * 3

    service.core.worker_trouble = lambda: "The worker is not running."
    assert service.http.get("/readyz").status_code == 503
    service.core.worker_trouble = lambda: None
    service.core.store.close()
    monkeypatch.setattr(service.core.store, "read", broken_store)
    down = service.http.get("/readyz")
    assert down.status_code == 503
    assert parts(service)["database"] == (True, "failing")
    assert parts(service)["push"] == (False, "unknown")


def broken_store(**_: object) -> None:
    """Answer as a store does whose database is away."""
    raise StoreError("The database does not answer.")
