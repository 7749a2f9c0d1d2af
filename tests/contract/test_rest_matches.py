"""Matches of signature rules: taken in once, raised in both modes, and shown beside anomalies."""

import gzip
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from api.tokens.service import Role
from tests.contract.test_rest_ingest import contents
from tests.contract.test_rest_read import enforcing, intrude
from tests.contract.test_rest_rules import select_rules
from tests.service import NOW_MS, FakeClock, Service, a_container, a_delta, a_match, a_match_batch
from wire.codec import SIGNATURE_HEADER, sign, signing_key
from wire.match import EngineReport, Priority, SignatureMatch, encode_match_batch

CONTENT = "application/vnd.nonself.matches+json"


def raise_matches(service: Service, *matches: SignatureMatch, **changes: Any) -> None:
    """Send matches and have them raised."""
    assert service.match(*matches, **changes).status_code == 200
    service.worker.drain()


def alerts(service: Service, **query: Any) -> list[dict[str, Any]]:
    """Return alerts."""
    return list(service.get("/v1/alerts", **query).json()["items"])


def test_a_match_is_taken_once(service: Service) -> None:
    """The first batch is accepted, the same again is a replay, and both together store it once."""
    first = service.match(a_match(1), a_match(2))
    again = service.match(a_match(1), a_match(2))
    more = service.match(a_match(2), a_match(3))

    assert (first.status_code, first.json()) == (200, {"accepted": 2, "duplicates": 0})
    assert (again.status_code, again.json()["type"]) == (409, "/problems/replayed")
    assert more.json() == {"accepted": 1, "duplicates": 1}
    assert len(contents(service)["matches"]) == 3


def test_a_replay_after_raising_changes_nothing(service: Service) -> None:
    """A match that was raised is still recognised; its alert does not grow."""
    raise_matches(service, a_match(1))
    before = contents(service)

    assert service.match(a_match(1)).status_code == 409
    service.worker.drain()

    assert contents(service) == before


def test_a_match_is_known_by_node_boot_and_sequence(service: Service) -> None:
    """Another node, or another boot, counts anew."""
    service.match(a_match(1))
    elsewhere = service.match(a_match(1, node="node-b"), node="node-b")
    rebooted = service.match(a_match(1, boot_id="boot-2"), boot_id="boot-2")

    assert [each.json() for each in (elsewhere, rebooted)] == [{"accepted": 1, "duplicates": 0}] * 2


def test_another_content_under_a_known_identity_is_refused(service: Service) -> None:
    """The match that came first stays, and nothing of the second batch is stored."""
    service.match(a_match(1))
    before = contents(service)

    answer = service.match(a_match(1, rule="Another"), a_match(2))

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/conflict")
    assert contents(service) == before


# Examples share one service: each has a node and a workload of its own.
example = itertools.count(1)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.integers(0, 6), max_size=5), max_size=6))
def test_at_least_once_on_the_wire_is_exactly_once_in_effect(
    service: Service, batches: list[list[int]]
) -> None:
    """However matches are batched, repeated and mixed, each counts once in its alert and its list."""
    base = next(example)
    node = f"node-{base}"
    before = len(contents(service)["matches"])
    for batch in batches:
        container = a_container(id=f"{base:064d}", pod=f"p{base}-0", namespace=f"n{base}")
        sent = [a_match(each, node=node, container=container) for each in batch]
        assert service.match(*sent, node=node).status_code in {200, 409}
        service.worker.drain()
    distinct = {each for batch in batches for each in batch}

    raised = [each for each in alerts(service, limit=1000) if each["workload"]["namespace"] == f"n{base}"]
    assert sum(each["findings"] for each in raised) == len(distinct)
    assert len(contents(service)["matches"]) - before == len(distinct)
    assert len(raised) == (1 if distinct else 0)


def rewritten(change: Callable[[dict[str, Any]], object]) -> bytes:
    """Return a good batch after a change to its JSON."""
    plain = json.loads(gzip.decompress(encode_match_batch(a_match_batch(a_match()))))
    change(plain)
    return gzip.compress(json.dumps(plain).encode())


BODIES: dict[str, tuple[bytes, int, str]] = {
    "not gzip": (b"hello", 400, "malformed"),
    "cut off": (encode_match_batch(a_match_batch(a_match()))[:-9], 400, "malformed"),
    "another version": (rewritten(lambda plain: plain.update(schema_version=9)), 400, "malformed"),
    "no node": (rewritten(lambda plain: plain.update(node="")), 422, "invalid"),
    "no rule": (rewritten(lambda plain: plain["matches"][0].update(rule="")), 422, "invalid"),
    "an unknown priority": (
        rewritten(lambda plain: plain["matches"][0].update(priority="Loud")),
        422,
        "invalid",
    ),
    "a state nobody knows": (
        rewritten(
            lambda plain: plain.update(
                engine={
                    "ruleset": "",
                    "error": "",
                    "counters": {},
                    "rules": [{"rule": "a", "state": "x", "reasons": []}],
                }
            )
        ),
        422,
        "invalid",
    ),
    "a match in the future": (
        encode_match_batch(a_match_batch(a_match(time=(NOW_MS + 10**9) * 10**6))),
        422,
        "invalid",
    ),
    "a clock far ahead": (encode_match_batch(a_match_batch(sent_at=NOW_MS + 10**9)), 422, "invalid"),
}


@pytest.mark.parametrize("what", BODIES)
def test_a_bad_body_changes_nothing(shared_service: Service, what: str) -> None:
    """Each kind of bad body has its status and a sentence, and leaves no trace in the database."""
    body, status, slug = BODIES[what]
    before = contents(shared_service)

    answer = shared_service.post_matches(body)

    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{slug}")
    assert answer.json()["detail"].endswith(".")
    assert contents(shared_service) == before


@pytest.mark.parametrize(
    ("headers", "status", "slug"),
    [
        ({"Authorization": None}, 401, "unauthenticated"),
        ({SIGNATURE_HEADER: None}, 401, "signature"),
        ({SIGNATURE_HEADER: sign(b"x", signing_key("x"))}, 401, "signature"),
        ({"Content-Type": "application/vnd.nonself.profiles+json"}, 415, "media-type"),
        ({"Content-Encoding": None}, 415, "media-type"),
    ],
)
def test_a_bad_header_changes_nothing(
    shared_service: Service, headers: dict[str, Any], status: int, slug: str
) -> None:
    """Who does not prove who they are, or sends something else, is refused."""
    before = contents(shared_service)

    answer = shared_service.post_matches(encode_match_batch(a_match_batch(a_match())), **headers)

    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{slug}")
    assert contents(shared_service) == before


@pytest.mark.parametrize("role", [Role.READ, Role.ADMIN])
def test_only_the_ingest_role_may_send(shared_service: Service, role: Role) -> None:
    """Any other token is forbidden, even with a good signature."""
    body, secret = encode_match_batch(a_match_batch(a_match())), shared_service.secrets[role]

    answer = shared_service.post_matches(
        body, Authorization=f"Bearer {secret}", **{SIGNATURE_HEADER: sign(body, signing_key(secret))}
    )

    assert answer.status_code == 403


def test_a_full_inbox_asks_to_come_back(open_service: Callable[..., Service]) -> None:
    """Beyond the limit of waiting matches the sender is told to wait; reports of the engine still pass."""
    service = open_service(inbox_limit=2)
    service.match(a_match(1), a_match(2))

    refused = service.match(a_match(3))
    report = service.match(engine=EngineReport(ruleset=""))
    service.worker.drain()
    later = service.match(a_match(3))

    assert (refused.status_code, refused.json()["type"]) == (503, "/problems/backlog")
    assert (report.status_code, later.status_code) == (200, 200)


def test_a_match_is_an_alert_in_both_modes(service: Service) -> None:
    """A workload that is still being learned raises it as one that is enforced does."""
    raise_matches(service, a_match(1))
    (learning,) = alerts(service)
    enforcing(service)
    raise_matches(service, a_match(2, time=(NOW_MS - 1000) * 10**6))

    assert learning["kind"] == "signature"
    assert [each["findings"] for each in alerts(service)] == [1, 1]


def test_an_alert_of_a_rule_says_what_happened(service: Service) -> None:
    """Rule, level, ATT&CK, container, pod, image, ancestors and fields; no p-value of its own."""
    raise_matches(service, a_match(1))

    (listed,) = alerts(service)
    detail = service.get(f"/v1/alerts/{listed['id']}").json()

    assert (listed["rule"], listed["level"], listed["p_value"], listed["score"]) == (
        "Shell spawned",
        "medium",
        None,
        None,
    )
    match = listed["match"]
    assert match["attack"] == {"tactics": ["execution"], "techniques": ["T1059"], "version": "18"}
    assert (match["container"]["pod"], match["container"]["image"]) == (
        "cart-6d4cf56db6-x7k2p",
        "registry.local/shop/cart:1.4",
    )
    assert [each["name"] for each in match["ancestors"]] == ["sh", "nginx"]
    assert match["output_fields"]["evt.rawres"] == -2
    assert match["time"].endswith(".001123Z")
    assert detail["windows"] == []
    assert detail["matches"] == [match]


def test_a_flood_is_one_alert(service: Service) -> None:
    """It is counted, with first and last, and keeps the first and the newest ten matches whole."""
    raise_matches(service, *(a_match(each) for each in range(500)))
    raise_matches(service, *(a_match(each) for each in range(500, 600)))

    (alert,) = alerts(service)
    detail = service.get(f"/v1/alerts/{alert['id']}").json()
    listed = service.get("/v1/matches", limit=1000).json()["items"]

    assert alert["findings"] == 600
    assert [each["id"] for each in detail["matches"]] == [*range(1, 11), *range(591, 601)]
    assert len(listed) == 600
    assert sum(each["whole"] for each in listed) == 20
    assert listed[300]["output"] is None
    assert listed[300]["rule"] == "Shell spawned"


def test_rules_and_workloads_have_alerts_of_their_own(service: Service) -> None:
    """One open alert for each workload and rule; one that comes much later closes it and opens the next."""
    late = NOW_MS * 10**6
    raise_matches(
        service,
        a_match(1),
        a_match(2, rule="Shadow read", priority=Priority.CRITICAL),
        a_match(3, container=a_container(id="d" * 64, namespace="bank")),
        a_match(4),
        a_match(5, time=late),
    )

    shown = [
        (each["workload"]["namespace"], each["rule"], each["findings"], each["status"])
        for each in alerts(service)
    ]
    assert shown == [
        ("shop", "Shell spawned", 2, "superseded"),
        ("shop", "Shadow read", 1, "open"),
        ("bank", "Shell spawned", 1, "open"),
        ("shop", "Shell spawned", 1, "open"),
    ]


def test_a_match_on_the_host_has_a_workload_of_its_own(service: Service) -> None:
    """Its kind is host, its name the node's."""
    raise_matches(service, a_match(1, container=None))

    (alert,) = alerts(service)
    assert (alert["workload"]["kind"], alert["workload"]["name"]) == ("host", "node-a")
    assert alert["match"]["container"] is None
    assert service.get("/v1/workloads").json()["items"][0]["identity_source"] == "node"


def test_alerts_filter_by_kind_rule_and_level(service: Service) -> None:
    """Anomalies have neither rule nor level."""
    enforcing(service)
    intrude(service, 70)
    raise_matches(service, a_match(1), a_match(2, rule="Shadow read", priority=Priority.CRITICAL))

    def found(**query: Any) -> list[tuple[str, Any]]:
        return [(each["kind"], each["rule"]) for each in alerts(service, **query)]

    assert found(kind="anomaly") == [("anomaly", None)]
    assert found(kind="signature") == [("signature", "Shell spawned"), ("signature", "Shadow read")]
    assert found(rule="Shadow read") == [("signature", "Shadow read")]
    assert found(level="medium") == [("signature", "Shell spawned")]
    assert [each["rule"] for each in service.get("/v1/matches", level="critical").json()["items"]] == [
        "Shadow read"
    ]


def test_a_match_shows_the_score_of_its_window(service: Service) -> None:
    """Joined when read: null until the window is scored, and never that of another window."""
    service.learn(60)
    raise_matches(service, a_match(1, index=70))
    before = alerts(service)[0]["match"]["window"]
    service.send(a_delta(69), a_delta(70), a_delta(71))
    service.worker.drain()

    window = alerts(service)[0]["match"]["window"]

    assert before is None
    score = service.get("/v1/scores?limit=1000").json()["items"][61]
    assert window["score_id"] == score["id"]
    assert (window["score"], window["p_value"], window["learned"]) == (
        score["score"],
        score["p_value"],
        False,
    )
    assert score["matches"] == 1


def test_an_anomaly_lists_the_matches_near_it(service: Service) -> None:
    """Those of its workload within one window of its windows, and no others."""
    enforcing(service)
    intrude(service, 70)
    raise_matches(
        service,
        a_match(1, index=70),
        a_match(2, index=71),
        a_match(3, index=73),
        a_match(4, index=70, container=a_container(id="d" * 64, namespace="bank")),
    )

    (anomaly,) = alerts(service, kind="anomaly")
    detail = service.get(f"/v1/alerts/{anomaly['id']}").json()

    assert [each["time_ns"] for each in detail["matches"]] == [
        a_match(n, index=i).time for n, i in ((1, 70), (2, 71))
    ]


def test_signature_alerts_do_not_close_or_join_anomalies(service: Service) -> None:
    """The two kinds are grouped apart."""
    enforcing(service)
    intrude(service, 70)
    raise_matches(service, a_match(1, index=70))
    intrude(service, 71)

    assert [(each["kind"], each["findings"], each["status"]) for each in alerts(service)] == [
        ("anomaly", 2, "open"),
        ("signature", 1, "open"),
    ]


def test_a_rule_that_is_off_for_a_workload_raises_nothing_there(service: Service) -> None:
    """A match that an agent still sends is counted and dropped; elsewhere the rule goes on."""
    service.learn(1)
    select_rules(service, enable=False, rule="Shell*", workload=1)
    raise_matches(service, a_match(1), a_match(2, container=a_container(id="d" * 64, namespace="bank")))

    assert [each["workload"]["namespace"] for each in alerts(service)] == ["bank"]
    assert 'nonself_matches_handled_total{outcome="disabled"} 1.0' in service.http.get("/metrics").text


def test_a_condition_on_the_score_is_decided_when_the_window_is_scored(service: Service) -> None:
    """What the node left open waits; a strange window makes it an alert, an ordinary one refutes it."""
    service.learn(60)
    open_condition = "anomaly.p_value < 0.1 and anomaly.novelty > 0.01"
    service.match(
        a_match(1, index=70, open_condition=open_condition),
        a_match(2, index=80, rule="Other", open_condition=open_condition),
    )
    service.worker.drain()
    waiting = alerts(service)
    intrude(service, 70)
    service.send(a_delta(80))
    service.worker.drain()

    (alert,) = alerts(service)
    assert waiting == []
    assert (alert["rule"], alert["match"]["open_condition"]) == ("Shell spawned", open_condition)
    assert alert["match"]["window"]["verdict"] == "anomalous"
    text = service.http.get("/metrics").text
    assert 'nonself_matches_handled_total{outcome="refuted"} 1.0' in text


def test_a_condition_on_the_score_is_decided_at_once_where_the_window_is_known(service: Service) -> None:
    """A match that comes after its window was scored need not wait."""
    service.learn(60)
    intrude(service, 70)
    raise_matches(service, a_match(1, index=70, open_condition="anomaly.score > 1"))

    assert [each["rule"] for each in alerts(service)] == ["Shell spawned"]


def test_a_window_that_never_comes_leaves_the_fields_missing(service: Service) -> None:
    """After the wait a check of a missing field is false, and `not` of it true, as in Falco."""
    raise_matches(
        service,
        a_match(1, index=70, open_condition="anomaly.score > 1"),
        a_match(2, index=70, rule="Negated", open_condition="not anomaly.score > 1"),
    )
    early = alerts(service)
    clock = service.core.clock
    assert isinstance(clock, FakeClock)
    clock.at_ms += 121_000
    service.worker.drain()

    assert early == []
    assert [each["rule"] for each in alerts(service)] == ["Negated"]


def test_a_condition_that_is_none_is_kept_with_its_error(service: Service) -> None:
    """An agent that sends nonsense stops nobody else's match."""
    raise_matches(
        service, a_match(1, container=None, open_condition="proc.name = sh"), a_match(2, container=None)
    )

    assert [each["findings"] for each in alerts(service)] == [1]
    assert 'nonself_matches_handled_total{outcome="failed"} 1.0' in service.http.get("/metrics").text


def test_matches_follow_a_cursor_in_the_order_of_raising(service: Service) -> None:
    """One that waited comes after those raised before it: a poller misses none and sees none twice."""
    service.learn(60)
    raise_matches(service, a_match(1, index=70, open_condition="anomaly.score > 1"), a_match(2), a_match(3))
    first = service.get("/v1/matches").json()
    intrude(service, 70)
    second = service.get("/v1/matches", cursor=first["next_cursor"]).json()

    assert [each["time_ns"] for each in first["items"]] == [a_match(2).time, a_match(3).time]
    assert [each["time_ns"] for each in second["items"]] == [a_match(1, index=70).time]
    assert service.get("/v1/matches", cursor=second["next_cursor"]).json()["items"] == []


@pytest.mark.parametrize(
    "query",
    ["x=1", "level=loud", "workload=0", "alert=x", "limit=0", "cursor=x"],
)
def test_a_bad_question_about_matches_is_a_problem(shared_service: Service, query: str) -> None:
    """What cannot be asked is answered in the one shape of errors."""
    answer = shared_service.get(f"/v1/matches?{query}")

    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid")


@pytest.mark.parametrize(
    "query",
    ["kind=odd", "level=loud", "format=xml", "format=falco&status=open", "format=falco&kind=anomaly&rule=x"],
)
def test_a_bad_question_about_alerts_is_a_problem(shared_service: Service, query: str) -> None:
    """Filters that a format does not have are refused rather than ignored."""
    answer = shared_service.get(f"/v1/alerts?{query}")

    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid")


def accepted_by_falcosidekick(alert: dict[str, Any]) -> bool:
    """Tell whether falcosidekick takes an alert: what it answers 400 to, and what it casts without a look."""
    fields = alert["output_fields"]
    return (
        alert["priority"] in [each.value for each in Priority]
        and bool(alert["rule"])
        and not alert["time"].startswith("0001")
        and bool(fields)
        and all(isinstance(fields.get(name, ""), str | None) for name in ("k8s.ns.name", "k8s.pod.name"))
    )


def test_alerts_come_in_the_shape_of_falco(service: Service) -> None:
    """One object for each match, with every key that its readers ask for."""
    raise_matches(
        service, a_match(1, output_fields={"user.name": "root", "evt.rawres": -2, "k8s.ns.name": 7})
    )

    page = service.get("/v1/alerts", format="falco").json()
    more = service.get("/v1/alerts", format="falco", cursor=page["next_cursor"]).json()

    (alert,) = page["items"]
    time_ns = a_match(1).time
    assert alert == {
        "hostname": "node-a",
        "output": "13:13:21.001123456: Warning A shell (user=root command=sh -i)",
        "output_fields": {"user.name": "root", "evt.rawres": -2, "k8s.ns.name": "7", "evt.time": time_ns},
        "priority": "Warning",
        "rule": "Shell spawned",
        "source": "syscall",
        "tags": ["T1059", "attack_v18", "mitre_execution"],
        "time": "2025-11-24T13:13:21.001123456Z",
    }
    assert accepted_by_falcosidekick(alert)
    assert more["items"] == []


def test_alerts_come_as_lines_to_who_asks_for_them(service: Service) -> None:
    """The Accept header chooses lines of JSON; the Link header leads on."""
    raise_matches(service, a_match(1), a_match(2))

    answer = service.request(
        "GET", "/v1/alerts", Role.READ, headers={"Accept": "application/x-ndjson"}, limit=1
    )
    following = answer.headers["link"].split(">")[0].removeprefix(f"<{service.url}")
    rest = service.request("GET", following, Role.READ, headers={"Accept": "application/x-ndjson"})

    assert answer.headers["content-type"].startswith("application/x-ndjson")
    assert [json.loads(line)["rule"] for line in answer.text.splitlines()] == ["Shell spawned"]
    assert len(rest.text.splitlines()) == 1


def test_every_match_is_a_line_of_the_falco_output(
    open_service: Callable[..., Service], tmp_path: Path
) -> None:
    """Each raised match is appended once, beyond the samples of its alert too; others are not."""
    path = tmp_path / "falco.jsonl"
    service = open_service(falco_output=str(path))
    select_rules(service, enable=False, rule="Off")
    raise_matches(service, *(a_match(each) for each in range(50)), a_match(99, rule="Off"))
    service.match(a_match(1))
    service.worker.drain()

    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(lines) == 50
    assert all(accepted_by_falcosidekick(line) for line in lines)
    assert 'nonself_falco_lines_total{outcome="written"} 50.0' in service.http.get("/metrics").text


def test_an_output_that_fails_stops_no_alert(open_service: Callable[..., Service], tmp_path: Path) -> None:
    """A folder that is gone is counted, and the alert is raised all the same."""
    service = open_service(falco_output=str(tmp_path / "gone" / "falco.jsonl"))
    raise_matches(service, a_match(1))

    assert len(alerts(service)) == 1
    assert 'nonself_falco_lines_total{outcome="failed"} 1.0' in service.http.get("/metrics").text
