"""The reader's side of live streams: commands at a terminal, and what comes again when a stream is lost."""

import json
import random
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from typing import Any, Self

import pytest

from api import cli
from api.connection import Connection
from api.errors import ClientError
from api.events.follow import Follower
from api.tokens.service import Role
from tests.service import Service, a_container, a_match
from wire.match import Priority

HELLO = b"retry: 4000\nid: a0\n\n"


def event(row_id: int, name: str = "alert.opened") -> bytes:
    """Return an event as it is sent."""
    return f'event: {name}\ndata: {{"id":{row_id}}}\nid: a{row_id}\n\n'.encode()


class Script:
    """A service that answers as it is told, one request after the other, and closes each connection."""

    def __init__(self, *answers: tuple[int, bytes]) -> None:
        self._answers = list(answers)
        self.asked: list[str | None] = []
        script = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                script.asked.append(self.headers["Last-Event-ID"])
                status, body = script._answers.pop(0)
                self.send_response(status)
                self.send_header("Content-Type", "text/event-stream" if status == 200 else "application/json")
                # More than comes: the connection breaks before the end.
                self.send_header("Content-Length", str(len(body) + (1 if status == 200 else 0)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Waits:
    """Waits for nothing, and remembers how long it should have."""

    def __init__(self) -> None:
        self.pauses: list[float] = []
        self.said: list[str] = []

    def follower(self, url: str, after: str | None = None) -> Follower:
        """Return a follower of a script."""
        return Follower(
            Connection(url, "t"),
            {},
            after=after,
            say=self.said.append,
            pause=self.pauses.append,
            chance=random.Random(1),
        )


def problem(detail: str) -> bytes:
    """Return the body of a refusal."""
    return json.dumps({"detail": detail}).encode()


def test_a_follower_comes_again_where_it_was_and_waits_longer_each_time() -> None:
    """After a broken line, an event cut in two, and a service that starts; it says so, once."""
    waits = Waits()
    with Script(
        (200, HELLO + event(1) + event(2)[:20]),
        (503, problem("The service is stopping.")),
        (503, problem("The service is stopping.")),
        (200, event(2) + event(3, "gap")),
        (200, event(4)),
    ) as script:
        told = list(islice(waits.follower(script.url).events(), 4))

    assert [each.json()["id"] for each in told] == [1, 2, 3, 4]
    assert script.asked == [None, "a1", "a1", "a1", "a3"]
    first, second, third, fourth = waits.pauses
    for pause, most in ((first, 4), (second, 8), (third, 16), (fourth, 4)):
        assert most / 2 <= pause <= most
    assert len(waits.said) == 2
    assert "503" in waits.said[0]
    assert "back" in waits.said[1]


def test_a_follower_that_heard_nothing_comes_again_where_the_stream_began() -> None:
    """What happens between a stream's begin and its first event is not missed."""
    waits = Waits()
    with Script((200, b"retry: 10\nid: a7\n\n"), (200, event(8))) as script:
        (told,) = islice(waits.follower(script.url).events(), 1)

    assert script.asked == [None, "a7"]
    assert told.id == "a8"


@pytest.mark.parametrize("status", [401, 422])
def test_a_follower_that_is_refused_ends(status: int) -> None:
    """At once, with the service's sentence, also where it followed before; it would be refused again."""
    waits = Waits()
    with (
        Script((200, HELLO + event(1)), (status, problem("The token 'soc' was revoked."))) as script,
        pytest.raises(ClientError, match="The token 'soc' was revoked"),
    ):
        list(waits.follower(script.url).events())
    assert waits.said == []


def test_a_follower_that_never_got_through_does_not_try_for_ever() -> None:
    """A wrong address, and a service whose streams are all taken, are told at once."""
    with Script() as script:
        gone = script.url
    with pytest.raises(ClientError, match="No service answers at"):
        list(Waits().follower(gone).events())
    with (
        Script((503, problem("The service has 256 streams open."))) as script,
        pytest.raises(ClientError, match="256 streams"),
    ):
        list(Waits().follower(script.url).events())


@pytest.fixture
def terminal(service: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs a command as a reader, and returns what it printed."""
    token_file = tmp_path / "my-token"
    token_file.write_text(service.secrets[Role.READ])

    def run(*arguments: str) -> str:
        assert cli.main([*arguments, f"--url={service.url}", f"--token-file={token_file}"]) == 0
        return capsys.readouterr().out

    bank = a_container(id="b" * 64, namespace="bank", pod="vault-0")
    service.match(a_match(1))
    service.match(a_match(2))
    service.match(a_match(3, container=bank, rule="Disk read", priority=Priority.CRITICAL))
    service.worker.drain()
    service.learn(2)
    return run


def test_alerts_are_followed_at_a_terminal(service: Service, terminal: Any) -> None:
    """A line for each change, filtered, from a time or an event on; JSON has the event as it came."""
    lines = terminal("alerts", "tail", "--since", "2025-11-24", "--limit", "2").splitlines()
    high = terminal("alerts", "tail", "--after=a0", "--min-level=high", "--limit=1", "--json")
    opened = terminal(
        "alerts", "tail", "--after=a0", "--change=opened", "--workload=1", "--limit=1", "--json"
    )

    assert ["alert 1 opened" in lines[0], "Shell spawned" in lines[0], len(lines)] == [True, True, 2]
    told = json.loads(high)
    changes = service.get("/v1/alerts/changes").json()["items"]
    assert told["event"] == "alert.opened"
    assert told["data"]["change"] in changes
    assert told["id"] == f"a{told['data']['change']['id']}"
    assert told["data"]["alert"] == service.get("/v1/alerts", min_level="high").json()["items"][0]
    assert json.loads(opened)["data"]["alert"]["id"] == 1


def test_scores_are_followed_at_a_terminal(service: Service, terminal: Any) -> None:
    """With the names of workloads, for people; as the list has them, for scripts."""
    lines = terminal("scores", "tail", "--after=s0", "--limit=2").splitlines()
    told = terminal("scores", "tail", "--after=s0", "--limit=1", "--verdict=insufficient_evidence", "--json")

    assert ["shop/cart/web" in lines[0], "not enough evidence" in lines[0], len(lines)] == [True, True, 2]
    assert json.loads(told)["data"] == service.get("/v1/scores").json()["items"][0]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--since=yesterday"], "--since: expected a time"),
        (["--after=812"], "expected the id of an event of this service"),
        (["--workload=nobody"], "Expected one workload called 'nobody'"),
    ],
)
def test_a_tail_that_cannot_be_is_one_sentence(
    service: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    """Before anything is followed."""
    token_file = tmp_path / "my-token"
    token_file.write_text(service.secrets[Role.READ])

    assert cli.main(["alerts", "tail", *arguments, f"--url={service.url}", f"--token-file={token_file}"]) == 1
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize("limit", ["0", "-1", "all"])
def test_a_tail_of_less_than_one_is_refused(capsys: pytest.CaptureFixture[str], limit: str) -> None:
    """Before a service is asked."""
    with pytest.raises(SystemExit):
        cli.main(["scores", "tail", f"--limit={limit}"])
    assert f"expected a number of at least 1; got {limit!r}" in capsys.readouterr().err
