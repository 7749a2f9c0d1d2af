"""The typed client against a real service, and against one that is slow, busy or not there."""

import json
import random
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, Final

import pytest

from api.alerts.schemas import AlertFilter, AlertQuery
from api.alerts.triage_schemas import ChangeQuery, TriageAction, TriageIn
from api.client import Client
from api.connection import Connection, build, to_json
from api.errors import ClientError
from api.openapi import operations
from api.refusals import (
    ChangedSinceError,
    ClashError,
    MissingError,
    NotAllowedError,
    NotOursError,
    NotUnderstoodError,
    RefusedError,
    TooManyRequestsError,
    UnavailableError,
    UnknownTokenError,
    UnreachableError,
)
from api.token_admin.schemas import TokenIn
from api.tokens.service import Role
from api.vocabulary import AlertVerdict, Mode
from api.workloads.schemas import ModeIn, WorkloadQuery
from tests.databases import Database
from tests.service import INTRUSION, LOOP, Service, a_delta, a_match, serving

PAGE: Final = Path(__file__).parents[2] / "docs" / "client.md"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, database: Database) -> Iterator[Service]:
    """A service with one alert of each kind."""
    with serving(tmp_path_factory.mktemp("client"), database) as service:
        service.learn(60)
        service.put("/v1/workloads/1/mode", {"mode": "enforcement-alert", "reason": "test"})
        service.send(a_delta(60, LOOP | INTRUSION))
        service.match(a_match(), a_match(2, rule="Other rule"))
        service.worker.drain()
        yield service


def client_of(service: Service, role: Role = Role.ADMIN) -> Client:
    """Return a client of a role."""
    return Client(Connection(service.url, service.secrets[role]))


class Scripted(BaseHTTPRequestHandler):
    """Answers as it is told, one after the other; the last answer is repeated."""

    answers: Sequence[tuple[int, dict[str, str], bytes]] = ()
    asked: list[tuple[str, str, bytes]]

    def do_GET(self) -> None:
        """Answer."""
        length = int(self.headers.get("Content-Length", 0))
        self.asked.append((self.command, self.path, self.rfile.read(length)))
        status, headers, body = self.answers[min(len(self.asked), len(self.answers)) - 1]
        if not status:
            return
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT = do_GET  # noqa: N815 - as above

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@contextmanager
def scripted(*answers: tuple[int, dict[str, str], bytes]) -> Iterator[tuple[str, list[Any]]]:
    """Serve these answers; give the address, and what was asked."""
    asked: list[Any] = []
    handler = type("Handler", (Scripted,), {"answers": answers, "asked": asked})
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def busy(status: int, after: str | None = None) -> tuple[int, dict[str, str], bytes]:
    """Return an answer that will be another one later."""
    problem = json.dumps({"type": "/problems/backlog", "detail": "Busy.", "status": status})
    return status, {} if after is None else {"Retry-After": after}, problem.encode()


EMPTY: Final = (200, {}, b'{"items": [], "next_cursor": "YWZ0ZXI6MA", "more": false}')


def patient(url: str, **changes: Any) -> tuple[Connection, list[float]]:
    """Return a connection that waits without waiting, and for how long it would have."""
    waited: list[float] = []
    return Connection(url, "secret", sleep=waited.append, dice=random.Random(7), **changes), waited


def test_answers_are_models_and_the_same_json_as_over_the_wire(served: Service) -> None:
    """What scripts get of a command is what the service sent, member for member."""
    client = client_of(served)

    assert to_json(client.alerts.get(1)) == served.get("/v1/alerts/1").json()
    assert [to_json(each) for each in client.workloads.list()] == served.get("/v1/workloads").json()["items"]
    assert to_json(client.workloads.learned(1)) == served.get("/v1/workloads/1/baseline").json()


def test_lists_go_through_all_pages(served: Service) -> None:
    """Whatever the size of a page, each entry comes once, and the last cursor asks for what is new."""
    client = client_of(served)
    whole = [each.id for each in client.alerts.changes()]
    pages = list(client.alerts.change_pages(ChangeQuery(limit=1)))

    later = list(client.alerts.changes(ChangeQuery(cursor=pages[-1].next_cursor)))

    assert [each.id for page in pages for each in page.items] == whole
    assert len(whole) >= 2
    assert later == []


def test_filters_and_steps_are_models(served: Service) -> None:
    """A dry run of a step with many alerts names those of the filter."""
    client = client_of(served, Role.TRIAGE)
    step = TriageIn(action=TriageAction.CLOSE, verdict=AlertVerdict.BENIGN, dry_run=True)

    told = client.alerts.triage_all(AlertFilter(rule="Shell spawned"), step)

    assert (told.alerts, told.dry_run) == (1, True)


def test_a_step_with_what_was_read_before_somebody_else_is_refused(served: Service) -> None:
    """The second of two who read the same revision learns that it has changed, and nothing is done."""
    client = client_of(served)
    read = client.alerts.get(1)
    step = TriageIn(action=TriageAction.COMMENT, comment="mine")
    done = client.alerts.triage(1, step, as_read=read)

    with pytest.raises(ChangedSinceError) as caught:
        client.alerts.triage(1, step, as_read=read)

    assert caught.value.status == 412
    assert done.revision == client.alerts.get(1).revision == read.revision + 1


def test_refusals_are_errors_of_their_kind(served: Service) -> None:
    """Each carries the service's sentence, its type, and the id that the log has."""
    client = client_of(served)
    with pytest.raises(MissingError, match="There is no alert 99") as missing:
        client.alerts.get(99)
    with pytest.raises(NotAllowedError, match="role triage or admin"):
        client_of(served, Role.READ).alerts.triage(1, TriageIn(action=TriageAction.ACKNOWLEDGE))
    with pytest.raises(ClashError, match="exists already"):
        client.tokens.create(TokenIn(name="read", role=Role.READ))
    with pytest.raises(NotUnderstoodError, match="at least one filter"):
        client.alerts.triage_all(AlertFilter(), TriageIn(action=TriageAction.ACKNOWLEDGE))
    with pytest.raises(UnknownTokenError):
        list(Client(Connection(served.url, "nonself_admin_" + "A" * 43)).alerts.list())

    assert missing.value.type == "/problems/not-found"
    assert re.fullmatch(r"[0-9a-f]{32}", missing.value.request_id)


def test_a_name_may_hold_anything(served: Service) -> None:
    """It stays one part of the path."""
    with pytest.raises(MissingError):
        client_of(served).rules.get("a/../b?c=%2e")


def test_a_busy_service_is_asked_again_after_the_time_it_names() -> None:
    """Whatever the method: an error changes nothing."""
    with scripted(busy(503, "5"), busy(429, "7"), (200, {}, json.dumps({"x": 1}).encode())) as (url, asked):
        connection, waited = patient(url)
        answer = connection.ask("POST", "/v1/suppressions", body=ModeIn(mode=Mode.LEARNING))

    assert json.loads(answer) == {"x": 1}
    assert waited == [5, 7]
    assert asked == [("POST", "/v1/suppressions", b'{"mode":"learning"}')] * 3


def test_without_a_time_pauses_grow_at_random_and_end() -> None:
    """They stay below twice the one before on average, and the sum below the patience."""
    with scripted(busy(503)) as (url, asked):
        connection, waited = patient(url, patience_s=20)
        with pytest.raises(UnavailableError, match="Busy"):
            list(Client(connection).alerts.list())

    assert 3 < len(waited) == len(asked) - 1
    assert sum(waited) <= 20
    assert all(0.1 < pause <= 0.25 * 2**number for number, pause in enumerate(waited))
    assert max(waited) > 1


def test_nobody_waits_longer_than_patience_allows() -> None:
    """A quota that is whole again in an hour is told at once."""
    with scripted(busy(429, "3600")) as (url, asked):
        connection, waited = patient(url)
        with pytest.raises(TooManyRequestsError) as caught:
            list(Client(connection).alerts.list())

    assert caught.value.retry_after_s == 3600
    assert (len(asked), waited) == (1, [])


def test_a_lost_answer_is_asked_for_again_only_where_that_is_safe() -> None:
    """A GET may be sent twice; a POST whose answer is lost may have been done."""
    with scripted((0, {}, b""), EMPTY) as (url, asked):
        connection, _ = patient(url)
        found = list(Client(connection).alerts.list())
        asked.clear()
        with pytest.raises(UnreachableError):
            Client(connection).alerts.triage(1, TriageIn(action=TriageAction.ACKNOWLEDGE))

    assert found == []
    assert len(asked) == 1


def test_nothing_that_listens_is_one_sentence() -> None:
    """At once where nobody waits for a start, and after the patience otherwise."""
    with scripted(EMPTY) as (url, _):
        pass
    connection, waited = patient(url, patience_s=5)
    with pytest.raises(UnreachableError, match=f"No service answers at {url}"):
        list(Client(connection).nodes.list())
    hasty, unused = patient(url, wait_for_start=False)
    with pytest.raises(UnreachableError):
        list(Client(hasty).nodes.list())

    assert waited
    assert unused == []


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((200, {}, b"<html>"), "is not a nonself service: its answer is not JSON"),
        ((500, {}, b"oops"), "is not a nonself service"),
        (
            (200, {}, b'{"items": [{"id": 1}], "next_cursor": ""}'),
            "answers as another release of nonself: answer",
        ),
    ],
)
def test_an_answer_that_is_not_ours_is_one_sentence(
    answer: tuple[int, dict[str, str], bytes], said: str
) -> None:
    """A proxy's page and another release's answer are told apart from a refusal."""
    with scripted(answer) as (url, _):
        connection, _ = patient(url)
        with pytest.raises(NotOursError, match=said):
            list(Client(connection).workloads.list())


def test_a_status_without_a_kind_is_a_refusal_all_the_same() -> None:
    """Its detail is the message."""
    with scripted((418, {}, b'{"detail": "I am a teapot."}')) as (url, _):
        connection, _ = patient(url)
        with pytest.raises(RefusedError, match="teapot") as caught:
            list(Client(connection).workloads.list())

    assert (type(caught.value), caught.value.status) == (RefusedError, 418)


def test_what_was_not_given_is_not_sent() -> None:
    """So that the service's defaults hold, which may be others in a later release."""
    with scripted(EMPTY) as (url, asked):
        connection, _ = patient(url)
        list(Client(connection).alerts.list(AlertQuery(text="a b&c", kind="signature")))
        list(Client(connection).workloads.list(WorkloadQuery(mode=None)))

    assert [path for _, path, _ in asked] == ["/v1/alerts?kind=signature&text=a+b%26c", "/v1/workloads"]


def test_a_wish_that_cannot_be_has_the_sentence_of_the_service(served: Service) -> None:
    """A person at a terminal reads the same, whoever finds it."""
    answer = served.request("POST", "/v1/alerts/1/triage", Role.ADMIN, json={"action": "close"})

    with pytest.raises(ClientError) as caught:
        build(TriageIn, action="close")

    assert str(caught.value) == answer.json()["detail"]


def test_every_operation_has_a_method(served: Service) -> None:
    """What the description has and the client lacks is a stream, or for agents and machines alone."""
    source = "".join(path.read_text() for path in (PAGE.parents[1] / "api").glob("*/client.py"))
    paths = served.http.get("/openapi.json").json()["paths"]
    used = {re.sub(r"\{[^}]*\}", "{}", each) for each in _paths(source)}
    missing = {path for path in paths if re.sub(r"\{[^}]*\}", "{}", path) not in used}

    assert missing == {
        "/healthz",
        "/livez",
        "/readyz",
        "/metrics",
        "/v1/events",  # Followed by api.events.follow.
        "/v1/ingest/matches",
        "/v1/ingest/profiles",
        "/v1/rules/bundle",
        "/v1/channels/{channel_id}/deliveries/{delivery_id}/redeliver",
    }
    assert sum(1 for _ in operations({"paths": paths})) > len(paths)


def _paths(source: str) -> Iterator[str]:
    base = ""
    for line in source.splitlines():
        if found := re.fullmatch(r'_PATH = "(.*)"', line):
            base = found[1]
            yield base
        for text in re.findall(r'f?"((?:\{_PATH\}|/v1)[^"]*)"', line):
            yield text.replace("{_PATH}", base).replace("{one}", "")


def test_the_examples_of_the_page_run(served: Service, tmp_path: Path) -> None:
    """What docs/client.md shows works as it stands, one block after the other."""
    text = PAGE.read_text("utf-8")
    token = tmp_path / "token"
    token.write_text(served.secrets[Role.ADMIN])
    shown: dict[str, Any] = {"print": lambda *_words: None}
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        code = block.replace("http://127.0.0.1:8787", served.url).replace("var/token", str(token))
        exec(compile(code, str(PAGE), "exec"), shown)

    assert shown["client"].alerts.get(1).verdict is AlertVerdict.FALSE_POSITIVE
