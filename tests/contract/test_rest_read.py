"""Reading over REST: workloads, baselines, scores, alerts and nodes, and the rules all endpoints share."""

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select

from api.db.access_tables import AuditRow
from api.tokens.service import Role
from tests.service import INTRUSION, LOOP, NOW_MS, FakeClock, Service, a_container, a_delta
from wire.ngram import pack
from wire.profile import Mark

pytestmark = pytest.mark.databases

LISTS = ("/v1/workloads", "/v1/scores", "/v1/alerts", "/v1/nodes")
SHELL = {pack([each, 59, each + 1, 60, 61, each + 2], injected=True): 3 for each in range(100, 160)}


def enforcing(service: Service) -> None:
    """Let a service learn one workload and switch it to alerting."""
    service.learn(60)
    assert (
        service.put("/v1/workloads/1/mode", {"mode": "enforcement-alert", "reason": "test"}).status_code
        == 200
    )


def intrude(service: Service, index: int) -> None:
    """Let a shell run within an ordinary window, and have it scored."""
    assert service.send(a_delta(index, LOOP | SHELL)).status_code == 200
    service.worker.drain()


def test_learning_shows_on_the_workload(service: Service) -> None:
    """A workload is known by its name, and tells how many windows were learned and how the last one was."""
    service.learn(40)

    (workload,) = service.get("/v1/workloads").json()["items"]
    assert (workload["namespace"], workload["name"], workload["container"]) == ("shop", "cart", "web")
    assert (workload["mode"], workload["state"]) == ("learning", "ready")
    assert (workload["windows"], workload["windows_learned"]) == (40, 40)
    assert workload["last_score"]["verdict"] == "normal"
    assert service.get("/v1/workloads/1").json() == workload


def test_too_little_evidence_is_a_verdict_of_its_own(service: Service) -> None:
    """The first windows are neither normal nor anomalous, and say why."""
    service.learn(1)

    (score,) = service.get("/v1/scores").json()["items"]
    assert (score["verdict"], score["p_value"]) == ("insufficient_evidence", None)
    assert "few_windows" in {each["code"] for each in score["evidence"]}


def test_a_score_tells_which_view_decided(service: Service) -> None:
    """Every view has bits that add up to the score and, once windows are ranked, a p-value of its own."""
    service.learn(40)

    first, *_, last = service.get("/v1/scores?explain=true").json()["items"]

    views = {each["view"]: each for each in last["views"]}
    assert list(views) == ["calls", "pairs", "triples", "sequences", "mix"]
    assert sum(each["bits"] for each in views.values()) == pytest.approx(last["score"], abs=1e-5)
    assert views[last["view"]]["p_value"] == min(each["p_value"] for each in views.values())
    assert first["view"] is None
    assert first["views"][0]["p_value"] is None
    assert service.get("/v1/scores").json()["items"][0]["views"] is None


def test_a_baseline_tells_what_it_knows(service: Service) -> None:
    """It shows its most frequent n-grams by name, and the threshold that the budget gives."""
    service.learn(40)

    baseline = service.get("/v1/workloads/1/baseline").json()
    assert baseline["windows_learned"] == 40
    assert baseline["distinct_ngrams"] == len(LOOP)
    assert baseline["top"][0]["syscalls"] == ["read", "write", "open", "close", "stat", "fstat"]
    assert baseline["budget"]["alpha"] == pytest.approx(10 / 604_800)


def test_a_baseline_tells_how_much_is_still_unseen(service: Service) -> None:
    """The unseen mass has an interval, a verdict and a range of time; being `ready` does not wait for it."""
    service.learn(40)

    workload = service.get("/v1/workloads/1").json()
    completeness = service.get("/v1/workloads/1/baseline").json()["completeness"]
    ahead, seconds = completeness["windows_to_target"], completeness["seconds_to_target"]
    assert (workload["state"], completeness["verdict"]) == ("ready", "converging")
    assert (completeness["windows"], completeness["seen_from_start"]) == (40, True)
    assert 0 == completeness["low"] <= completeness["unseen"] < completeness["target"] < completeness["high"]
    assert ahead["fewest"] + 40 == pytest.approx(2 * 3.84 / completeness["target"], rel=0.01)
    assert seconds["fewest"] == 10 * ahead["fewest"]


def test_an_anomaly_is_found_by_the_node_it_was_seen_on(service: Service) -> None:
    """The database itself keeps which nodes those were, whatever release writes the finding."""
    enforcing(service)
    intrude(service, 100)
    intrude(service, 101)

    (alert,) = service.get("/v1/alerts").json()["items"]
    (first, *_) = service.get(f"/v1/alerts/{alert['id']}").json()["windows"]
    node = first["score"]["container"]["node"]
    assert [each["id"] for each in service.get("/v1/alerts", node=node).json()["items"]] == [alert["id"]]
    assert service.get("/v1/alerts", node=f"{node}-2").json()["items"] == []
    assert service.get("/v1/alerts/counts", node=node, by="kind").json()["alerts"] == 1


def test_a_workload_that_nothing_was_learned_of_has_a_baseline_too(service: Service) -> None:
    """It is empty and says that the evidence is insufficient."""
    service.send(a_delta(0, marks=frozenset({Mark.UNIDENTIFIED})))
    service.worker.drain()

    baseline = service.get("/v1/workloads/1/baseline").json()
    assert (baseline["windows_learned"], baseline["updated_at"]) == (0, None)
    assert baseline["evidence"] != []


def test_an_intrusion_raises_an_alert_that_says_why(service: Service) -> None:
    """In mode enforcement-alert the alert names workload, container, windows and calls."""
    enforcing(service)
    intrude(service, 100)
    intrude(service, 101)

    (alert,) = service.get("/v1/alerts").json()["items"]
    detail = service.get(f"/v1/alerts/{alert['id']}").json()
    assert (alert["findings"], alert["status"], alert["workload"]["name"]) == (2, "open", "cart")
    assert alert["contributions"][0]["injected"]
    assert "execve" in alert["contributions"][0]["syscalls"]
    assert [each["score"]["verdict"] for each in detail["windows"]] == ["anomalous", "anomalous"]
    assert detail["windows"][0]["score"]["container"]["pod"] == "cart-6d4cf56db6-x7k2p"
    assert detail["windows"][0]["score"]["start"] == alert["start"]
    assert detail["windows"][1]["score"]["end"] == alert["end"]
    assert service.get("/v1/workloads/1").json()["open_alerts"] == 1


def test_an_explained_score_adds_up(service: Service) -> None:
    """The bits of the contributions and the rest are the score; without explain they are left out."""
    enforcing(service)
    intrude(service, 100)

    plain = service.get("/v1/scores", verdict="anomalous").json()["items"][0]
    score = service.get("/v1/scores", verdict="anomalous", explain=True).json()["items"][0]
    total = sum(each["bits"] for each in score["contributions"]) + score["rest"]
    assert total == pytest.approx(score["score"], abs=1e-3)
    assert (plain["contributions"], plain["rest"]) == (None, None)


def test_mode_learning_raises_no_alert(service: Service) -> None:
    """The same intrusion while learning is scored and held out of the baseline, and raises nothing."""
    service.learn(60)
    intrude(service, 100)

    (score,) = service.get("/v1/scores", verdict="anomalous").json()["items"]
    assert (score["learned"], score["quarantined"]) == (False, True)
    assert service.get("/v1/alerts").json()["items"] == []
    assert service.get("/v1/workloads/1").json()["quarantined"] == 1


def test_a_change_of_mode_is_audited(service: Service) -> None:
    """Who changed it, from what to what, and why, is kept; a change to the same mode is none."""
    service.learn(1)
    for _ in range(2):
        service.put("/v1/workloads/1/mode", {"mode": "enforcement-alert", "reason": "calm"})

    with service.core.store.read() as session:
        rows = session.scalars(select(AuditRow).where(AuditRow.action == "workload.mode")).all()
    assert [(row.actor, row.target, row.detail["to"], row.detail["reason"]) for row in rows] == [
        ("admin", "1", "enforcement-alert", "calm")
    ]


@pytest.mark.parametrize(
    ("wish", "status"),
    [
        ({}, 422),
        ({"mode": "block"}, 422),
        ({"mode": "learning", "why": "x"}, 422),
        ({"mode": "learning", "reason": 7}, 422),
        ([], 422),
    ],
)
def test_a_bad_wish_for_a_mode_is_refused(service: Service, wish: Any, status: int) -> None:
    """A mode that does not exist, or a field that does not, is a problem and changes nothing."""
    service.learn(1)

    answer = service.put("/v1/workloads/1/mode", wish)

    assert (answer.status_code, answer.json()["type"]) == (status, "/problems/invalid")
    assert service.get("/v1/workloads/1").json()["mode"] == "learning"


def test_roles_are_kept_apart(shared_service: Service) -> None:
    """Reading needs read or admin, changing needs admin."""
    put = shared_service.put
    assert put("/v1/workloads/1/mode", {"mode": "learning"}, Role.READ).status_code == 403
    assert put("/v1/workloads/1/mode", {"mode": "learning"}, Role.ADMIN).status_code == 404
    for path in LISTS:
        assert shared_service.get(path, Role.READ).status_code == 200
        assert shared_service.get(path, Role.ADMIN).status_code == 200
        assert shared_service.get(path, Role.INGEST).status_code == 403
        assert shared_service.http.get(path).status_code == 401


@pytest.mark.parametrize(
    ("path", "status", "slug"),
    [
        ("/v1/workloads/7", 404, "not-found"),
        ("/v1/workloads/7/baseline", 404, "not-found"),
        ("/v1/alerts/7", 404, "not-found"),
        ("/v1/nothing", 404, "not-found"),
        ("/v1/workloads/x", 422, "invalid"),
        ("/v1/workloads/0", 422, "invalid"),
        (f"/v1/workloads/{1 << 70}", 422, "invalid"),
        ("/v1/workloads/1?x=1", 422, "invalid"),
        ("/v1/scores?workload=x", 422, "invalid"),
        ("/v1/scores?verdict=bad", 422, "invalid"),
        *((f"{path}?{query}", 422, "invalid") for path in LISTS for query in (
            "limit=0", "limit=1001", "limit=x", "cursor=x", "cursor=YWZ0ZXI6LTE", "since=yesterday", "nme=x",
        )),
    ],
)  # fmt: skip
def test_a_bad_request_is_a_problem(shared_service: Service, path: str, status: int, slug: str) -> None:
    """What is not there, or cannot be asked, is answered in the one shape of errors."""
    answer = shared_service.get(path)

    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{slug}")
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_wrong_method_is_a_problem(shared_service: Service) -> None:
    """405 comes as a problem too, and says what is allowed."""
    answer = shared_service.http.delete("/v1/workloads")

    assert (answer.status_code, answer.headers["content-type"]) == (405, "application/problem+json")
    assert answer.headers["allow"] == "GET"


def test_lists_filter(service: Service) -> None:
    """By namespace, name and mode; by workload and verdict; by time of entry."""
    service.learn(2)
    service.core.clock.at_ms = NOW_MS + 5000  # type: ignore[attr-defined]
    service.send(a_delta(2, container=a_container(id="d", namespace="bank", pod="till-0", name="till")))
    service.worker.drain()
    later = datetime.fromtimestamp(NOW_MS / 1000 + 1).astimezone().isoformat()

    def ids(path: str, **params: Any) -> list[int]:
        return [each["id"] for each in service.get(path, **params).json()["items"]]

    assert ids("/v1/workloads", namespace="bank") == [2]
    assert ids("/v1/workloads", name="cart") == [1]
    assert ids("/v1/workloads", mode="enforcement-alert") == []
    assert ids("/v1/workloads", since=later) == [2]
    assert ids("/v1/workloads", until=later) == [1]
    assert ids("/v1/scores", workload=2) == [3]
    assert ids("/v1/scores", since=later) == [3]
    assert ids("/v1/scores", verdict="insufficient_evidence", until=later) == [1, 2]


def test_pages_follow_the_link(service: Service) -> None:
    """Following the Link header visits each entry once, and the last page's link goes on later."""
    service.learn(25)
    path: str = "/v1/scores?limit=10&workload=1"
    seen: list[int] = []
    for _ in range(4):
        answer = service.get(path)
        seen += [each["id"] for each in answer.json()["items"]]
        path = answer.headers["link"].split(">")[0].removeprefix(f"<{service.url}")
    service.learn(5, first=25)

    more = [each["id"] for each in service.get(path).json()["items"]]

    assert seen == list(range(1, 26))
    assert more == list(range(26, 31))


def test_a_poller_neither_misses_nor_repeats(service: Service) -> None:
    """While two agents send and the worker scores, a poller that keeps its cursor sees every score once."""
    windows = 20
    done = threading.Event()

    def send(node: str) -> None:
        for index in range(windows):
            container = a_container(id=node, pod=f"{node}-0")
            assert service.send(a_delta(index, node=node, container=container), node=node).status_code == 200

    def score() -> None:
        while not done.is_set():
            service.worker.drain()

    senders = [threading.Thread(target=send, args=(f"node{number}",)) for number in range(2)]
    scorer = threading.Thread(target=score)
    for thread in (*senders, scorer):
        thread.start()
    seen: list[tuple[str, str]] = []
    cursor: dict[str, str] = {}
    for _ in range(2000):
        page = service.get("/v1/scores", limit=7, **cursor).json()
        cursor = {"cursor": page["next_cursor"]}
        seen += [(each["container"]["node"], each["start"]) for each in page["items"]]
        if len(seen) >= 2 * windows:
            break
    for thread in senders:
        thread.join()
    done.set()
    scorer.join()

    assert len(seen) == len(set(seen)) == 2 * windows
    assert service.get("/v1/scores", limit=7, **cursor).json()["items"] == []


def test_nodes_tell_their_lag(service: Service) -> None:
    """A node's lag is the time since its last batch."""
    service.send(a_delta(0))
    clock = service.core.clock
    assert isinstance(clock, FakeClock)
    clock.at_ms += 4000

    (node,) = service.get("/v1/nodes").json()["items"]
    assert (node["name"], node["lag_s"], node["deltas"]) == ("node-a", 4.0, 1)


def test_new_workloads_get_the_default_mode(open_service: Callable[..., Service]) -> None:
    """With enforcement-alert as default it learns until ready: three windows of its start, thirty steady."""
    service = open_service(default_mode="enforcement-alert")
    service.learn(40)

    (workload,) = service.get("/v1/workloads").json()["items"]
    assert (workload["mode"], workload["state"], workload["windows_learned"]) == (
        "enforcement-alert",
        "active",
        33,
    )


def test_health_tells_process_and_parts_apart(service: Service) -> None:
    """The process is up though no worker runs; ready it is only with one."""
    before = service.http.get("/readyz")
    service.worker.start()
    after = service.http.get("/readyz")
    service.worker.stop()

    assert service.http.get("/healthz").json() == {"status": "ok"}
    assert (before.status_code, before.json()["worker"]) == (503, "The worker is not running.")
    told = after.json()
    assert {each["name"] for each in told.pop("dependencies") if each["required"]} == {"database", "worker"}
    assert (after.status_code, told) == (
        200,
        {"ready": True, "database": "ok", "worker": "ok", "falco_output": "ok", "push": "ok", "troubles": {}},
    )


def test_a_mistake_of_ours_is_a_problem_with_a_request_id(service: Service, monkeypatch) -> None:
    """What nobody foresaw is answered as a problem under the id that its log line carries."""

    def broken(*_: object) -> None:
        msg = "unforeseen"
        raise RuntimeError(msg)

    monkeypatch.setattr("api.nodes.service.list_page", broken)

    answer = service.get("/v1/nodes")

    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert answer.headers["x-request-id"]
    assert "unforeseen" not in answer.text


def test_an_invented_method_makes_no_new_time_series(service: Service) -> None:
    """A method is an outsider's text: those that nobody knows share one label."""
    service.http.request("INVENTED", "/v1/nodes")

    text = service.http.get("/metrics").text
    assert "INVENTED" not in text
    assert 'method="other"' in text


def test_metrics_count_what_happened(service: Service) -> None:
    """Deltas, verdicts and workloads show at /metrics."""
    service.learn(2)
    service.send(a_delta(0), a_delta(9, INTRUSION))

    text = service.http.get("/metrics").text
    for line in (
        "nonself_ingest_deltas_total 3.0",
        "nonself_ingest_duplicates_total 1.0",
        'nonself_worker_windows_total{verdict="insufficient_evidence"} 2.0',
        'nonself_workloads{mode="learning"} 1.0',
        "nonself_inbox_pending 1.0",
        "nonself_database_up 1.0",
    ):
        assert line in text.splitlines()


def test_every_request_has_an_id(shared_service: Service) -> None:
    """A sane one from the caller is kept, another is replaced."""
    kept = shared_service.http.get("/healthz", headers={"X-Request-Id": "abc-1"})
    replaced = shared_service.http.get("/healthz", headers={"X-Request-Id": "a b"})

    assert kept.headers["x-request-id"] == "abc-1"
    assert len(replaced.headers["x-request-id"]) == 32


def test_openapi_describes_every_endpoint_with_examples(shared_service: Service) -> None:
    """Each answer has a schema, each error is a problem, and each resource has an example."""
    document = shared_service.http.get("/openapi.json").json()

    operations = {
        f"{method} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    assert set(operations) >= {
        "get /v1/workloads", "get /v1/workloads/{workload_id}", "put /v1/workloads/{workload_id}/mode",
        "get /v1/workloads/{workload_id}/baseline", "get /v1/scores", "get /v1/alerts",
        "get /v1/alerts/{alert_id}", "post /v1/ingest/profiles", "get /v1/nodes", "get /healthz",
        "get /readyz", "get /metrics",
    }  # fmt: skip
    for name, operation in operations.items():
        if "/v1/" in name:
            assert set(operation["responses"]["422"]["content"]) == {"application/problem+json"}
            assert operation["security"]
    schemas = document["components"]["schemas"]
    assert "HTTPValidationError" not in schemas
    for name in ("WorkloadOut", "ScoreOut", "AlertOut", "NodeOut", "ReceiptOut", "ModeIn", "Problem"):
        assert schemas[name]["examples"]
