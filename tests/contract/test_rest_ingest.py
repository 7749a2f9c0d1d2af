"""`POST /v1/ingest/profiles`: what it takes, what it refuses, and that a refusal changes nothing."""

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event, func, select, text

from api.db.tables import Base, InboxRow
from api.retention.keeper import Keeper
from api.tokens.service import Role
from tests.service import INTRUSION, NOW_MS, WINDOW_MS, Service, a_batch, a_container, a_delta
from wire.codec import MAX_BODY_BYTES, SIGNATURE_HEADER, encode_batch, sign, signing_key
from wire.profile import AgentStatus, LossCause, Mark

pytestmark = pytest.mark.databases


def contents(service: Service) -> dict[str, Any]:
    """Return every row of every table."""
    with service.core.store.read() as session:
        return {
            table.name: session.execute(select(table).order_by(*table.primary_key)).all()
            for table in Base.metadata.sorted_tables
        }


def rewritten(change: Callable[[dict[str, Any]], None]) -> bytes:
    """Return a good batch after a change to its JSON."""
    plain = json.loads(gzip.decompress(encode_batch(a_batch(a_delta()))))
    change(plain)
    return gzip.compress(json.dumps(plain).encode())


def test_a_batch_is_taken_once(service: Service) -> None:
    """New deltas are accepted; the same batch again is a replay, and stored once."""
    first = service.send(a_delta(0), a_delta(1))
    again = service.send(a_delta(0), a_delta(1))

    assert (first.status_code, first.json()) == (200, {"accepted": 2, "duplicates": 0})
    assert again.status_code == 409
    assert again.json()["type"] == "/problems/replayed"
    assert len(contents(service)["inbox"]) == 2


def test_known_and_new_deltas_may_come_together(service: Service) -> None:
    """A batch of known and new deltas is taken, and says how many of each it had."""
    service.send(a_delta(0))

    answer = service.send(a_delta(0), a_delta(1), a_delta(1))

    assert (answer.status_code, answer.json()) == (200, {"accepted": 1, "duplicates": 2})


def test_a_delta_is_known_by_node_boot_container_and_start(service: Service) -> None:
    """Deltas that differ in any part of their identity are all kept."""
    service.send(a_delta(0))
    elsewhere = service.send(a_delta(0, node="node-b"), node="node-b")
    rebooted = service.send(a_delta(0, boot_id="boot-2"), boot_id="boot-2")
    other = service.send(a_delta(0, container=a_container(id="d")))

    assert [each.json() for each in (elsewhere, rebooted, other)] == [{"accepted": 1, "duplicates": 0}] * 3


def test_a_replay_after_scoring_counts_nothing_twice(service: Service) -> None:
    """A delta that was scored and learned is still recognised."""
    service.send(a_delta(0))
    service.worker.drain()
    before = contents(service)

    again = service.send(a_delta(0))
    service.worker.drain()

    assert again.status_code == 409
    assert contents(service) == before


def test_a_heartbeat_updates_its_node(service: Service) -> None:
    """A batch without deltas is taken and shows in the list of nodes."""
    answer = service.send(agent=AgentStatus(version="0.1.0", window_s=10, spool_batches=3))

    assert (answer.status_code, answer.json()) == (200, {"accepted": 0, "duplicates": 0})
    assert service.get("/v1/nodes").json()["items"][0]["agent"]["spool_batches"] == 3


def test_losses_reach_the_node(service: Service) -> None:
    """What was lost adds up over the deltas of a node."""
    service.send(a_delta(0, lost={LossCause.QUOTA: 3}))
    service.send(a_delta(1, lost={LossCause.QUOTA: 4, LossCause.DISCARDED: 1}))

    assert service.get("/v1/nodes").json()["items"][0]["lost"] == {"quota": 7, "discarded": 1}


def test_another_content_under_a_known_identity_is_refused(service: Service) -> None:
    """The delta that came first stays, and nothing of the second batch is stored."""
    service.send(a_delta(0))
    before = contents(service)

    answer = service.send(a_delta(0, INTRUSION), a_delta(5))

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/conflict")
    assert contents(service) == before


def test_a_batch_that_contradicts_itself_is_refused(service: Service) -> None:
    """Two contents under one identity within one batch are a conflict too."""
    answer = service.send(a_delta(0), a_delta(0, INTRUSION))

    assert answer.json()["type"] == "/problems/conflict"
    assert contents(service)["inbox"] == []


BODIES: dict[str, tuple[bytes, int, str]] = {
    "not gzip": (b"hello", 400, "malformed"),
    "empty": (b"", 400, "malformed"),
    "truncated": (encode_batch(a_batch(a_delta()))[:-9], 400, "malformed"),
    "not JSON": (gzip.compress(b"{"), 400, "malformed"),
    "deeply nested": (gzip.compress(b"[" * 200_000), 400, "malformed"),
    "a bomb": (gzip.compress(b" " * (65 << 20)), 400, "malformed"),
    "another version": (rewritten(lambda plain: plain.update(schema_version=2)), 400, "malformed"),
    "a list": (gzip.compress(b"[]"), 422, "invalid"),
    "no node": (rewritten(lambda plain: plain.pop("node")), 422, "invalid"),
    "a node of the wrong type": (rewritten(lambda plain: plain.update(node=7)), 422, "invalid"),
    "text no database holds": (rewritten(lambda plain: plain.update(node="\ud800")), 422, "invalid"),
    "a label no database holds": (
        rewritten(lambda plain: plain["deltas"][0]["container"].update(labels={"\ud800": "x"})),
        422,
        "invalid",
    ),
    "a count of 0": (
        rewritten(lambda plain: plain["deltas"][0].update(counts="AAAAAAAAAAA=")),
        422,
        "invalid",
    ),
    "n-grams that are no words": (
        rewritten(lambda plain: plain["deltas"][0].update(ngrams="AA==")),
        422,
        "invalid",
    ),
    "an end before its start": (rewritten(lambda plain: plain["deltas"][0].update(end=1)), 422, "invalid"),
    "a negative start": (rewritten(lambda plain: plain["deltas"][0].update(start=-1)), 422, "invalid"),
    "an unknown mark": (rewritten(lambda plain: plain["deltas"][0].update(marks=["x"])), 422, "invalid"),
    "an unknown architecture": (encode_batch(a_batch(a_delta(arch="vax"))), 422, "invalid"),
    "a window of two hours": (
        encode_batch(a_batch(a_delta(end=NOW_MS, start=NOW_MS - 7_200_000))),
        422,
        "invalid",
    ),
    "a window in the future": (
        encode_batch(a_batch(a_delta(start=NOW_MS + 400_000, end=NOW_MS + 400_000 + WINDOW_MS))),
        422,
        "invalid",
    ),
    "a clock far ahead": (encode_batch(a_batch(sent_at=NOW_MS + 10**9)), 422, "invalid"),
    "a time beyond all calendars": (encode_batch(a_batch(sent_at=(1 << 63) - 1)), 422, "invalid"),
    "an agent started beyond all calendars": (
        encode_batch(a_batch(agent=AgentStatus(version="0", window_s=10, started_at=(1 << 63) - 1))),
        422,
        "invalid",
    ),
    "more calls than a baseline can add up": (
        encode_batch(a_batch(a_delta(0, {1: 1 << 45}))),
        422,
        "invalid",
    ),
    "windows of no length": (
        encode_batch(a_batch(agent=AgentStatus(version="0", window_s=0))),
        422,
        "invalid",
    ),
}


@pytest.mark.parametrize("what", BODIES)
def test_a_bad_body_changes_nothing(shared_service: Service, what: str) -> None:
    """Each kind of bad body has its status and a sentence, and leaves no trace in the database."""
    body, status, slug = BODIES[what]
    before = contents(shared_service)

    answer = shared_service.post(body)

    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{slug}")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"].endswith(".")
    assert contents(shared_service) == before


HEADERS: dict[str, tuple[dict[str, str | bytes | None], int, str]] = {
    "no token": ({"Authorization": None}, 401, "unauthenticated"),
    "another scheme": ({"Authorization": "Basic eDp5"}, 401, "unauthenticated"),
    "an unknown token": ({"Authorization": "Bearer nonself_ingest_x"}, 401, "unauthenticated"),
    "no signature": ({SIGNATURE_HEADER: None}, 401, "signature"),
    "a signature of another body": ({SIGNATURE_HEADER: sign(b"x", signing_key("x"))}, 401, "signature"),
    "a signature that is none": ({SIGNATURE_HEADER: b"\xff"}, 401, "signature"),
    "no media type": ({"Content-Type": None}, 415, "media-type"),
    "another media type": ({"Content-Type": "application/json"}, 415, "media-type"),
    "no encoding": ({"Content-Encoding": None}, 415, "media-type"),
    "another encoding": ({"Content-Encoding": "br"}, 415, "media-type"),
}


@pytest.mark.parametrize("what", HEADERS)
def test_a_bad_header_changes_nothing(shared_service: Service, what: str) -> None:
    """Who does not prove who they are, or sends something else, is refused."""
    headers, status, slug = HEADERS[what]
    before = contents(shared_service)

    answer = shared_service.post(encode_batch(a_batch(a_delta())), **headers)

    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{slug}")
    assert contents(shared_service) == before


@pytest.mark.parametrize("role", [Role.READ, Role.ADMIN])
def test_only_the_ingest_role_may_send(shared_service: Service, role: Role) -> None:
    """Any other token is forbidden, even with a good signature."""
    body, secret = encode_batch(a_batch(a_delta())), shared_service.secrets[role]

    answer = shared_service.post(
        body, Authorization=f"Bearer {secret}", **{SIGNATURE_HEADER: sign(body, signing_key(secret))}
    )

    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/forbidden")


def test_an_oversized_body_is_refused_by_its_declared_length(service: Service) -> None:
    """A body that says it is too large is not read."""
    answer = service.post(b"x" * (MAX_BODY_BYTES + 1))

    assert (answer.status_code, answer.json()["type"]) == (413, "/problems/oversized")


def test_an_oversized_body_is_refused_while_it_is_read(service: Service) -> None:
    """A body of no declared length is cut off at the limit."""
    chunks = (b"x" * (1 << 20) for _ in range((MAX_BODY_BYTES >> 20) + 1))
    body = encode_batch(a_batch())
    headers = dict(service.post(body).request.headers)
    del headers["content-length"]

    answer = service.http.post("/v1/ingest/profiles", content=chunks, headers=headers)

    assert (answer.status_code, answer.json()["type"]) == (413, "/problems/oversized")


def test_a_full_inbox_asks_to_come_back(open_service: Callable[..., Service]) -> None:
    """Beyond the limit of waiting deltas the sender is told when to try again; heartbeats still pass."""
    service = open_service(inbox_limit=2)
    service.send(a_delta(0), a_delta(1))

    refused = service.send(a_delta(2))
    heartbeat = service.send()
    service.worker.drain()
    later = service.send(a_delta(2))

    assert (refused.status_code, refused.json()["type"]) == (503, "/problems/backlog")
    assert int(refused.headers["retry-after"]) > 0
    assert (heartbeat.status_code, later.status_code) == (200, 200)


@pytest.mark.sqlite
def test_a_full_disk_is_one_sentence_and_passes(service: Service) -> None:
    """With no page left the request gets 503 and changes nothing; with room again all goes on."""
    engine = service.core.store.engine

    def fill(connection: Any, _record: Any, _proxy: Any) -> None:
        connection.execute(f"PRAGMA max_page_count={pages}").close()

    with service.core.store.read() as session:
        pages = session.scalar(text("PRAGMA page_count"))
    big = a_delta(0, {1000 + each: 1 for each in range(20_000)})
    event.listen(engine, "checkout", fill)
    full = service.send(big)
    event.remove(engine, "checkout", fill)
    engine.dispose()
    after = service.send(big)

    assert full.status_code == 503
    assert full.json()["detail"] == "The disk of the database is full; nothing was stored."
    assert (after.status_code, after.json()) == (200, {"accepted": 1, "duplicates": 0})


@pytest.mark.sqlite
def test_a_read_only_database_is_one_sentence(service: Service) -> None:
    """Reading goes on, and the process stays up."""

    def forbid(connection: Any, _record: Any, _proxy: Any) -> None:
        connection.execute("PRAGMA query_only=ON").close()

    event.listen(service.core.store.engine, "checkout", forbid)
    answer = service.send(a_delta(0))
    read = service.get("/v1/workloads")
    event.remove(service.core.store.engine, "checkout", forbid)

    assert answer.status_code == 503
    assert answer.json()["detail"] == "The database is read-only; nothing was stored."
    assert (read.status_code, service.http.get("/healthz").status_code) == (200, 200)


def test_the_token_itself_is_never_stored(service: Service) -> None:
    """No table holds a token, only its hash."""
    stored = repr(contents(service))

    assert not [secret for secret in service.secrets.values() if secret in stored]
    assert repr(signing_key(service.secrets[Role.INGEST])) in stored


def test_a_late_batch_does_not_turn_a_node_back(service: Service) -> None:
    """What an agent said last stays, though an older batch of the same boot comes later from its spool."""
    service.send(sent_at=NOW_MS, agent=AgentStatus(version="new", window_s=10))
    service.send(a_delta(0), sent_at=NOW_MS - 60_000, agent=AgentStatus(version="old", window_s=10))

    node = service.get("/v1/nodes").json()["items"][0]
    assert (node["agent"]["version"], node["deltas"]) == ("new", 1)


def test_the_inbox_is_emptied_of_what_was_scored(service: Service) -> None:
    """Identity and digest of a delta stay; its counts do for a day, and only if it was learned."""
    service.send(a_delta(0))
    service.send(a_delta(1, marks=frozenset({Mark.PARTIAL})))
    service.worker.drain()

    def kept() -> int:
        with service.core.store.read() as session:
            count = select(func.count()).select_from(InboxRow)
            return session.scalar(count.where(InboxRow.payload.is_not(None))) or 0

    assert kept() == 1
    service.core.clock.at_ms += 25 * 3_600_000
    Keeper(service.core).tidy()
    assert kept() == 0
