"""Suppressions over REST and on the command line: what they silence, and what never."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from api import cli
from api.db.access_tables import AuditRow
from api.db.alert_tables import FindingRow
from api.db.rule_tables import MatchRow
from api.db.tables import ScoreRow
from api.tokens.service import Role
from tests.service import LOOP, NOW_MS, FakeClock, Service, a_container, a_delta, a_match
from wire.ngram import pack

pytestmark = pytest.mark.databases

BACKUP = {pack([each, 59, each + 1, 60, 61, each + 2], injected=True): 3 for each in range(100, 160)}
SHELL = {pack([59, each, 60, each + 1, 61, each + 2], injected=True): 3 for each in range(200, 260)}
ONE_MORE = {pack([57, 59, 60, 61, 62, 63], injected=True): 1}
WHY = {"reason": "the nightly backup", "owner": "storage", "days": 30}
DAY_MS = 86_400_000


@pytest.fixture
def enforcing(service: Service) -> Service:
    """A service whose one workload is in mode enforcement-alert, and had one alert, for a backup."""
    service.learn(60)
    assert service.put("/v1/workloads/1/mode", {"mode": "enforcement-alert"}).status_code == 200
    see(service, 60, BACKUP)
    return service


def see(service: Service, index: int, *others: dict[int, int]) -> None:
    """Send a window with something beside what is usual, and have it scored."""
    ngrams = dict(LOOP)
    for each in others:
        ngrams |= each
    assert service.send(a_delta(index, ngrams)).status_code == 200
    service.worker.drain()


def post(service: Service, path: str, body: Any, role: Role = Role.ADMIN) -> Any:
    """Send a wish."""
    return service.request("POST", f"/v1/suppressions{path}", role, json=body)


def alerts(service: Service) -> list[dict[str, Any]]:
    """Return all alerts."""
    items: list[dict[str, Any]] = service.get("/v1/alerts").json()["items"]
    return items


FAR = 300
"""Windows after which a finding no longer joins an alert."""


@pytest.mark.parametrize("by", ["sequences", "calls", "workload"])
def test_what_was_marked_as_benign_raises_no_alert_again(enforcing: Service, by: str) -> None:
    """The alert is closed and marked; the same again is a finding that is stored, counted, and silent."""
    made = post(enforcing, "", {"alert": 1, "by": by, **WHY})
    see(enforcing, 60 + FAR, BACKUP)

    (alert,) = alerts(enforcing)
    assert made.status_code == 201
    assert (alert["status"], alert["suppression"], alert["findings"]) == ("closed", 1, 1)
    assert (alert["triage"], alert["verdict"], alert["revision"]) == ("closed", "benign", 2)
    assert enforcing.get("/v1/alerts", verdict="benign", triage="closed").json()["items"] == [alert]
    counted = enforcing.get("/v1/alerts/counts", by="verdict").json()["counts"]
    assert counted == [{"value": "benign", "alerts": 1}]
    told = enforcing.get("/v1/alerts/changes", alert=1).json()["items"][-1]
    assert (told["change"], told["detail"]["verdict"], told["actor"]) == ("marked_benign", "benign", "admin")
    found = enforcing.get("/v1/suppressions/1").json()
    assert (found["suppressed"], found["active"], found["owner"]) == (1, True, "storage")
    with enforcing.core.store.read() as session:
        silent = session.scalars(select(FindingRow).where(FindingRow.suppression_id == 1)).one()
        assert silent.alert_id is None
        assert session.scalar(select(func.count()).select_from(FindingRow)) == 2
    (score,) = enforcing.get("/v1/scores", suppression=1).json()["items"]
    assert score["verdict"] == "anomalous"
    text = enforcing.http.get("/metrics").text
    assert 'nonself_findings_suppressed_total{kind="anomaly"} 1.0' in text
    assert "nonself_findings_total 2.0" in text


@pytest.mark.parametrize("by", ["sequences", "calls"])
def test_an_intrusion_beside_what_is_benign_is_raised(enforcing: Service, by: str) -> None:
    """A sequence that nobody named is not silenced, however small its part."""
    post(enforcing, "", {"alert": 1, "by": by, **WHY})

    see(enforcing, 60 + FAR, BACKUP, SHELL)
    see(enforcing, 60 + 2 * FAR, BACKUP, ONE_MORE)

    assert len(alerts(enforcing)) == 3
    assert enforcing.get("/v1/suppressions/1").json()["suppressed"] == 0


def test_another_workload_is_not_silenced(enforcing: Service) -> None:
    """A suppression holds where it was made."""
    post(enforcing, "", {"alert": 1, "by": "workload", **WHY})
    other = a_container(id="d" * 64, name="api")
    enforcing.learn(60, container=other)
    enforcing.put("/v1/workloads/2/mode", {"mode": "enforcement-alert"})

    assert enforcing.send(a_delta(60 + FAR, LOOP | BACKUP, container=other)).status_code == 200
    enforcing.worker.drain()

    assert [each["workload"]["id"] for each in alerts(enforcing)] == [1, 2]


def test_a_preview_tells_what_else_would_be_silent(enforcing: Service) -> None:
    """Of what is kept: an alert of the same is silenced, one of something else is not; nothing changes."""
    see(enforcing, 60 + FAR, BACKUP)
    see(enforcing, 60 + 2 * FAR, SHELL)

    found = post(enforcing, "/preview", {"alert": 1, "by": "sequences"}, Role.READ).json()
    all_of_it = post(enforcing, "/preview", {"alert": 1, "by": "workload"}, Role.READ).json()

    assert (found["findings"], found["silenced"], found["alerts_silenced"]) == (3, 2, 2)
    assert [(each["id"], each["silenced"]) for each in found["alerts"]] == [(2, 1), (1, 1)]
    assert (all_of_it["silenced"], all_of_it["alerts_silenced"]) == (3, 3)
    assert enforcing.get("/v1/suppressions").json()["items"] == []


def test_an_alert_that_is_silenced_in_part_stays(enforcing: Service) -> None:
    """The preview counts its findings, and not the alert."""
    see(enforcing, 61, BACKUP, SHELL)

    found = post(enforcing, "/preview", {"workload": 1, "by": "calls", "calls": ["vfork"]}).json()
    backup = post(enforcing, "/preview", {"alert": 1, "by": "sequences"}).json()

    assert found["silenced"] == 0
    assert (backup["silenced"], backup["alerts_silenced"]) == (2, 1)


def test_a_suppression_ends_by_itself(open_service: Callable[..., Service]) -> None:
    """After its days the same raises an alert again."""
    service = open_service()
    clock = FakeClock()
    service.core.clock = clock
    service.learn(60)
    service.put("/v1/workloads/1/mode", {"mode": "enforcement-alert"})
    see(service, 60, BACKUP)
    post(service, "", {"alert": 1, "by": "sequences", **WHY, "days": 1})

    clock.at_ms = NOW_MS + DAY_MS
    see(service, 60 + FAR, BACKUP)

    assert len(alerts(service)) == 2
    assert service.get("/v1/suppressions/1").json()["active"] is False
    assert service.get("/v1/suppressions", active="true").json()["items"] == []
    assert len(service.get("/v1/suppressions", active="false").json()["items"]) == 1


def test_a_suppression_is_ended_with_a_reason(enforcing: Service) -> None:
    """Once; what follows raises alerts, and both steps stand in the audit record."""
    post(enforcing, "", {"alert": 1, "by": "sequences", **WHY})

    ended = post(enforcing, "/1/end", {"reason": "it was an attack"})
    again = post(enforcing, "/1/end", {"reason": "once more"})
    see(enforcing, 60 + FAR, BACKUP)

    assert (ended.status_code, ended.json()["active"]) == (200, False)
    assert (again.status_code, again.json()["type"]) == (409, "/problems/not-possible")
    assert len(alerts(enforcing)) == 2
    with enforcing.core.store.read() as session:
        steps = session.scalars(select(AuditRow).where(AuditRow.action.like("suppression.%"))).all()
        assert [each.action for each in steps] == ["suppression.create", "suppression.end"]
        assert steps[0].detail["owner"] == "storage"
        assert steps[1].detail == {"reason": "it was an attack"}


def test_a_rule_is_silenced_in_one_workload(service: Service) -> None:
    """The match is a finding without alert, goes to no Falco list, and lets its window be learned."""
    service.match(a_match(1))
    service.worker.drain()
    made = post(service, "", {"alert": 1, "by": "rule", **WHY})

    service.match(a_match(2, 400), a_match(3, 401, rule="Another"))
    service.learn(1, first=400)

    assert made.json()["rule"] == "Shell spawned"
    assert [(each["rule"], each["status"]) for each in alerts(service)] == [
        ("Shell spawned", "closed"),
        ("Another", "open"),
    ]
    matches = service.get("/v1/matches").json()["items"]
    assert [(each["alert_id"], each["suppression"]) for each in matches] == [(1, None), (None, 1), (2, None)]
    assert [each["id"] for each in service.get("/v1/matches", suppression=1).json()["items"]] == [2]
    falco = service.get("/v1/alerts", format="falco").json()["items"]
    assert [each["rule"] for each in falco] == ["Shell spawned", "Another"]
    with service.core.store.read() as session:
        assert session.scalars(select(ScoreRow.learned)).one()
        assert (
            session.scalars(select(MatchRow.outcome).where(MatchRow.suppression_id == 1)).one()
            == "suppressed"
        )
    assert 'nonself_findings_suppressed_total{kind="signature"} 1.0' in service.http.get("/metrics").text


def test_a_rule_is_silenced_everywhere(service: Service) -> None:
    """Without a workload it holds for all; the preview counts what it would have been."""
    service.match(a_match(1), a_match(2, container=a_container(id="d" * 64, name="api")))
    service.worker.drain()
    body = {"by": "rule", "rule": "Shell spawned"}

    found = post(service, "/preview", body).json()
    assert (found["silenced"], found["alerts_silenced"]) == (2, 2)
    assert post(service, "", body | WHY).status_code == 201
    service.match(a_match(3, 500), a_match(4, 500, container=a_container(id="d" * 64, name="api")))
    service.worker.drain()

    assert len(alerts(service)) == 2
    assert service.get("/v1/suppressions/1").json()["suppressed"] == 2


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"alert": 9, "by": "sequences", **WHY}, 404, "no alert 9"),
        ({"workload": 9, "by": "workload", **WHY}, 404, "no workload 9"),
        ({"alert": 1, "by": "rule", **WHY}, 409, "kind anomaly"),
        ({"by": "sequences", "workload": 1, **WHY}, 422, "member alert"),
        ({"by": "rule", **WHY}, 422, "rule or an alert"),
        ({"by": "calls", "workload": 1, "calls": ["moutn"], **WHY}, 422, "moutn"),
        ({"by": "calls", "workload": 1, **WHY}, 422, "expected calls"),
        ({"by": "workload", **WHY}, 422, "expected a workload"),
        ({"alert": 1, "workload": 1, "by": "workload", **WHY}, 422, "not both"),
        ({"alert": 1, "by": "workload", "owner": "me", "days": 1}, 422, "reason"),
        ({"alert": 1, "by": "workload", "reason": "x", "days": 1}, 422, "owner"),
        ({"alert": 1, "by": "workload", "reason": "x", "owner": "me"}, 422, "days"),
        ({"alert": 1, "by": "workload", "reason": "x", "owner": "me", "days": 1000}, 422, "days"),
    ],
)
def test_a_wish_that_cannot_be_is_one_sentence(
    enforcing: Service, body: dict[str, Any], status: int, said: str
) -> None:
    """It names what was expected; nothing is made."""
    answer = post(enforcing, "", body)

    assert answer.status_code == status
    assert said in answer.json()["detail"]
    assert enforcing.get("/v1/suppressions").json()["items"] == []


def test_only_an_admin_silences(enforcing: Service) -> None:
    """A reader may preview."""
    assert post(enforcing, "", {"alert": 1, "by": "workload", **WHY}, Role.READ).status_code == 403
    assert post(enforcing, "/preview", {"alert": 1, "by": "workload"}, Role.READ).status_code == 200


def test_the_command_previews_makes_lists_and_ends(
    enforcing: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Tables for people, JSON for scripts."""
    token_file = tmp_path / "my-token"
    token_file.write_text(enforcing.secrets[Role.ADMIN])
    options = [f"--url={enforcing.url}", f"--token-file={token_file}"]

    def run(*words: str) -> str:
        assert cli.main(["suppression", *words, *options]) == 0
        return capsys.readouterr().out

    assert "1 of 1 findings would raise no alert" in run("preview", "--alert=1", "--by=sequences")
    why = ["--reason=nightly", "--owner=storage", "--days=30"]
    assert "nightly" in run("create", "--alert=1", "--by=sequences", *why)
    assert "storage" in run("list")
    assert json.loads(run("list", "--json"))[0]["alert"] == 1
    assert "ended" in run("end", "1", "--reason=over")
    assert json.loads(run("list", "--json")) == []
    assert len(json.loads(run("list", "--all", "--json"))) == 1
    assert cli.main(["suppression", "end", "1", "--reason=again", *options]) == 1
    assert "ended already" in capsys.readouterr().err


def close(service: Service, alert: int | None, role: Role = Role.ADMIN, **body: Any) -> Any:
    """Close one alert, or all that a query names, as benign."""
    path = "/v1/alerts/triage" if alert is None else f"/v1/alerts/{alert}/triage"
    query = body.pop("query", {})
    wish = {"action": "close", "verdict": "benign", **body}
    return service.request("POST", path, role, json=wish, **query)


BACKUP_30 = {"owner": "storage", "days": 30}


def test_closing_as_benign_silences_its_like_in_one_step(enforcing: Service) -> None:
    """A dry run previews and changes nothing; the step closes and silences, and both are audited."""
    see(enforcing, 60 + FAR, BACKUP)
    see(enforcing, 60 + 2 * FAR, SHELL)
    wish = {"comment": "the nightly backup", "suppress": BACKUP_30}
    before = enforcing.get("/v1/alerts/1").json()

    dry = close(enforcing, 1, Role.TRIAGE, dry_run=True, **wish).json()
    unchanged = enforcing.get("/v1/alerts/1").json(), enforcing.get("/v1/suppressions").json()["items"]
    done = close(enforcing, 1, **wish)
    see(enforcing, 60 + 3 * FAR, BACKUP)

    (planned,), (made,) = dry["suppressions"], done.json()["suppressions"]
    assert unchanged == (before, [])
    assert (planned["suppression"], planned["by"], planned["others"]) == (None, "sequences", 1)
    assert [each["id"] for each in planned["preview"]["alerts"]] == [2, 1]
    assert (made["suppression"], made["preview"], made["workload"], made["alerts"]) == (1, None, 1, 1)
    shown = [done.json()[name] for name in ("status", "triage", "verdict", "suppression", "revision")]
    assert shown == ["closed", "closed", "benign", 1, 2]
    assert done.headers["ETag"] == '"2"'
    stored = enforcing.get("/v1/suppressions/1").json()
    assert (stored["reason"], stored["alert"], stored["suppressed"]) == ("the nightly backup", 1, 1)
    told = enforcing.get("/v1/alerts/changes", alert=1).json()["items"][-1]
    assert (told["change"], told["detail"]["comment"]) == ("marked_benign", "the nightly backup")
    audited = enforcing.get("/v1/audit", Role.ADMIN).json()["items"]
    assert [each["action"] for each in audited][-2:] == ["suppression.create", "alert.close"]


def test_many_are_closed_and_silenced_by_cause(enforcing: Service) -> None:
    """One suppression for each cause, of both kinds, each by what fits it; the dry run says the same."""
    see(enforcing, 60 + FAR, SHELL)
    enforcing.match(a_match(1), a_match(2, 400), a_match(3, rule="Another"))
    enforcing.worker.drain()
    wish = {"comment": "an exercise", "suppress": BACKUP_30, "query": {"namespace": "shop"}}

    dry = close(enforcing, None, dry_run=True, **wish).json()
    done = close(enforcing, None, **wish).json()
    see(enforcing, 60 + 2 * FAR, BACKUP)
    see(enforcing, 60 + 3 * FAR, SHELL)
    enforcing.match(a_match(4, 900), a_match(5, 901, rule="Another"))
    enforcing.worker.drain()

    planned = [(each["by"], each["rule"], each["alerts"]) for each in dry["suppressions"]]
    assert planned == [("sequences", None, 2), ("rule", "Shell spawned", 2), ("rule", "Another", 1)]
    assert [each["suppression"] for each in done["suppressions"]] == [1, 2, 3]
    assert (dry["changed"], done["changed"], len(alerts(enforcing))) == (5, 5, 5)
    assert {each["verdict"] for each in alerts(enforcing)} == {"benign"}
    silenced = [each["suppressed"] for each in enforcing.get("/v1/suppressions").json()["items"]]
    assert silenced == [2, 1, 1]


@pytest.mark.parametrize(
    ("body", "role", "status", "said"),
    [
        ({"suppress": BACKUP_30}, Role.ADMIN, 422, "expected a reason, or a comment"),
        ({"suppress": {"days": 30}, "comment": "x"}, Role.ADMIN, 422, "owner"),
        (
            {"suppress": BACKUP_30, "comment": "x", "verdict": "true_positive"},
            Role.ADMIN,
            422,
            "benign alone",
        ),
        ({"suppress": BACKUP_30 | {"by": "rule"}, "comment": "x"}, Role.ADMIN, 409, "kind anomaly"),
        ({"suppress": BACKUP_30, "comment": "x"}, Role.TRIAGE, 403, "role admin"),
    ],
)
def test_a_close_that_cannot_silence_closes_nothing(
    enforcing: Service, body: dict[str, Any], role: Role, status: int, said: str
) -> None:
    """Both or neither; silencing is for admins, whoever may close."""
    answer = close(enforcing, 1, role, **body)

    assert (answer.status_code, said in answer.json()["detail"]) == (status, True), answer.text
    assert alerts(enforcing)[0]["triage"] == "new"
    assert enforcing.get("/v1/suppressions").json()["items"] == []


def test_one_cause_that_cannot_be_silenced_leaves_all_as_they_were(enforcing: Service) -> None:
    """The first suppression of a step is taken back with it."""
    enforcing.match(a_match(1))
    enforcing.worker.drain()
    wish = {"comment": "x", "suppress": BACKUP_30 | {"by": "workload"}, "query": {"namespace": "shop"}}

    refused = close(enforcing, None, **wish)

    assert (refused.status_code, "kind signature" in refused.json()["detail"]) == (409, True)
    assert [each["triage"] for each in alerts(enforcing)] == ["new", "new"]
    assert enforcing.get("/v1/suppressions").json()["items"] == []


def test_what_was_an_attack_is_not_silenced(enforcing: Service) -> None:
    """Until it is reopened; a verdict of no attack stays as it was said."""
    close(enforcing, 1, verdict="true_positive")
    refused = post(enforcing, "", {"alert": 1, "by": "sequences", **WHY})
    enforcing.request("POST", "/v1/alerts/1/triage", Role.ADMIN, json={"action": "reopen"})
    close(enforcing, 1, verdict="false_positive")
    made = post(enforcing, "", {"alert": 1, "by": "sequences", **WHY})

    assert (refused.status_code, "true_positive" in refused.json()["detail"]) == (409, True)
    assert made.status_code == 201
    shown = alerts(enforcing)[0]
    assert (shown["verdict"], shown["suppression"]) == ("false_positive", made.json()["id"])


def test_a_person_closes_and_silences_at_a_terminal(
    enforcing: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a preview first; what belongs to silencing is asked for in one sentence."""
    token_file = tmp_path / "my-token"
    token_file.write_text(enforcing.secrets[Role.ADMIN])
    options = [f"--url={enforcing.url}", f"--token-file={token_file}"]

    def run(*words: str, code: int = 0) -> str:
        assert cli.main(["alerts", "close", *words, "--verdict=benign", "--comment=backup", *options]) == code
        printed = capsys.readouterr()
        return printed.err if code else printed.out

    ownerless = run("1", "--suppress=30", code=1)
    daysless = run("1", "--owner=storage", code=1)
    dry = run("1", "--suppress=30", "--owner=storage", "--dry-run")
    many = run("--all", "--triage=new", "--suppress=30", "--owner=storage", "--dry-run")
    done = run("1", "--suppress=30", "--owner=storage")

    assert "Expected --owner with --suppress" in ownerless
    assert "with --suppress DAYS alone" in daysless
    assert "1 of 1 findings would raise no alert" in dry
    assert "0 other alerts would not have been raised" in dry
    assert "Nothing was changed." in dry
    assert "1 of 1 findings would raise no alert" in many
    assert "Suppression 1 silences by sequences, of workload 1." in done


def test_an_admin_of_a_namespace_silences_there_alone(service: Service) -> None:
    """Everywhere is not theirs; the alert that they would have closed with it stays open."""
    service.match(a_match(1))
    service.worker.drain()
    wish = {"name": "shop-admin", "role": "admin", "namespaces": ["shop"]}
    secret = service.request("POST", "/v1/tokens", Role.ADMIN, json=wish).json()["token"]

    def try_(**suppress: Any) -> int:
        body = {"action": "close", "verdict": "benign", "comment": "x", "suppress": BACKUP_30 | suppress}
        headers = {"Authorization": f"Bearer {secret}"}
        return service.http.post("/v1/alerts/1/triage", json=body, headers=headers).status_code

    assert try_(everywhere=True) == 403
    assert (alerts(service)[0]["triage"], service.get("/v1/suppressions").json()["items"]) == ("new", [])
    assert try_() == 200
    assert service.get("/v1/suppressions/1").json()["workload"] == 1
