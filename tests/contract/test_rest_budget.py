"""The budget over REST: asked, promised, realised, refused; and drift beside it."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from api.clock import to_datetime
from api.db.access_tables import AuditRow
from api.db.tables import ScoreRow, WeekRow
from api.tokens.service import Role
from tests.service import INTRUSION, LOOP, NOW_MS, Service, a_container, a_delta
from wire.profile import AgentStatus

BUDGET = "/v1/workloads/1/budget"


def test_a_young_workload_asks_for_one_a_week_and_promises_what_it_can(service: Service) -> None:
    """The service's budget sets alpha at once; forty windows promise no more than 180 a week."""
    service.learn(40)

    budget = service.get("/v1/workloads/1").json()["budget"]

    assert (budget["per_week"], budget["source"]) == (1.0, "global")
    assert budget["alpha"] == pytest.approx(1 / 60_480)
    assert budget["promised_per_week"] == budget["finest_per_week"] == pytest.approx(60_480 / 16 / 21)
    assert service.get("/v1/workloads/1/baseline").json()["budget"] == budget


def test_a_budget_is_set_and_taken_back(service: Service) -> None:
    """New windows meet the new threshold; null returns to the service's budget; both are audited."""
    service.learn(40)

    changed = service.put(BUDGET, {"budget_per_week": 604.8, "reason": "young"}).json()["budget"]
    service.learn(1, first=40)
    back = service.put(BUDGET, {"budget_per_week": None}).json()["budget"]

    assert (changed["per_week"], changed["source"]) == (604.8, "workload")
    assert (back["per_week"], back["source"]) == (1.0, "global")
    with service.core.store.read() as session:
        assert session.scalars(
            select(ScoreRow.alpha).order_by(ScoreRow.id.desc()).limit(1)
        ).one() == pytest.approx(0.01)
        audit = session.scalars(select(AuditRow).where(AuditRow.action == "workload.budget")).all()
    assert [row.detail["to"] for row in audit] == [604.8, None]
    assert audit[0].detail == {"from": None, "to": 604.8, "reason": "young"}


def test_a_budget_finer_than_the_evidence_is_refused_with_a_date(service: Service) -> None:
    """The date is that at which the missing windows are learned, and nothing is changed."""
    service.learn(40)

    answer = service.put(BUDGET, {"budget_per_week": 1})

    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (409, "/problems/budget-too-fine")
    assert (problem["needed_windows"], problem["learned_windows"]) == (7_558, 40)
    assert problem["finest_budget"] == pytest.approx(180)
    wait = datetime.fromisoformat(problem["possible_from"]) - to_datetime(NOW_MS)
    assert wait == timedelta(seconds=7_518 * 10)
    assert problem["possible_from"] in problem["detail"]
    assert service.get("/v1/workloads/1").json()["budget"]["source"] == "global"


def test_a_frozen_baseline_promises_no_date(service: Service) -> None:
    """It learns no more, so no time will bring what is missing; nor does any for what no record supports."""
    service.learn(40)
    never = service.put(BUDGET, {"budget_per_week": 0.001}).json()
    service.put("/v1/workloads/1/mode", {"mode": "enforcement-alert"})

    frozen = service.put(BUDGET, {"budget_per_week": 1}).json()

    assert never["possible_from"] is never["needed_windows"] is frozen["possible_from"] is None
    assert frozen["needed_windows"] == 7_558


@pytest.mark.parametrize("value", [0, -1, "many", 1e12])
def test_a_budget_that_cannot_be_is_refused(service: Service, value: object) -> None:
    """It is a number above 0."""
    service.learn(1)

    assert service.put(BUDGET, {"budget_per_week": value}).status_code == 422


def test_only_admins_set_budgets_and_only_of_workloads(service: Service) -> None:
    """A reader is forbidden to, and an unknown workload has none."""
    service.learn(1)

    assert service.put(BUDGET, {"budget_per_week": 1e6}, role=Role.READ).status_code == 403
    assert service.put("/v1/workloads/9/budget", {"budget_per_week": 1e6}).status_code == 404


def test_replicas_share_the_budget(service: Service) -> None:
    """Three containers of one workload in each window leave a third of alpha to each."""
    names = [a_container(id=letter * 64) for letter in "abc"]
    service.send(*(a_delta(index, container=name) for index in range(20) for name in names))
    service.worker.drain()

    budget = service.get("/v1/workloads/1").json()["budget"]

    assert budget["windows_per_week"] == pytest.approx(3 * 60_480)
    assert budget["alpha"] == pytest.approx(1 / 3 / 60_480)


def test_replicas_that_come_late_are_counted_all_the_same(service: Service) -> None:
    """Twenty windows of a second container, sent after those of the first, make two replicas."""
    service.learn(20)
    service.learn(20, container=a_container(id="d" * 64))
    service.learn(1, first=20)

    assert service.get("/v1/workloads/1").json()["budget"]["windows_per_week"] == pytest.approx(2 * 60_480)


def test_realised_stands_beside_promised(service: Service) -> None:
    """Anomalies near each other count as one alert, whatever the mode; the interval is exact."""
    service.learn(40)
    service.put(BUDGET, {"budget_per_week": 604.8})
    for index in (100, 101, 400):
        service.send(a_delta(index, LOOP | INTRUSION))
    service.worker.drain()
    with service.core.store.read() as session:
        scores = session.execute(select(ScoreRow.p_value, ScoreRow.alpha)).all()
        weeks = session.scalars(select(WeekRow)).all()
    ranked = [p_value for p_value, _ in scores if p_value is not None]

    realised = service.get("/v1/workloads/1/baseline").json()["realised"]

    assert sum(p_value is not None and p_value <= alpha for p_value, alpha in scores) == 3
    assert realised["alerts"] == sum(week.alerts for week in weeks) == 2
    assert realised["windows"] == len(ranked) == 10
    assert realised["weeks"] == pytest.approx(10 / 60_480)
    assert realised["low"] < realised["per_week"] < realised["high"]
    assert [(rate["asked"], rate["windows"]) for rate in realised["rates"]] == [
        (asked, sum(p_value <= asked for p_value in ranked)) for asked in (0.05, 0.01, 0.001)
    ]


def test_drift_is_shown_apart_from_alerts(service: Service) -> None:
    """A lasting change is drift since its first window, and over when windows are as usual again."""
    service.learn(60)
    service.put("/v1/workloads/1/mode", {"mode": "enforcement-alert"})
    before = service.get("/v1/workloads/1").json()["drift"]
    service.send(*(a_delta(index, LOOP | INTRUSION) for index in range(100, 110)))
    service.worker.drain()

    during = service.get("/v1/workloads/1").json()["drift"]
    service.learn(250, first=110)
    after = service.get("/v1/workloads/1").json()["drift"]

    assert (before["drifting"], before["since"]) == (False, None)
    assert during["drifting"]
    assert datetime.fromisoformat(during["since"]) <= to_datetime(a_delta(100).start)
    assert (after["drifting"], after["since"]) == (False, None)


def test_alpha_follows_the_windows_that_come(service: Service) -> None:
    """An agent with windows of 30 seconds yields a third of them; its node says that the lengths differ."""
    long = [a_delta(3 * index, end=a_delta(3 * index).start + 30_000) for index in range(40)]
    service.send(*long, agent=AgentStatus(version="0.1.0", window_s=30))
    service.worker.drain()

    budget = service.get("/v1/workloads/1").json()["budget"]
    (node,) = service.get("/v1/nodes").json()["items"]

    assert budget["windows_per_week"] == pytest.approx(20_160)
    assert budget["alpha"] == pytest.approx(1 / 20_160)
    assert "windows last 30 seconds and the service is set to 10" in node["warning"]


def test_a_node_with_the_same_windows_has_no_warning(service: Service) -> None:
    """The usual case."""
    service.learn(1)

    assert service.get("/v1/nodes").json()["items"][0]["warning"] is None


def test_a_date_follows_the_windows_that_really_come(service: Service) -> None:
    """A workload that ran 400 seconds in two days is told a later date than one that always runs."""
    service.learn(40)
    always = service.put(BUDGET, {"budget_per_week": 1}).json()["possible_from"]
    service.core.clock.at_ms += 2 * 86_400_000

    seldom = service.put(BUDGET, {"budget_per_week": 1}).json()["possible_from"]
    ahead = service.get("/v1/workloads/1/baseline").json()["completeness"]

    assert datetime.fromisoformat(always) - to_datetime(NOW_MS) == timedelta(seconds=7_518 * 10)
    wait = datetime.fromisoformat(seldom) - to_datetime(service.core.clock.at_ms)
    assert wait == timedelta(seconds=7_518 * 2 * 86_400 / 40)
    assert ahead["seconds_to_target"]["fewest"] == ahead["windows_to_target"]["fewest"] * 2 * 86_400 / 40


def test_a_budget_is_refused_in_enforcement_too(service: Service) -> None:
    """While the baseline is young it learns in either mode, and there is a date; frozen there is none."""
    service.learn(20)
    service.put("/v1/workloads/1/mode", {"mode": "enforcement-alert"})
    young = service.put(BUDGET, {"budget_per_week": 1})
    service.learn(20, first=20)
    frozen = service.put(BUDGET, {"budget_per_week": 1})

    assert young.status_code == frozen.status_code == 409
    assert young.json()["possible_from"] is not None
    assert frozen.json()["possible_from"] is None
    assert "frozen" in frozen.json()["detail"]


def test_windows_that_follow_each_other_are_one_alert_of_the_budget(service: Service) -> None:
    """Replicas and neighbours within the gap count once, in the alerts as in what was realised."""
    names = [a_container(id=letter * 64) for letter in "ab"]
    service.send(*(a_delta(index, container=name) for index in range(60) for name in names))
    service.worker.drain()
    service.put("/v1/workloads/1/mode", {"mode": "enforcement-alert"})
    assert service.put(BUDGET, {"budget_per_week": 1209.6}).status_code == 200
    for first in (90, 300):
        near = (first, first + 5)
        service.send(*(a_delta(each, LOOP | INTRUSION, container=name) for each in near for name in names))
    service.worker.drain()

    realised = service.get("/v1/workloads/1/baseline").json()["realised"]
    alerts = service.get("/v1/alerts").json()["items"]

    assert realised["alerts"] == len(alerts) == 2
    assert [alert["findings"] for alert in alerts] == [4, 4]
