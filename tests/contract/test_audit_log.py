"""The audit log: what it answers, and that nothing in it changes."""

import json
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from api import cli
from api.tokens.service import Role
from tests.service import FakeClock, Service


@pytest.fixture
def busy(service: Service) -> Service:
    """A service in which two admins did something, an hour apart."""
    service.learn(1)
    wish = {"name": "second", "role": "admin"}
    secret = service.request("POST", "/v1/tokens", Role.ADMIN, json=wish).json()["token"]
    assert isinstance(service.core.clock, FakeClock)
    service.core.clock.at_ms += 3_600_000
    headers = {"Authorization": f"Bearer {secret}"}
    mode = {"mode": "enforcement-alert", "reason": "two quiet weeks"}
    assert service.http.put("/v1/workloads/1/mode", json=mode, headers=headers).is_success
    assert service.request("POST", "/v1/tokens/second/revoke", Role.ADMIN, json={}).is_success
    return service


def test_entries_are_found_by_who_what_on_what_and_when(busy: Service) -> None:
    """Each filter alone; a word stands for all actions of its kind."""

    def actions(**params: str) -> list[tuple[str, str]]:
        items = busy.get("/v1/audit", **params).json()["items"]
        return [(each["actor"], each["action"]) for each in items]

    assert actions(actor="second") == [("second", "workload.mode")]
    assert actions(action="token.revoke") == [("admin", "token.revoke")]
    assert actions(action="token", actor="admin") == [("admin", "token.create"), ("admin", "token.revoke")]
    assert actions(action="tok") == []
    assert actions(target="second", since="2025-11-24T17:00:00Z") == [("admin", "token.revoke")]
    assert actions(until="2025-11-24T17:00:00Z", target="second") == [("admin", "token.create")]


def test_the_log_is_followed_by_its_cursor(busy: Service) -> None:
    """Page by page it is the whole log, oldest first, and the last page leads on to what comes."""
    whole = busy.get("/v1/audit").json()["items"]
    seen, cursor = [], None
    while page := busy.get("/v1/audit", limit=2, **({"cursor": cursor} if cursor else {})).json():
        if not page["items"]:
            break
        seen += page["items"]
        cursor = page["next_cursor"]

    assert seen == whole
    assert [each["id"] for each in whole] == sorted(each["id"] for each in whole)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'nobody' WHERE id = 1",
        "DELETE FROM audit WHERE id = 1",
        "DELETE FROM audit",
        "TRUNCATE audit",
        (
            "INSERT OR REPLACE INTO audit (id, created_at, actor, action, target, detail) "
            "VALUES (1, 0, 'nobody', 'nothing', '', '{}')"
        ),
    ],
)
def test_the_database_refuses_to_change_an_entry(busy: Service, statement: str) -> None:
    """Whoever has the connection: an entry is neither changed, nor replaced, nor deleted."""
    only = {"INSERT": "sqlite", "TRUNCATE": "postgresql"}.get(statement.split(maxsplit=1)[0])
    if only not in {None, busy.core.store.engine.dialect.name}:
        pytest.skip(f"only {only} has this statement")
    before = busy.get("/v1/audit").json()

    with pytest.raises(DBAPIError, match="append-only"), busy.core.store.write() as session:
        session.execute(text(statement))

    assert busy.get("/v1/audit").json() == before


def test_the_command_shows_who_did_what(
    busy: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a table for people, as JSON for scripts."""
    (tmp_path / "reader").write_text(busy.secrets[Role.READ])
    where = [f"--url={busy.url}", f"--token-file={tmp_path / 'reader'}"]

    assert cli.main(["audit", "list", "--actor=second", *where]) == 0
    assert "two quiet weeks" in capsys.readouterr().out
    assert cli.main(["audit", "list", "--action=token.revoke", "--json", *where]) == 0
    assert [each["target"] for each in json.loads(capsys.readouterr().out)] == ["second"]
