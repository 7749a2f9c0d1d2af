"""Alerts as people handle them: steps, revisions, many at once, filters, counts and what happened."""

import json
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from api import cli
from api.tokens.service import Role
from tests.service import NOW_MS, FakeClock, Service, a_container, a_match
from wire.match import Priority

FAR: int = -1_000
"""Windows before the usual ones: beyond the gap within which matches join."""


@pytest.fixture
def three(service: Service) -> Service:
    """A service with an alert in `shop`, another of the same cause long before, and one in `bank`."""
    bank = a_container(id="b" * 64, namespace="bank", pod="vault-0")
    service.match(a_match(1))
    service.match(a_match(2, index=FAR, tags=("T1611",), output="A file of 100% escape"))
    service.match(a_match(3, container=bank, rule="Disk read", priority=Priority.CRITICAL))
    service.worker.drain()
    return service


def step(service: Service, alert: int, role: Role = Role.TRIAGE, if_match: str = "", **body: Any) -> Any:
    """Do one step with an alert."""
    headers = {"If-Match": if_match} if if_match else None
    return service.request("POST", f"/v1/alerts/{alert}/triage", role, json=body, headers=headers)


def ids(service: Service, **query: Any) -> list[int]:
    """Return the ids of the alerts that a query names."""
    return [each["id"] for each in service.get("/v1/alerts", **query).json()["items"]]


def told(service: Service, alert: int) -> list[tuple[str, str | None, dict]]:
    """Return what happened to an alert."""
    items = service.get("/v1/alerts/changes", alert=alert).json()["items"]
    return [(each["change"], each["actor"], each["detail"]) for each in items]


def test_an_alert_is_led_from_new_to_closed_and_back(three: Service) -> None:
    """Each step shows in the alert, and in what happened to it, with actor and words."""
    step(three, 1, action="acknowledge")
    step(three, 1, action="assign", assignee="ana")
    step(three, 1, action="comment", comment="Looks like the backup.")
    closed = step(three, 1, action="close", verdict="benign", comment="It is.").json()
    reopened = step(three, 1, action="reopen").json()

    assert (closed["triage"], closed["verdict"], closed["assignee"]) == ("closed", "benign", "ana")
    assert (closed["status"], closed["revision"]) == ("closed", 5)
    assert (reopened["triage"], reopened["verdict"], reopened["revision"]) == ("acknowledged", None, 6)
    assert told(three, 1) == [
        ("opened", None, {}),
        ("superseded", None, {}),
        ("acknowledged", "triage", {}),
        ("assigned", "triage", {"assignee": "ana"}),
        ("commented", "triage", {"comment": "Looks like the backup."}),
        ("closed", "triage", {"comment": "It is.", "verdict": "benign"}),
        ("reopened", "triage", {"verdict_before": "benign"}),
    ]


def standings(service: Service, rule: str = "Shell spawned") -> list[str]:
    """Return the status of each alert of a rule, oldest first."""
    items = service.get("/v1/alerts", rule=rule).json()["items"]
    for each in items:
        assert (each["status"] == "closed") == (each["triage"] == "closed")
        assert each["id"] in ids(service, status=each["status"])
    counted = service.get("/v1/alerts/counts", by="status", rule=rule).json()["counts"]
    found = [each["status"] for each in items]
    assert {each["value"]: each["alerts"] for each in counted} == Counter(found)
    return found


def test_a_reopened_alert_is_the_open_one_again(three: Service) -> None:
    """Of its cause at most one is open, the newest; findings join what was reopened."""
    first = standings(three, "Disk read")
    step(three, 3, action="close", verdict="benign")
    closed = standings(three, "Disk read")
    step(three, 3, action="reopen")
    three.match(
        a_match(4, container=a_container(id="b" * 64, namespace="bank", pod="vault-0"), rule="Disk read")
    )
    three.worker.drain()

    assert (first, closed, standings(three, "Disk read")) == (["open"], ["closed"], ["open"])
    assert three.get("/v1/alerts/3").json()["findings"] == 2


def test_of_one_cause_the_newest_stays_open(three: Service) -> None:
    """An older one that is reopened is superseded, or the open one until a newer one is."""
    said = [standings(three)]
    for alert, action in (
        (1, "close"),
        (1, "reopen"),
        (2, "close"),
        (1, "close"),
        (1, "reopen"),
        (2, "reopen"),
    ):
        verdict = {"verdict": "benign"} if action == "close" else {}
        assert step(three, alert, action=action, **verdict).status_code == 200
        said.append(standings(three))

    assert said == [
        ["superseded", "open"],
        ["closed", "open"],
        ["superseded", "open"],
        ["superseded", "closed"],
        ["closed", "closed"],
        ["open", "closed"],
        ["superseded", "open"],
    ]
    assert [each[0] for each in told(three, 1)][-2:] == ["reopened", "superseded"]


def test_the_times_of_an_alert_tell_findings_and_people_apart(open_service: Callable[..., Service]) -> None:
    """What a person does moves `updated_at` alone; a finding moves both, and so does nothing else."""
    service = open_service()
    service.core.clock = clock = FakeClock()

    def times() -> list[int]:
        shown = service.get("/v1/alerts/1").json()
        return [
            round(datetime.fromisoformat(shown[name]).timestamp() * 1000) - NOW_MS
            for name in ("created_at", "last_finding_at", "updated_at")
        ]

    found = []
    for at_ms, happen in (
        (0, lambda: service.match(a_match(1))),
        (1000, lambda: step(service, 1, action="comment", comment="hm")),
        (2000, lambda: service.match(a_match(2))),
        (3000, lambda: service.match(a_match(3, index=FAR))),
    ):
        clock.at_ms = NOW_MS + at_ms
        happen()
        service.worker.drain()
        found.append(times())

    assert found == [[0, 0, 0], [0, 0, 1000], [0, 2000, 2000], [0, 2000, 3000]]
    assert standings(service) == ["superseded", "open"]


def test_nothing_joins_an_alert_that_a_person_closed(three: Service) -> None:
    """The next match of the same cause opens a new alert, however near it is; before, it joins."""
    three.match(a_match(4))
    three.worker.drain()
    step(three, 1, action="close", verdict="false_positive")
    three.match(a_match(5))
    three.worker.drain()

    listed = three.get("/v1/alerts", namespace="shop").json()["items"]
    assert [each["findings"] for each in listed] == [2, 1, 1]
    assert ids(three, triage="closed") == [1]


def test_who_saw_an_older_alert_changes_nothing(three: Service) -> None:
    """If-Match takes the ETag of the alert as it is; 412 says what that would be."""
    seen = three.get("/v1/alerts/1").headers["ETag"]
    first = step(three, 1, action="acknowledge", if_match=seen)
    second = step(three, 1, action="close", verdict="benign", if_match=seen)

    assert (seen, first.headers["ETag"]) == ('"1"', '"2"')
    assert second.status_code == 412
    assert second.json()["type"] == "/problems/stale"
    assert '"2"' in second.json()["detail"]
    assert three.get("/v1/alerts/1").json()["triage"] == "acknowledged"


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"action": "close"}, 422, "verdict: expected one with action close"),
        ({"action": "acknowledge", "verdict": "benign"}, 422, "none with any other"),
        ({"action": "comment"}, 422, "comment: expected one with action comment"),
        ({"action": "comment", "comment": "x", "assignee": "ana"}, 422, "action assign alone"),
        ({"action": "forget"}, 422, "action"),
        ({"action": "reopen"}, 409, "Alert 1 is new already"),
    ],
)
def test_a_step_that_cannot_be_is_one_sentence(
    three: Service, body: dict[str, Any], status: int, words: str
) -> None:
    """Nothing is changed, and the answer says what was expected."""
    answer = step(three, 1, **body)

    assert (answer.status_code, words in answer.json()["detail"]) == (status, True), answer.text
    assert three.get("/v1/alerts/1").json()["revision"] == 1


def test_readers_do_not_triage(three: Service) -> None:
    """Role `read` sees alerts; `triage` and `admin` handle them."""
    assert step(three, 1, role=Role.READ, action="acknowledge").status_code == 403
    assert step(three, 1, role=Role.ADMIN, action="acknowledge").status_code == 200


def test_many_are_handled_by_a_query_after_a_dry_run(three: Service) -> None:
    """The dry run says how many would change, and which; those that the step skips are neither."""
    step(three, 1, action="close", verdict="benign")

    def many(**body: Any) -> Any:
        return three.request("POST", "/v1/alerts/triage", Role.TRIAGE, json=body, namespace="shop").json()

    close = {"action": "close", "verdict": "false_positive", "comment": "a drill"}
    dry = many(**close, dry_run=True)
    before = ids(three, triage="closed")
    done = many(**close)

    assert (dry["alerts"], dry["changed"], [each["id"] for each in dry["sample"]]) == (2, 1, [2])
    assert done == dry | {"dry_run": False}
    assert (before, ids(three, triage="closed"), ids(three, verdict="false_positive")) == ([1], [1, 2], [2])
    audited = three.get("/v1/audit", Role.ADMIN, action="alert.close").json()["items"]
    assert audited[-1]["detail"]["query"] == {"namespace": "shop"}


def test_all_alerts_at_once_need_a_filter(three: Service) -> None:
    """A query that names nothing would change everything, so it is refused."""
    answer = three.request("POST", "/v1/alerts/triage", Role.TRIAGE, json={"action": "acknowledge"})

    assert answer.status_code == 422
    assert "at least one filter" in answer.json()["detail"]
    assert ids(three, triage="new") == [1, 2, 3]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"namespace": "bank"}, [3]),
        ({"min_level": "high"}, [3]),
        ({"min_level": "low"}, [1, 2, 3]),
        ({"node": "node-a"}, [1, 2, 3]),
        ({"node": "node-b"}, []),
        ({"technique": "t1611"}, [2]),
        ({"technique": "T1059"}, [1, 3]),
        ({"technique": "T1059.004"}, []),
        ({"text": "100% ESC"}, [2]),
        ({"text": "10_%"}, []),
        ({"order": "newest"}, [3, 2, 1]),
        ({"cluster": "", "rule": "Disk read"}, [3]),
        ({"happened_until": "2000-01-01T00:00:00Z"}, []),
        ({"happened_since": "2000-01-01T00:00:00Z"}, [1, 2, 3]),
    ],
)
def test_alerts_are_found_by(three: Service, query: dict[str, Any], found: list[int]) -> None:
    """Each filter names what it says, and characters that are special to databases are text."""
    assert ids(three, **query) == found


def test_newest_first_is_paged_too(three: Service) -> None:
    """A cursor of that order asks for what is older."""
    pages, cursor = [], {}
    while (page := three.get("/v1/alerts", order="newest", limit=2, **cursor).json())["items"]:
        pages.append([each["id"] for each in page["items"]])
        cursor = {"cursor": page["next_cursor"]}

    assert pages == [[3, 2], [1]]


def test_alerts_are_counted_for_dashboards(three: Service) -> None:
    """By value, most first, and over time with the empty intervals between."""
    step(three, 1, action="close", verdict="benign")
    by_triage = three.get("/v1/alerts/counts", by="triage").json()
    by_namespace = three.get("/v1/alerts/counts", by="namespace", triage="new").json()
    opened = three.get("/v1/alerts/1").json()["created_at"]
    day = opened[:10]
    series = three.get(
        "/v1/alerts/series", interval="hour", since=f"{day}T00:00:00Z", until=f"{day}T23:59:59Z"
    ).json()

    assert by_triage["counts"] == [{"value": "new", "alerts": 2}, {"value": "closed", "alerts": 1}]
    assert by_namespace["counts"] == [{"value": "bank", "alerts": 1}, {"value": "shop", "alerts": 1}]
    assert len(series["points"]) == 24
    assert sum(each["alerts"] for each in series["points"]) == 3
    assert {each["start"]: each["alerts"] for each in series["points"]}[f"{opened[:13]}:00:00Z"] == 3


def test_a_series_without_end_is_refused(three: Service) -> None:
    """Points are bounded, and time runs forwards."""
    for since, until in (("2026-01-02", "2026-01-01"), ("2000-01-01", "2026-01-01")):
        answer = three.get("/v1/alerts/series", interval="minute", since=since, until=until)
        assert answer.status_code == 422, answer.text


def test_large_answers_are_compressed(three: Service) -> None:
    """For who accepts it."""
    answer = three.get("/v1/alerts")

    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(answer.json()["items"]) == 3


def test_alerts_are_handled_at_a_terminal(
    three: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Acknowledge, close with a word, look at it; many by filters; JSON for scripts."""
    token_file = tmp_path / "my-token"
    token_file.write_text(three.secrets[Role.TRIAGE])

    def nonself(*arguments: str) -> str:
        assert cli.main(["alerts", *arguments, f"--url={three.url}", f"--token-file={token_file}"]) == 0
        return capsys.readouterr().out

    nonself("ack", "1", "--comment", "on it")
    nonself("close", "1", "2", "--verdict", "true_positive", "--comment", "INC-9")
    shown = nonself("show", "1")
    dry = nonself("close", "--all", "--triage", "new", "--verdict", "benign", "--dry-run")
    counted = json.loads(nonself("counts", "--by", "verdict", "--json"))
    listed = nonself("list", "--newest", "--has-verdict", "true_positive")

    assert "closed: true_positive" in shown
    assert "acknowledged by triage: on it" in shown
    assert "The filters name 1 alert, of which 1 would change; nothing was changed." in dry
    assert counted["counts"][0] == {"value": "true_positive", "alerts": 2}
    assert listed.count("true_positive") == 2


def test_a_step_without_alerts_is_refused_at_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Before any service is asked."""
    assert cli.main(["alerts", "ack", f"--token-file={__file__}"]) == 1
    assert capsys.readouterr().err == "nonself: Which alerts? Give ids, or --all with filters.\n"
