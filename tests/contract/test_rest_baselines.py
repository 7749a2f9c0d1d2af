"""Versions of baselines over REST: states, moves, history, rollback, and the promotion report."""

from collections.abc import Callable

import pytest
from sqlalchemy import select, text

from api.baselines.automatic import Promoter
from api.clock import to_datetime
from api.db.access_tables import AuditRow
from api.db.tables import BaselineRow
from api.lifecycle import versions
from api.tokens.service import Role
from model import snapshot
from tests.service import LOOP, NOW_MS, Service, a_container, a_delta
from wire.ngram import pack

pytestmark = pytest.mark.databases

ODD = {pack([9, 9, 9, 9, 9, each]): 3 for each in range(1, 4)}
SHELL = {pack([each, 59, each + 1, 60, 61, each + 2], injected=True): 3 for each in range(100, 160)}
HOUR_MS = 3_600_000


def post(service: Service, path: str, body: object, role: Role = Role.ADMIN):
    """Ask for a change."""
    return service.request("POST", path, role, json=body)


def promote(service: Service, version: int, **more: object):
    """Ask for a version to become active."""
    wish = {"to": "active", "reason": "calm", **more}
    return post(service, f"/v1/baselines/{version}/transitions", wish)


def enforce(service: Service, mode: str = "enforcement-alert") -> None:
    """Switch the mode of the only workload."""
    assert service.put("/v1/workloads/1/mode", {"mode": mode, "reason": "calm"}).status_code == 200


def states(service: Service) -> list[tuple[int, str, bool]]:
    """Return number, state and whether it is live, of every version."""
    items = service.get("/v1/baselines").json()["items"]
    return [(each["number"], each["state"], each["live"]) for each in items]


def moves(service: Service, version: int) -> list[tuple[str, str, str]]:
    """Return the moves of a version: actor, from, to."""
    items = service.get(f"/v1/baselines/{version}/history").json()["items"]
    return [(each["actor"], each["before"], each["after"]) for each in items]


def learned(service: Service) -> tuple[list[int], int]:
    """Return n-grams and windows of the live baseline."""
    with service.core.store.read() as session:
        state = snapshot.from_bytes(session.scalars(select(BaselineRow.snapshot)).one()).state()
    return state.ngrams.tolist(), state.windows


def test_a_workload_has_a_version_from_its_first_window(service: Service) -> None:
    """It is `learning` until scores can be ranked, then `ready`; the worker is the one that says so."""
    service.learn(1)
    young = states(service)
    service.learn(40, first=1)

    assert young == [(1, "learning", True)]
    assert states(service) == [(1, "ready", True)]
    assert moves(service, 1) == [("worker", "learning", "ready")]
    assert service.get("/v1/baselines/1").json()["windows_learned"] == 41


def test_promotion_switches_the_mode_and_freezes_what_was_learned(service: Service) -> None:
    """`active` and `enforcement-alert` come together, by whom and why is written down."""
    service.learn(40)

    answer = promote(service, 1)
    service.learn(5, first=40)

    assert answer.status_code == 200
    assert (answer.json()["state"], answer.json()["workload"]["mode"]) == ("active", "enforcement-alert")
    assert learned(service)[1] == 40
    last = service.get("/v1/baselines/1/history").json()["items"][-1]
    assert (last["actor"], last["after"], last["reason"]) == ("admin", "active", "calm")
    with service.core.store.read() as session:
        actions = session.scalars(select(AuditRow.action)).all()
    assert "workload.mode" in actions


def test_switching_the_mode_is_the_same_promotion(service: Service) -> None:
    """State follows from mode and evidence, whoever changes which."""
    service.learn(40)
    enforce(service)

    assert states(service) == [(1, "active", True)]
    assert moves(service, 1)[-1] == ("admin", "ready", "active")


def test_a_baseline_that_still_learns_in_enforcement_becomes_active_by_itself(service: Service) -> None:
    """The window that makes it rank scores freezes it: the thirtieth after the three of the start."""
    service.learn(10)
    enforce(service)
    before = states(service)
    service.learn(40, first=10)

    assert before == [(1, "learning", True)]
    assert states(service) == [(1, "active", True)]
    assert moves(service, 1) == [("worker", "learning", "ready"), ("worker", "ready", "active")]
    assert learned(service)[1] == 33


def test_learning_on_begins_a_new_version_and_rollback_returns_to_the_old(service: Service) -> None:
    """The old version is back bit for bit, and the worker scores against it at once."""
    service.learn(40)
    promote(service, 1)
    before = learned(service)
    enforce(service, "learning")
    service.send(*(a_delta(50 + each, LOOP | ODD) for each in range(5)))
    service.worker.drain()
    grown, between = learned(service), states(service)

    back = post(service, "/v1/baselines/1/rollback", {"reason": "it was better"})
    service.send(a_delta(60, LOOP | ODD))
    service.worker.drain()

    assert between == [(1, "stale", False), (2, "ready", True)]
    assert grown != before
    assert back.status_code == 200
    assert states(service) == [(1, "active", True), (2, "stale", False)]
    assert learned(service) == before
    assert service.get("/v1/workloads/1").json()["mode"] == "enforcement-alert"
    assert service.get("/v1/scores", limit=1000).json()["items"][-1]["novelty"] > 0
    again = post(service, "/v1/baselines/2/rollback", {"reason": "it was not"})
    assert again.json()["state"] == "active"
    assert learned(service) == grown


@pytest.mark.parametrize(
    ("prepare", "path", "wish", "sentence"),
    [
        (1, "transitions", {"to": "active", "reason": "x"}, "from there it can become ready"),
        (1, "rollback", {"reason": "x"}, "expected a version that is stale; version 1 is learning"),
        (
            40,
            "transitions",
            {"to": "stale", "reason": "x"},
            "expected the active version; version 1 is ready",
        ),
    ],
)
def test_an_illegal_move_is_one_sentence(
    service: Service, prepare: int, path: str, wish: dict, sentence: str
) -> None:
    """It names what is possible, and changes nothing."""
    service.learn(prepare)
    before = states(service)

    answer = post(service, f"/v1/baselines/1/{path}", wish)

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/not-possible")
    assert sentence in answer.json()["detail"]
    assert states(service) == before


def test_an_active_version_cannot_be_retired(service: Service) -> None:
    """Something must judge the windows of a workload in enforcement."""
    service.learn(40)
    promote(service, 1)

    assert post(service, "/v1/baselines/1/transitions", {"to": "retired", "reason": "x"}).status_code == 409


def test_retiring_the_live_version_begins_anew(service: Service) -> None:
    """What it learned is gone, its history stays, and the next window teaches an empty second version."""
    service.learn(40)
    retired = post(service, "/v1/baselines/1/transitions", {"to": "retired", "reason": "an intrusion"})
    service.learn(2, first=40)

    assert retired.json()["state"] == "retired"
    assert states(service) == [(1, "retired", False), (2, "learning", True)]
    assert learned(service)[1] == 2
    assert service.get("/v1/baselines/1/report").status_code == 409
    assert moves(service, 1)[-1] == ("admin", "ready", "retired")


def test_only_admins_move_and_say_why(service: Service) -> None:
    """A reader is forbidden to; a reason and a known state are needed, and there must be such a version."""
    service.learn(40)
    path = "/v1/baselines/1/transitions"

    assert post(service, path, {"to": "active", "reason": "x"}, Role.READ).status_code == 403
    assert post(service, path, {"to": "active"}).status_code == 422
    assert post(service, path, {"to": "learning", "reason": "x"}).status_code == 422
    assert promote(service, 99).status_code == 404
    assert service.get("/v1/baselines/99/history").status_code == 404


def test_an_active_version_that_lost_too_much_learns_again(service: Service) -> None:
    """Unlearned below what it takes to rank scores, it learns until it can, and is active again."""
    service.learn(35)
    promote(service, 1)
    wish = {
        "since": to_datetime(a_delta(0).start).isoformat(),
        "until": to_datetime(a_delta(10).start).isoformat(),
    }
    post(service, "/v1/baselines/1/unlearn", {**wish, "reason": "a pentest"})
    between = states(service)
    service.learn(10, first=40)

    assert between == [(1, "learning", True)]
    assert states(service) == [(1, "active", True)]
    assert learned(service)[1] == 30
    assert moves(service, 1)[-3:] == [
        ("worker", "active", "learning"),
        ("worker", "learning", "ready"),
        ("worker", "ready", "active"),
    ]


def test_versions_are_filtered_by_workload_and_state(service: Service) -> None:
    """Both filters narrow the list, and a page can be followed."""
    service.learn(40)
    service.send(a_delta(0, container=a_container(id="d" * 64, pod="till-0")))
    service.worker.drain()

    assert [each["workload"]["name"] for each in service.get("/v1/baselines").json()["items"]] == [
        "cart",
        "till",
    ]
    assert len(service.get("/v1/baselines", workload=2).json()["items"]) == 1
    assert [each["id"] for each in service.get("/v1/baselines", state="ready").json()["items"]] == [1]


def test_baselines_of_a_release_without_versions_get_one(service: Service) -> None:
    """What an older release learned, or switched beside this one, is brought into order at the start."""
    service.learn(40)
    with service.core.store.write() as session:
        session.execute(text("UPDATE baselines SET version_id = NULL"))
        session.execute(text("DELETE FROM baseline_versions"))
        session.execute(text("UPDATE workloads SET mode = 'enforcement-alert'"))
    with service.core.store.write() as session:
        moved = versions.align_all(session, NOW_MS)
    with service.core.store.write() as session:
        again = versions.align_all(session, NOW_MS)

    assert (moved, again) == (1, 0)
    assert [each[1:] for each in states(service)] == [("active", True)]


def test_a_report_says_what_was_seen_and_what_was_not(service: Service) -> None:
    """Each check has an outcome and a sentence; one that fails is enough."""
    service.learn(40)
    service.send(a_delta(100, LOOP | SHELL))
    service.worker.drain()

    report = service.get("/v1/baselines/1/report").json()

    outcomes = {each["name"]: each["outcome"] for each in report["checks"]}
    assert report["verdict"] == "fail"
    assert outcomes == {
        "windows": "pass",
        "completeness": "fail",
        "alert_rate": "warn",
        "losses": "pass",
        "starts": "warn",
        "calendar": "warn",
        "replicas": "warn",
        "quarantine": "warn",
        "drift": "pass",
    }
    assert report["quarantined"] == 1
    assert (report["phases"]["seen"], report["phases"]["not_seen"]) == (["start", "steady"], ["stop", "exec"])
    text = "No weekly cycle seen yet: 1 of 7 days of the week; 1 of 24 hours of the day seen."
    assert report["calendar"]["text"] == text
    assert sum(report["calendar"]["hours_of_week"]) == report["calendar"]["known_windows"] == 40
    assert report["images"] == {"registry.local/shop/cart:1.4": 40}
    assert report["promise"]["low"] <= report["promise"]["promised_per_week"] <= report["promise"]["high"]
    assert report["realised"]["alerts"] == 1


def test_a_report_tells_of_ends_that_were_learned(service: Service) -> None:
    """A window that holds a container's end makes `stop` a phase that was seen."""
    service.learn(40)
    service.send(a_delta(40, ended=True))
    service.worker.drain()

    phases = service.get("/v1/baselines/1/report").json()["phases"]
    calibration = service.get("/v1/workloads/1/baseline").json()["calibration"]

    assert (phases["seen"], phases["not_seen"]) == (["start", "steady", "stop"], ["exec"])
    assert (phases["stops_learned"], calibration["stop_scores"]) == (1, 1)


def test_a_gate_asks_what_its_parameters_say(service: Service) -> None:
    """A looser bound passes, a whole week is asked for by name, and a promise can be too coarse."""
    service.learn(40)
    path = "/v1/baselines/1/report"

    assert service.get(path, max_unseen=1).json()["verdict"] == "pass"
    assert service.get(path, max_unseen=1, cycle="week").json()["verdict"] == "fail"
    assert service.get(path, max_unseen=1, max_alerts_per_week=1).json()["verdict"] == "fail"
    assert service.get(path, max_unseen=2).status_code == 422


def test_a_whole_week_is_seen(service: Service) -> None:
    """An hourly window over eight days is a daily and a weekly cycle."""
    service.core.clock.at_ms = NOW_MS + 9 * 24 * HOUR_MS
    deltas = []
    for hour in range(8 * 24):
        start = NOW_MS + hour * HOUR_MS
        deltas.append(a_delta(0, start=start, end=start + 10_000))
    service.send(*deltas)
    service.worker.drain()

    calendar = service.get("/v1/baselines/1/report").json()["calendar"]

    assert (calendar["daily_cycle"], calendar["weekly_cycle"]) == (True, True)
    assert calendar["text"] == "A whole week was seen."
    assert calendar["hours_not_seen"] == calendar["weekdays_not_seen"] == []


def test_a_report_is_a_page_without_script(service: Service) -> None:
    """Whatever a workload is called stays text."""
    service.learn(40, container=a_container(namespace="<script>alert(1)</script>"))

    answer = service.get("/v1/baselines/1/report", format="html")

    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "<script" not in answer.text
    assert "&lt;script&gt;" in answer.text
    assert "No weekly cycle seen yet" in answer.text
    assert "It should not be promoted yet." in answer.text


def test_a_gated_promotion_needs_a_report_that_passes(service: Service) -> None:
    """The sentence holds what failed, and nothing was promoted."""
    service.learn(40)

    answer = promote(service, 1, gate=True)

    assert answer.status_code == 409
    assert answer.json()["failed"] == ["completeness"]
    assert "at most 1.00% is asked" in answer.json()["detail"]
    assert states(service) == [(1, "ready", True)]


def test_a_diff_names_what_is_new_and_what_vanished(service: Service) -> None:
    """N-grams as calls, and the calls that only one of them knows."""
    service.learn(40)
    promote(service, 1)
    enforce(service, "learning")
    service.send(*(a_delta(50 + each, LOOP | ODD) for each in range(5)))
    service.worker.drain()

    ahead = service.get("/v1/baselines/2/diff", **{"with": 1}).json()
    back = service.get("/v1/baselines/1/diff", **{"with": 2}).json()

    assert (ahead["new"]["count"], ahead["vanished"]["count"], ahead["common"]) == (3, 0, 3)
    assert back["vanished"] == ahead["new"]
    assert service.get("/v1/baselines/1/diff").status_code == 422


def test_an_unlearned_window_leaves_no_trace_in_the_provenance(service: Service) -> None:
    """Hours, replicas and images are those of a baseline that never saw it."""
    service.learn(40)
    before = service.get("/v1/baselines/1/report").json()
    other = a_container(id="e" * 64, image="registry.local/shop/cart:2.0")
    service.send(a_delta(400, container=other))
    service.worker.drain()
    with_it = service.get("/v1/baselines/1/report").json()
    post(service, "/v1/scores/41/unlearn", {"reason": "not ours"})
    after = service.get("/v1/baselines/1/report").json()

    assert with_it["images"] != before["images"]
    assert with_it["calendar"] != before["calendar"]
    for part in ("images", "kernels", "calendar"):
        assert after[part] == before[part]
    assert after["replicas"]["learned_from"] == before["replicas"]["learned_from"]


def test_nothing_is_promoted_by_itself_unless_that_is_switched_on(service: Service) -> None:
    """The default is off, however good a baseline is."""
    service.learn(800)

    assert service.get("/v1/workloads/1").json()["completeness"] == "converged"
    assert Promoter(service.core).step() == 0


def test_a_baseline_is_promoted_by_its_report_alone(open_service: Callable[..., Service]) -> None:
    """Once it passes; the reason holds the evidence, and the worker is the one who did it."""
    service = open_service(auto_promote="complete")
    service.learn(400)
    early = Promoter(service.core).step()
    service.learn(400, first=400)

    promoter = Promoter(service.core)
    assert (early, promoter.step(), promoter.step()) == (0, 1, 0)
    assert states(service) == [(1, "active", True)]
    last = service.get("/v1/baselines/1/history").json()["items"][-1]
    assert last["actor"] == "worker"
    assert "hold an n-gram never learned; at most 1.00% is asked" in last["reason"]
    service.learn(1, first=800)
    assert learned(service)[1] == 800


def test_a_whole_week_can_be_asked_of_automatic_promotion(open_service: Callable[..., Service]) -> None:
    """Two hours are none."""
    service = open_service(auto_promote="week")
    service.learn(800)

    assert Promoter(service.core).step() == 0
