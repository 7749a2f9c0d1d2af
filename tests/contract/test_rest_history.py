"""The history of a workload over REST and on the command line: it outlives the windows."""

import json
from pathlib import Path

import pytest

from api import cli
from api.retention.keeper import Keeper
from api.tokens.service import Role
from tests.databases import Database
from tests.service import INTRUSION, LOOP, FakeClock, Service, a_delta

pytestmark = pytest.mark.databases

HISTORY = "/v1/workloads/1/history"
DAY_MS = 86_400_000


def advance(service: Service, days: int) -> None:
    """Let time pass."""
    clock = service.core.clock
    assert isinstance(clock, FakeClock)
    clock.at_ms += days * DAY_MS


def test_the_history_is_the_same_before_and_after_windows_go(service: Service) -> None:
    """Sums by the day hold whether windows are still rows, are summed up, or are gone."""
    service.learn(60)
    service.put("/v1/workloads/1/budget", {"budget_per_week": 604.8})
    service.send(a_delta(100, LOOP | INTRUSION))
    service.worker.drain()
    fresh = service.get(HISTORY).json()
    Keeper(service.core).tidy()
    summed = service.get(HISTORY).json()
    advance(service, 400)
    Keeper(service.core).tidy()

    gone = service.get(HISTORY).json()

    assert len(service.get("/v1/scores?workload=1").json()["items"]) == 1
    assert fresh == summed
    assert fresh["items"] == gone["items"]
    assert sum(each["windows"] for each in gone["items"]) == 61
    assert sum(each["verdicts"]["anomalous"] for each in gone["items"]) == 1
    assert all(each["ranked"] == sum(each["p_values"]) for each in gone["items"])
    assert all(len(each["p_values"]) == len(gone["edges"]) for each in gone["items"])


def test_hours_add_up_to_days_and_can_be_cut_out(service: Service) -> None:
    """By the hour there are the same windows; since and until leave what lies within."""
    service.learn(600)
    days, hours = service.get(HISTORY).json(), service.get(HISTORY, step="hour").json()
    second = hours["items"][1]

    cut = service.get(HISTORY, step="hour", since=second["start"], until=second["end"]).json()

    assert len(hours["items"]) > 1
    assert [sum(each["windows"] for each in found["items"]) for found in (days, hours)] == [600, 600]
    assert cut["items"] == [second]


def test_what_cannot_be_asked_is_refused(service: Service) -> None:
    """An unknown workload has no history, and a step is an hour or a day."""
    assert service.get(HISTORY).status_code == 404
    service.learn(1)
    assert service.get(HISTORY, step="week").status_code == 422
    assert service.get(HISTORY, Role.INGEST).status_code == 403


def test_retention_says_what_is_kept_and_what_went(service: Service, database: Database) -> None:
    """Days from the settings, the size of the database, and drops by day, cause and kind."""
    service.learn(30)
    before = service.get("/v1/retention").json()
    advance(service, 31)
    Keeper(service.core).tidy()

    after = service.get("/v1/retention").json()

    assert before["days"] == {
        "scores": 30,
        "findings": 365,
        "hourly_history": 30,
        "history": 730,
        "changes": 30,
        "stale_versions": 365,
    }
    assert before["versions"] == {"stale": 0, "rollback": 1, "most": None, "due": 0}
    assert (before["waiting"], after["waiting"]) == (30, 0)
    assert before["dropped"] == []
    size = before["database"]
    if database.kind == "sqlite":
        assert (size["used_bytes"] > 0, size["limit_bytes"]) == (True, None)
    else:
        assert size is None
    dropped = {each["what"]: each for each in after["dropped"]}
    assert {what: (each["cause"], each["count"]) for what, each in dropped.items()} == {
        "counts": ("age", 30),
        "scores": ("age", 29),
    }
    assert dropped["scores"]["oldest"] < dropped["scores"]["newest"] < after["dropped"][0]["day"]


@pytest.mark.parametrize("step", ["hour", "day"])
def test_the_command_shows_a_history(
    service: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str], step: str
) -> None:
    """A table for people, the REST answer for scripts."""
    service.learn(60)
    token = tmp_path / "my-token"
    token.write_text(service.secrets[Role.READ])
    options = [f"--url={service.url}", f"--token-file={token}", f"--step={step}"]

    assert cli.main(["workload", "history", "shop/cart", *options]) == 0
    shown = capsys.readouterr().out
    assert cli.main(["workload", "history", "cart", "--json", *options]) == 0
    answer = json.loads(capsys.readouterr().out)

    assert "windows" in shown
    assert "p ≤ 1 %" in shown
    assert answer == service.get(HISTORY, step=step).json()
