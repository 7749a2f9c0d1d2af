"""Tokens over REST and on the command line: made, limited, ended, rotated, and what is known of their use."""

import hashlib
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import inspect

from api import cli
from api.access.usage import UsageWriter
from api.db.access_tables import TokenRow
from api.tokens.repository import find_by_name
from api.tokens.service import Role
from tests.service import NOW_MS, FakeClock, Service
from tests.waiting import wait_for

HOUR_MS = 3_600_000
SOON = "2025-11-24T16:30:00Z"


def post(service: Service, path: str, body: Any) -> httpx.Response:
    """Ask as an admin."""
    return service.request("POST", f"/v1/tokens{path}", Role.ADMIN, json=body)


def ask(service: Service, secret: str, path: str = "/v1/alerts") -> int:
    """Ask with a secret, and return the status."""
    return service.http.get(path, headers={"Authorization": f"Bearer {secret}"}).status_code


def move(service: Service, by_ms: int) -> None:
    """Let time pass."""
    assert isinstance(service.core.clock, FakeClock)
    service.core.clock.at_ms += by_ms


def test_a_token_ends_when_it_was_said_to(service: Service) -> None:
    """It is good until then, says so afterwards, and is listed as expired."""
    made = post(service, "", {"name": "soc", "role": "triage", "expires_at": "2025-11-24T17:00:00Z"})
    move(service, HOUR_MS - 1)
    before = ask(service, made.json()["token"])
    move(service, 1)
    headers = {"Authorization": f"Bearer {made.json()['token']}"}
    after = service.http.get("/v1/alerts", headers=headers)

    assert (made.status_code, before, after.status_code) == (201, 200, 401)
    assert after.json()["detail"] == "The token 'soc' expired at 2025-11-24T17:00:00+00:00."
    assert service.get("/v1/tokens/soc", Role.ADMIN).json()["state"] == "expired"


def test_a_secret_is_shown_once(service: Service) -> None:
    """Neither the list nor the token itself has it, nor the audit log."""
    secret = post(service, "", {"name": "soc", "role": "read"}).json()["token"]

    for path in ("/v1/tokens", "/v1/tokens/soc", "/v1/audit"):
        answer = service.get(path, Role.ADMIN)
        assert "soc" in answer.text
        assert secret not in answer.text
        assert "digest" not in answer.text


def test_rotation_leaves_time_to_carry_the_new_secret(service: Service) -> None:
    """Both are good for the overlap; then only the new one. A second rotation ends the first at once."""
    first = post(service, "", {"name": "soc", "role": "read"}).json()["token"]
    second = post(service, "/soc/rotate", {"overlap_s": 60}).json()["token"]
    both = ask(service, first), ask(service, second)
    move(service, 60_000)
    after = ask(service, first), ask(service, second)
    third = post(service, "/soc/rotate", {"overlap_s": 0}).json()["token"]

    assert (both, after) == ((200, 200), (401, 200))
    assert (ask(service, second), ask(service, third)) == (401, 200)


def test_a_token_that_ended_is_not_rotated(service: Service) -> None:
    """Rotation never brings a token back."""
    post(service, "", {"name": "soc", "role": "read"})
    post(service, "/soc/revoke", {})

    answer = post(service, "/soc/rotate", {})

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/not-possible")


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"role": "ingest", "namespaces": ["shop"]}, "a token of role ingest reads nothing"),
        ({"role": "read", "node": "worker-1"}, "only tokens of role ingest or enrol belong to a node"),
        ({"role": "read", "expires_at": "2020-01-01T00:00:00Z"}, "expected a time to come"),
        ({"role": "read", "workloads": [7]}, "there is no workload 7"),
        ({"role": "owner"}, "body.role: expected 'admin'"),
        ({"role": "read", "name": "Not This"}, "body.name:"),
    ],
)
def test_a_token_that_cannot_be_is_one_sentence(
    shared_service: Service, wish: dict[str, Any], said: str
) -> None:
    """It says what was expected and what came, and nothing is made."""
    before = shared_service.get("/v1/tokens", Role.ADMIN).json()

    answer = post(shared_service, "", {"name": "soc"} | wish)

    assert answer.status_code == 422
    assert said in answer.json()["detail"]
    assert shared_service.get("/v1/tokens", Role.ADMIN).json() == before


def test_two_tokens_never_share_a_name(shared_service: Service) -> None:
    """The second is refused as a conflict, also after the first has ended."""
    answer = post(shared_service, "", {"name": "read", "role": "read"})

    assert answer.status_code == 409
    assert "a token named 'read' exists already" in answer.json()["detail"]


def test_the_last_use_is_known_at_once_and_written_later(service: Service) -> None:
    """However often a token is used, one transaction for all of them writes it."""
    for _ in range(3):
        service.get("/v1/alerts")
    shown = service.get("/v1/tokens/read", Role.ADMIN).json()["last_used_at"]
    written = service.core.guard.usage.write(service.core.store)

    assert shown == "2025-11-24T16:00:00Z"
    assert written == 2
    assert service.core.guard.usage.newest(1) is None
    assert service.get("/v1/tokens/read", Role.ADMIN).json()["last_used_at"] == shown
    assert service.get("/v1/tokens/ingest", Role.ADMIN).json()["last_used_at"] is None


def test_uses_are_written_from_time_to_time_and_at_the_end(service: Service) -> None:
    """By a thread of their own, so that no request waits for it; a stop loses none."""
    store, usage = service.core.store, service.core.guard.usage

    def written() -> int | None:
        with store.read() as session:
            row = find_by_name(session, "read")
            return row.last_used_at if row else None

    writer = UsageWriter(usage, store, every_s=0.01)
    writer.start()
    try:
        service.get("/v1/alerts")
        wait_for(lambda: written() == NOW_MS)
    finally:
        writer.stop()
    slow = UsageWriter(usage, store, every_s=3600)
    slow.start()
    move(service, 5_000)
    service.get("/v1/alerts")
    slow.stop()

    assert written() == NOW_MS + 5_000


def test_the_commands_say_the_same_of_a_service_and_of_its_database(
    service: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With --url over REST, without it in the database itself; one token goes through both."""
    (tmp_path / "admin").write_text(service.secrets[Role.ADMIN])
    remote = [f"--url={service.url}", f"--token-file={tmp_path / 'admin'}"]
    local = [f"--state-dir={tmp_path}", f"--database-url={service.core.settings.url}"]
    service.learn(1)
    limits = ["--namespace=shop", "--workload=shop/cart/web", "--expires=90d"]
    assert cli.main(["token", "create", "near", *limits, *local]) == 0
    assert cli.main(["token", "create", "far", *limits, *remote]) == 0
    near, far = capsys.readouterr().out.split()
    assert ask(service, near) == 200
    assert ask(service, far) == 200

    listed = []
    for where in (remote, local):
        assert cli.main(["tokens", "--json", *where]) == 0
        listed.append(json.loads(capsys.readouterr().out))
    assert [each["name"] for each in listed[0]] == [each["name"] for each in listed[1]]
    assert [(each["namespaces"], each["workloads"]) for each in listed[0][-2:]] == [(["shop"], [1])] * 2

    assert cli.main(["token", "rotate", "near", "--overlap=1m", *remote]) == 0
    assert cli.main(["token", "revoke", "far", "--reason=CHG-1", *local]) == 0
    rotated = capsys.readouterr().out.splitlines()[0]
    assert (ask(service, rotated), ask(service, far)) == (200, 401)
    assert cli.main(["token", "list", *remote]) == 0
    assert "namespace shop, workload 1" in capsys.readouterr().out


def test_a_command_without_a_name_says_what_it_expects(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence, and the form of the command."""
    assert cli.main(["token", "rotate", f"--state-dir={tmp_path}"]) == 1
    assert "Expected the name of a token: nonself token rotate NAME." in capsys.readouterr().err


def test_the_service_never_holds_a_secret(service: Service) -> None:
    """No column of a token's row has it, in any form that could be read back."""
    secret = post(service, "", {"name": "soc", "role": "read"}).json()["token"]

    with service.core.store.read() as session:
        row = find_by_name(session, "soc")
        assert row is not None
        held = [getattr(row, column.key) for column in inspect(TokenRow).columns]
    random = secret.rpartition("_")[2]
    assert hashlib.sha256(secret.encode()).digest() in held
    assert not [each for each in held if random in str(each)]


def test_the_last_admin_cannot_lock_itself_out(service: Service) -> None:
    """Tokens that ended or see only a part are no other admin; with a real one, it may end itself."""
    for name, limits in (("ended", {}), ("shop", {"namespaces": ["shop"]}), ("soon", {"expires_at": SOON})):
        assert post(service, "", {"name": name, "role": "admin", **limits}).status_code == 201
    post(service, "/ended/revoke", {})
    move(service, HOUR_MS)

    refused = post(service, "/admin/revoke", {"reason": "leaving"})
    still = service.get("/v1/tokens/admin", Role.ADMIN).json()["state"]
    post(service, "", {"name": "other", "role": "admin"})
    ended = post(service, "/admin/revoke", {"reason": "leaving"})

    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/not-possible")
    assert "'admin' is the last one of role admin, and the one that you use" in refused.json()["detail"]
    assert (still, ended.status_code, ended.json()["state"]) == ("active", 200, "revoked")
    assert ask(service, service.secrets[Role.ADMIN]) == 401


def test_whoever_opens_the_database_may_end_the_last_admin(service: Service) -> None:
    """A secret that leaked has to go; they can make another beside the service."""
    local = [f"--state-dir={service.core.settings.state_dir}", "--reason=leaked"]

    assert cli.main(["token", "revoke", "admin", *local]) == 0
    assert ask(service, service.secrets[Role.ADMIN]) == 401
