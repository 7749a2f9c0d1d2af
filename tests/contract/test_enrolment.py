"""How a node comes by a token of its own, what that is good for, and how another takes its place."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from api import cli
from api.tokens.service import Role
from collector import cli as agent_cli
from collector.connection import Trust
from collector.sender import Sender, Verdict
from tests.service import FakeClock, Service, a_batch, a_delta, a_match, a_match_batch
from wire.codec import SIGNATURE_HEADER, encode_batch, sign, signing_key
from wire.match import encode_match_batch


def once(service: Service, **more: Any) -> str:
    """Return a one-time token."""
    wish = {"name": f"once-{len(service.get('/v1/tokens', Role.ADMIN).json()['items'])}", "role": "enrol"}
    made = service.request("POST", "/v1/tokens", Role.ADMIN, json=wish | more)
    assert made.status_code == 201, made.text
    return str(made.json()["token"])


def enrol(service: Service, secret: str, node: str = "node-a") -> httpx.Response:
    """Exchange it."""
    headers = {"Authorization": f"Bearer {secret}"}
    return service.http.post("/v1/enrol", json={"node": node}, headers=headers)


def send(service: Service, secret: str, node: str = "node-a") -> httpx.Response:
    """Send a window as an agent does."""
    body = encode_batch(a_batch(a_delta(node=node), node=node))
    return service.post(
        body, **{"Authorization": f"Bearer {secret}", SIGNATURE_HEADER: sign(body, signing_key(secret))}
    )


def test_a_node_enrols_and_sends_for_itself_alone(service: Service) -> None:
    """Profiles and matches of its own are taken; those of another node, and every question, are refused."""
    token = enrol(service, once(service)).json()["token"]

    assert send(service, token).status_code == 200
    other = send(service, token, "node-b")
    assert (other.status_code, other.json()["type"]) == (403, "/problems/forbidden")
    assert "sends for node 'node-a'; got a batch of 'node-b'" in other.json()["detail"]
    matches = encode_match_batch(a_match_batch(a_match(node="node-b"), node="node-b"))
    signed = {"Authorization": f"Bearer {token}", SIGNATURE_HEADER: sign(matches, signing_key(token))}
    assert service.post_matches(matches, **signed).status_code == 403
    assert service.http.get("/v1/alerts", headers={"Authorization": f"Bearer {token}"}).status_code == 403
    assert [each["name"] for each in service.get("/v1/nodes").json()["items"]] == ["node-a"]


def test_a_one_time_token_is_good_once(service: Service) -> None:
    """Whoever comes second learns that it was used."""
    secret = once(service)

    assert [enrol(service, secret, each).status_code for each in ("node-a", "node-b")] == [201, 401]


def test_of_many_who_bring_the_same_token_at_once_one_gets_in(service: Service) -> None:
    """Whichever comes first; the others learn that it was used, and no second token is made."""
    secret = once(service)
    headers = {"Authorization": f"Bearer {secret}"}

    def bring(number: int) -> int:
        wish = {"node": f"node-{number}"}
        return httpx.post(f"{service.url}/v1/enrol", json=wish, headers=headers, timeout=30).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(bring, range(8)))

    assert statuses == [201] + [401] * 7
    made = [each for each in service.get("/v1/tokens", Role.ADMIN).json()["items"] if each["node"]]
    assert len(made) == 1


def test_a_one_time_token_lasts_an_hour(service: Service) -> None:
    """Unless it was said otherwise."""
    secret = once(service)
    assert isinstance(service.core.clock, FakeClock)
    service.core.clock.at_ms += 3_600_000

    assert enrol(service, secret).status_code == 401


def test_no_token_of_chance_takes_a_nodes_place(service: Service) -> None:
    """An enrolled node is enrolled anew only by a token that names it, which ends the one it had."""
    first = enrol(service, once(service)).json()["token"]
    by_chance = once(service)
    refused = enrol(service, by_chance)
    still_good = enrol(service, by_chance, "node-b")
    foreign = enrol(service, once(service, node="node-c"))
    second = enrol(service, once(service, node="node-a")).json()["token"]

    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/not-possible")
    assert "nonself enrol --node node-a" in refused.json()["detail"]
    assert still_good.status_code == 201
    assert foreign.status_code == 403
    assert (send(service, first).status_code, send(service, second).status_code) == (401, 200)


def test_enrolment_is_audited(service: Service) -> None:
    """Which token enrolled which node, and what that ended."""
    enrol(service, once(service))
    enrol(service, once(service, node="node-a"))

    first, second = service.get("/v1/audit", action="node.enrol").json()["items"]
    assert (first["target"], second["target"]) == ("node-a", "node-a")
    assert second["detail"]["ended"] == [first["detail"]["token"]]


def test_a_rotated_token_overlaps_with_the_one_before(service: Service) -> None:
    """No window is refused while the file is replaced; after ten minutes the old one is worthless."""
    first = enrol(service, once(service)).json()["token"]
    headers = {"Authorization": f"Bearer {first}"}
    second = service.http.post("/v1/enrol/rotate", headers=headers).json()["token"]

    def both() -> tuple[int, int]:
        tried = [service.http.get("/v1/rules/bundle", headers={"Authorization": f"Bearer {each}"})
                 for each in (first, second)]  # fmt: skip
        return tried[0].status_code, tried[1].status_code

    assert both() == (200, 200)
    assert isinstance(service.core.clock, FakeClock)
    service.core.clock.at_ms += 600_000
    assert both() == (401, 200)


def test_a_batch_under_the_token_before_is_verified_by_it(service: Service) -> None:
    """The key of a signature is the token that came with it, not the newest."""
    first = enrol(service, once(service)).json()["token"]
    service.http.post("/v1/enrol/rotate", headers={"Authorization": f"Bearer {first}"})

    assert send(service, first).status_code == 200


def test_the_commands_enrol_a_node_and_rotate_its_token(
    service: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`nonself enrol` here, `nonself-agent enrol` there: the agent's next window is taken."""
    (tmp_path / "admin").write_text(service.secrets[Role.ADMIN])
    where = [f"--url={service.url}", f"--token-file={tmp_path / 'admin'}"]
    assert cli.main(["enrol", "--node=node-a", *where]) == 0
    (tmp_path / "once").write_text(capsys.readouterr().out)
    token_file = tmp_path / "etc" / "agent-token"
    there = [f"--url={service.url}", f"--token-file={token_file}"]
    body = encode_batch(a_batch(a_delta()))

    assert agent_cli.main(["enrol", f"--enrol-token-file={tmp_path / 'once'}", "--node=node-a", *there]) == 0
    assert stat.S_IMODE(token_file.stat().st_mode) == 0o600
    before = token_file.read_text()
    assert agent_cli.main(["rotate", *there]) == 0
    assert token_file.read_text() != before
    assert Sender(service.url, token_file, Trust()).send(body).verdict is Verdict.KNOWN

    assert agent_cli.main(["enrol", f"--enrol-token-file={tmp_path / 'once'}", "--node=node-a", *there]) == 1
    assert "was used already, or revoked" in capsys.readouterr().err
    assert sorted(path.name for path in token_file.parent.iterdir()) == ["agent-token"]


def test_a_running_agent_takes_up_a_rotated_token(service: Service, tmp_path: Path) -> None:
    """Once the one that it has is refused it reads the file anew; the window that was refused comes again."""
    token_file = tmp_path / "agent-token"
    token_file.write_text(enrol(service, once(service)).json()["token"])
    agent = Sender(service.url, token_file)
    assert agent.send(encode_batch(a_batch(a_delta(0)))).verdict is Verdict.KNOWN

    assert agent_cli.main(["rotate", f"--url={service.url}", f"--token-file={token_file}"]) == 0
    assert agent.send(encode_batch(a_batch(a_delta(1)))).verdict is Verdict.KNOWN
    assert isinstance(service.core.clock, FakeClock)
    service.core.clock.at_ms += 600_000
    body = encode_batch(a_batch(a_delta(2)))
    refused, taken = agent.send(body), agent.send(body)

    assert (refused.verdict, refused.cause) == (Verdict.LATER, "token")
    assert taken.verdict is Verdict.KNOWN


def test_where_the_token_cannot_be_kept_none_is_used_up(
    service: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The place is tried before the service is asked."""
    (tmp_path / "file").write_text("")
    secret = once(service)
    there = [f"--url={service.url}", f"--token-file={tmp_path / 'file' / 'token'}"]

    assert agent_cli.main(["enrol", f"--enrol-token={secret}", "--node=node-a", *there]) == 1
    assert "cannot be written" in capsys.readouterr().err
    assert enrol(service, secret).status_code == 201
