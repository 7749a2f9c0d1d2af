"""Live streams as a reader sees them: what is told, to whom, from where on, and how they end."""

import socket
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from sqlalchemy import delete, insert

from api.alerts import service as alerts, traits
from api.alerts.schemas import AlertQuery
from api.db.alert_tables import AlertChangeRow
from api.db.retention_tables import DroppedRow
from api.db.scope import Scope
from api.db.tables import ScoreRow
from api.events.hub import Hub
from api.events.position import Topic
from api.tokens import service as tokens
from api.tokens.service import Role
from api.vocabulary import AlertKind, AlertStatus, AlertVerdict, Level, Triage
from tests.rows import Window, add_windows, add_workloads
from tests.service import LOOP, NOW_MS, Service, a_container, a_delta, a_match
from tests.streams import Reader
from tests.waiting import wait_for
from wire.match import Priority
from wire.ngram import pack

BANK = a_container(id="b" * 64, namespace="bank", pod="vault-0", name="vault", image="vault:1")


def raise_alert(service: Service, sequence: int, **changes: Any) -> None:
    """Let a rule of its own match, so that an alert is opened."""
    service.match(a_match(sequence, **{"rule": f"Rule {sequence}"} | changes))
    service.worker.drain()


def triage(service: Service, alert: int, **body: Any) -> None:
    """Do one step with an alert."""
    answer = service.request("POST", f"/v1/alerts/{alert}/triage", Role.TRIAGE, json=body)
    assert answer.status_code == 200, answer.text


def metric(service: Service, line: str) -> float:
    """Return the value of one metric, 0 where it was never set."""
    lines = service.http.get("/metrics").text.splitlines()
    return float(next((each.split()[-1] for each in lines if each.startswith(f"{line} ")), 0))


def streams_of(service: Service) -> Hub:
    """Return what serves the streams of a service, once one was open."""
    hub: Hub = service.core.end_streams.__self__  # type: ignore[attr-defined]
    return hub


@pytest.mark.databases
def test_a_stream_tells_what_the_lists_tell(service: Service) -> None:
    """Each event has the JSON of the list's entry, the name of what happened, and an id; in their order."""
    with Reader(service, topic=["alerts", "scores"]) as reader:
        raise_alert(service, 1)
        reader.wait(1)
        raise_alert(service, 2, rule="Rule 1")
        reader.wait(2)
        triage(service, 1, action="close", verdict="benign", comment="backup")
        reader.wait(3)
        listed = service.get("/v1/alerts").json()["items"]
        service.learn(2)
        reader.wait(5)

    assert reader.names == ["alert.opened", "alert.grew", "alert.closed", "score", "score"]
    assert [each.id for each in reader.events] == ["a1.s0", "a2.s0", "a3.s0", "a3.s1", "a3.s2"]
    changes = service.get("/v1/alerts/changes").json()["items"]
    assert [each["change"] for each in reader.data[:3]] == changes
    assert [reader.data[2]["alert"]] == listed
    assert reader.data[3:] == service.get("/v1/scores").json()["items"]


def test_a_stream_says_how_it_is_to_be_handled(service: Service) -> None:
    """Nothing between may keep or hold it back, and its first word is where it is and when to come again."""
    raise_alert(service, 1)
    with Reader(service) as reader:
        pass

    assert reader.answer is not None
    headers = reader.answer.headers
    assert headers["Content-Type"].startswith("text/event-stream")
    assert (headers["Cache-Control"], headers["X-Accel-Buffering"]) == ("no-store", "no")
    assert "Content-Encoding" not in headers
    first = reader.received[0]
    assert (first.data, first.id, first.retry) == ("", "a1", 2000)


@pytest.mark.databases
def test_who_comes_again_misses_and_repeats_nothing(service: Service) -> None:
    """After the id of the header, which goes before that of the address, as browsers keep the address."""
    with Reader(service) as reader:
        for each in (1, 2, 3):
            raise_alert(service, each)
        reader.wait(3)
    second = reader.events[1].id
    raise_alert(service, 4)
    with Reader(service, after=second, last_event_id="a0") as again:
        again.wait(2)
        raise_alert(service, 5)
        again.wait(3)
    with Reader(service, last_event_id="a3") as third:
        third.wait(2)

    assert reader.alerts == [("opened", 1), ("opened", 2), ("opened", 3)]
    assert again.alerts == [("opened", 3), ("opened", 4), ("opened", 5)]
    assert third.alerts == [("opened", 4), ("opened", 5)]


def test_a_stream_begins_now_or_at_a_time(service: Service) -> None:
    """Without a word it begins now; `since` begins with what was recorded then, whatever the clock did."""
    core = service.core
    for each, at_ms in enumerate((NOW_MS, NOW_MS + 600_000, NOW_MS + 400_000, NOW_MS + 700_000), 1):
        core.clock.at_ms = at_ms
        raise_alert(service, each)
    with Reader(service, since="2025-11-24T16:08:20Z") as reader, Reader(service) as now:
        reader.wait(2)
        raise_alert(service, 5)
        reader.wait(3)
        now.wait(1)

    assert [alert for _, alert in reader.alerts] == [2, 4, 5]
    assert now.alerts == [("opened", 5)]


FILTERED: Final[list[tuple[dict[str, Any], list[int]]]] = [
    ({}, [1, 2, 3, 3]),
    ({"namespace": "bank"}, [2]),
    ({"workload": 1}, [1, 3, 3]),
    ({"min_level": "high"}, [2]),
    ({"rule": "Rule 3"}, [3, 3]),
    ({"technique": "t1611"}, [3, 3]),
    ({"kind": "anomaly"}, []),
    ({"change": ["acknowledged", "closed"]}, [3]),
    ({"text": "A SHELL", "namespace": "shop"}, [1, 3, 3]),
    ({"cluster": "eu"}, []),
    ({"topic": "scores"}, []),
]
"""Queries, and of which alerts they tell something."""


def test_a_stream_is_filtered_as_the_list_is(service: Service) -> None:
    """The same words name the same alerts, live and of what was missed."""
    with ExitStack() as stack:
        live = [stack.enter_context(Reader(service, **query)) for query, _ in FILTERED]
        raise_alert(service, 1)
        raise_alert(service, 2, container=BANK, priority=Priority.CRITICAL)
        raise_alert(service, 3, tags=("T1611",))
        triage(service, 3, action="acknowledge")
        begins = ["s0" if query.get("topic") == "scores" else "a0" for query, _ in FILTERED]
        missed = [
            stack.enter_context(Reader(service, last_event_id=begin, **query))
            for begin, (query, _) in zip(begins, FILTERED, strict=True)
        ]
        for reader, (_, told) in zip(live + missed, FILTERED * 2, strict=True):
            reader.wait(len(told))

    for reader, (query, told) in zip(live + missed, FILTERED * 2, strict=True):
        assert [alert for _, alert in reader.alerts] == told, query


@pytest.fixture(scope="module")
def many(shared_service: Service) -> Service:
    """A service with alerts of both kinds, several workloads, levels, states and techniques."""
    service = shared_service
    for each, (tags, priority) in enumerate(
        [((), Priority.NOTICE), (("T1611",), Priority.CRITICAL), (("T1059.004", "T1611"), Priority.WARNING)]
    ):
        for container in (a_container(), BANK):
            output = f"100% of {each}_Files in {container.namespace}"
            tagged = {"tags": tags, "priority": priority, "output": output, "container": container}
            raise_alert(service, 10 * each + (container is BANK) + 1, **tagged)
    service.learn(60)
    service.put("/v1/workloads/1/mode", {"mode": "enforcement-alert", "reason": "test"})
    service.send(a_delta(60, LOOP | {pack([each, 59, each + 1, 60, 61, 7]): 3 for each in range(100, 160)}))
    service.worker.drain()
    triage(service, 2, action="close", verdict="benign")
    triage(service, 3, action="assign", assignee="ana")
    return service


TRAITS = st.fixed_dictionaries(
    {},
    optional={
        "workload": st.integers(1, 3),
        "status": st.sampled_from(AlertStatus),
        "kind": st.sampled_from(AlertKind),
        "rule": st.sampled_from(["Rule 1", "Rule 12", "rule 1", "No rule"]),
        "level": st.sampled_from(Level),
        "min_level": st.sampled_from(Level),
        "namespace": st.sampled_from(["shop", "bank", "Shop", ""]),
        "cluster": st.sampled_from(["", "eu"]),
        "triage": st.sampled_from(Triage),
        "verdict": st.sampled_from(AlertVerdict),
        "assignee": st.sampled_from(["ana", "bob"]),
        "technique": st.sampled_from(["T1611", "t1059", "T1059.004", "T1059.001"]),
        "min_score": st.sampled_from([0.5, 10.0, 1e6]),
        "text": st.sampled_from(["100%", "FILES", "0_f", "of_", "%", "→", "in bank"]),
    },
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wish=TRAITS)
def test_an_alert_that_was_read_fits_as_the_database_says(many: Service, wish: dict[str, Any]) -> None:
    """The filters of lists are asked of the database, and those of streams of the alert; they agree."""
    asked = AlertQuery(**wish, limit=1000)
    with many.core.store.read() as session:
        everything = alerts.list_page(session, AlertQuery(limit=1000))
        found = alerts.list_page(session, asked)

    fitting = [each.id for each in everything if traits.fits(asked, each.model_dump(mode="json"))]
    assert len(everything) == 7
    assert fitting == [each.id for each in found]


def test_what_is_passed_over_is_passed_over_for_good(open_service: Callable[..., Service]) -> None:
    """A heartbeat carries the id of what a filter left out, so that nobody looks through it again."""
    service = open_service(stream_heartbeat_s=1)
    with Reader(service, namespace="bank") as reader:
        raise_alert(service, 1)
        raise_alert(service, 2)
        wait_for(lambda: reader.last_id == "a2")

    assert reader.events == []


@pytest.mark.databases
def test_a_limited_token_is_told_of_its_own(service: Service) -> None:
    """Live, of what was missed, and of scores; a filter that names the other's finds nothing."""
    scope = Scope(namespaces=frozenset({"bank"}))
    with service.core.store.write() as session:
        secret = tokens.create(session, name="bank", role=Role.READ, now_ms=NOW_MS, actor="test", scope=scope)
    both = ["alerts", "scores"]
    with (
        Reader(service, secret=secret, topic=both) as live,
        Reader(service, secret=secret, namespace="shop", topic=both) as other,
        Reader(service, topic=both) as everything,
    ):
        raise_alert(service, 1)
        service.learn(1)
        raise_alert(service, 2, container=BANK)
        service.learn(1, container=BANK)
        everything.wait(4)
        live.wait(2)
    with Reader(service, secret=secret, topic=both, after="a0.s0") as missed:
        missed.wait(2)
        raise_alert(service, 3)
        raise_alert(service, 4, container=BANK)
        missed.wait(3)

    assert other.events == []
    assert live.names == ["alert.opened", "score"]
    assert live.alerts == [("opened", 2)]
    assert missed.alerts == [("opened", 2), ("opened", 4)]
    assert "cart" not in "".join(each.data for each in (*live.events, *missed.events))


@pytest.mark.parametrize("how", ["revoked", "expired", "rotated"])
def test_a_stream_ends_with_its_token(service: Service, how: str) -> None:
    """Within some seconds, with a word on why; those of other tokens go on."""
    core = service.core
    with core.store.write() as session:
        secret = tokens.create(
            session, name="soc", role=Role.READ, now_ms=NOW_MS, actor="test", expires_at=NOW_MS + 60_000
        )
    with Reader(service, secret=secret) as reader, Reader(service) as other:
        with core.store.write() as session:
            row = tokens.find(session, "soc")
            if how == "revoked":
                tokens.revoke(session, name="soc", now_ms=NOW_MS, actor="test")
            if how == "rotated":
                tokens.rotate(session, row, overlap_ms=5_000, now_ms=NOW_MS, actor="test")
                core.clock.at_ms = NOW_MS + 5_000
        if how == "expired":
            core.clock.at_ms = NOW_MS + 60_000
        assert reader.ended.wait(30)
        raise_alert(service, 1)
        other.wait(1)

    assert reader.names == ["end"]
    assert reader.data[0]["reason"] == "token"
    assert how in reader.data[0]["text"]
    assert metric(service, 'nonself_streams_ended_total{reason="token"}') == 1


def test_a_rotated_secret_is_good_until_its_overlap_ends(service: Service) -> None:
    """A stream that came with it goes on as long."""
    with service.core.store.write() as session:
        secret = tokens.create(session, name="soc", role=Role.READ, now_ms=NOW_MS, actor="test")
    with Reader(service, secret=secret) as reader:
        with service.core.store.write() as session:
            row = tokens.find(session, "soc")
            tokens.rotate(session, row, overlap_ms=5_000, now_ms=NOW_MS, actor="test")
        raise_alert(service, 1)
        reader.wait(1)

    assert reader.names == ["alert.opened"]


def test_streams_are_limited_by_token_and_in_all(open_service: Callable[..., Service]) -> None:
    """Whoever asks for more is told which limit it is and when to come again; a place is given back."""
    service = open_service(streams=3, streams_per_token=2)
    with Reader(service), Reader(service), Reader(service, role=Role.ADMIN):
        of_token = service.get("/v1/events")
        of_all = service.get("/v1/events", Role.TRIAGE)
        wait_for(lambda: metric(service, "nonself_streams") == 3)
    wait_for(lambda: metric(service, "nonself_streams") == 0)
    with Reader(service) as reader:
        raise_alert(service, 1)
        reader.wait(1)

    assert (of_token.status_code, of_token.json()["type"]) == (429, "/problems/too-many-streams-of-token")
    assert (of_all.status_code, of_all.json()["type"]) == (503, "/problems/too-many-streams")
    for answer in (of_token, of_all):
        assert int(answer.headers["Retry-After"]) > 0
        assert "streams" in answer.json()["detail"]
    assert metric(service, 'nonself_streams_refused_total{limit="token"}') == 1
    assert metric(service, 'nonself_streams_refused_total{limit="service"}') == 1


def test_streams_end_with_a_word_when_the_service_stops(open_service: Callable[..., Service]) -> None:
    """The server does not wait for readers, nor does it cut them off in a line."""
    service = open_service()
    with Reader(service) as idle, Reader(service) as other:
        service.core.end_streams()
        assert idle.ended.wait(30)
        assert other.ended.wait(30)
        late = service.get("/v1/events")

    assert (idle.names, other.names) == (["end"], ["end"])
    assert idle.data[0]["reason"] == "stopping"
    assert (late.status_code, late.headers["Retry-After"]) == (503, "10")


@pytest.mark.parametrize("text", ["812", "a", "a1.s2.s3", "a1s2", "s2.a1", "a01", f"a{1 << 63}", "ü"])
def test_an_id_that_is_none_of_ours_is_one_sentence(shared_service: Service, text: str) -> None:
    """Rather than a stream that silently begins elsewhere."""
    answer = shared_service.get("/v1/events", last_event_id=text)

    assert answer.status_code == 422
    assert "expected the id of an event of this service" in answer.json()["detail"]


def test_an_id_of_a_stream_of_less_needs_a_time(service: Service) -> None:
    """A topic that it is not of would silently begin now."""
    raise_alert(service, 1)
    service.learn(1)
    both = ["alerts", "scores"]
    refused = service.get("/v1/events", topic=both, last_event_id="a1")
    with Reader(service, topic=both, last_event_id="a1", since="2025-11-24T00:00:00Z") as reader:
        reader.wait(1)

    assert refused.status_code == 422
    assert "a1 is of a stream without scores" in refused.json()["detail"]
    assert reader.names == ["score"]


def test_an_id_of_another_database_is_said(service: Service) -> None:
    """A restored backup has not come as far; the stream says so and goes on from where it is."""
    raise_alert(service, 1)
    with Reader(service, after="a900") as reader:
        raise_alert(service, 2)
        reader.wait(2)

    assert reader.names == ["gap", "alert.opened"]
    gap = reader.data[0]
    assert (gap["topic"], gap["reason"], gap["asked"], gap["resumed"]) == ("alerts", "unknown", 900, 1)
    assert reader.events[0].id == "a1"


@pytest.mark.databases
def test_scores_that_retention_has_deleted_are_said(service: Service) -> None:
    """Before what is left: a reader that was away too long knows that it missed something."""
    with service.core.store.write() as session:
        add_workloads(session, 1)
        add_windows(session, [Window(start=NOW_MS + each * 10_000) for each in range(6)], first=1)
    with Reader(service, topic="scores", after="s2") as whole:
        whole.wait(4)
    with service.core.store.write() as session:
        session.execute(delete(ScoreRow).where(ScoreRow.id.in_((1, 3, 4))))
        dropped = DroppedRow(day=0, cause="age", what="scores", count=3, oldest=0, newest=NOW_MS + 30_000)
        session.add(dropped)
    gone, kept, after = (f"s{each}" for each in (3, 2, 5))
    found = {}
    for each in (gone, kept, after):
        with Reader(service, topic="scores", after=each) as reader:
            reader.wait(1 if each == after else 3)
            found[each] = [
                (name, data.get("id")) for name, data in zip(reader.names, reader.data, strict=True)
            ]

    assert [each["id"] for each in whole.data] == [3, 4, 5, 6]
    assert found[gone] == [("gap", None), ("score", 5), ("score", 6)]
    # The row of the position is still there, as one with a finding is: what followed it is not.
    assert found[kept] == [("gap", None), ("score", 5), ("score", 6)]
    assert found[after] == [("score", 6)]


def test_a_reader_that_takes_nothing_is_dropped_and_holds_up_nobody(
    open_service: Callable[..., Service],
) -> None:
    """What waits for it is bounded; scoring and other readers go on, and its place is given back."""
    service = open_service(stream_stalled_s=1)
    raise_alert(service, 1)
    with service.core.store.write() as session:
        row = {"alert_id": 1, "change": "commented", "created_at": NOW_MS, "detail": {"comment": "x" * 4000}}
        session.execute(insert(AlertChangeRow), [row] * 4000)
    address, token = service.http.base_url, service.secrets[Role.READ]
    with socket.socket() as lazy:
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        lazy.connect((address.host, address.port))
        asked = "GET /v1/events?last_event_id=a0 HTTP/1.1"
        lazy.sendall(f"{asked}\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        with Reader(service) as other:
            raise_alert(service, 2)
            other.wait(1)
            dropped = 'nonself_streams_ended_total{reason="stalled"}'
            wait_for(lambda: metric(service, dropped) == 1)
            sent = metric(service, 'nonself_stream_events_total{topic="alerts"}')
            raise_alert(service, 3)
            other.wait(2)

    assert sent < 4000
    assert metric(service, "nonself_streams") <= 1


def test_nothing_is_kept_while_nobody_follows(service: Service) -> None:
    """Once the last reader has left, nothing is looked for; the next one finds all since it came."""
    with Reader(service) as reader:
        hub = streams_of(service)
        raise_alert(service, 1)
        reader.wait(1)
        kept = hub.rings[Topic.ALERTS].head
        unread = hub.rings[Topic.SCORES].head
    wait_for(lambda: hub.rings[Topic.ALERTS].head is None)
    raise_alert(service, 2)
    with Reader(service) as again:
        raise_alert(service, 3)
        again.wait(1)

    assert (kept, unread) == (1, None)
    assert again.alerts == [("opened", 3)]
