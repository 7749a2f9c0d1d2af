"""A whole service for tests: real database, real HTTP, time that stands still, a worker on demand."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from api.core import Core
from api.db.migrate import upgrade
from api.db.store import Store
from api.server import Server, listen
from api.settings import ServiceSettings
from api.tokens import service as tokens
from api.tokens.service import Role
from api.worker.worker import Worker
from tests.databases import Database
from wire.codec import CONTENT_TYPE, SIGNATURE_HEADER, encode_batch, sign, signing_key
from wire.match import (
    MATCH_CONTENT_TYPE,
    Ancestor,
    EngineReport,
    MatchBatch,
    Priority,
    SignatureMatch,
    encode_match_batch,
)
from wire.ngram import pack
from wire.profile import AgentStatus, Batch, ContainerRef, ProfileDelta

NOW_MS = 1_764_000_000_000
WINDOW_MS = 10_000
LOOP = {pack([1, 2, 3, 4, 5, 6]): 50, pack([2, 3, 4, 5, 6, 1]): 50, pack([3, 4, 5, 6, 1, 2]): 49}
INTRUSION = {
    pack([60, 13, 10, 258, 10, 4], injected=True): 9,
    pack([13, 10, 258, 10, 4, 60], injected=True): 9,
}


class FakeClock:
    """A clock that moves when told to."""

    def __init__(self, now_ms: int = NOW_MS) -> None:
        self.at_ms = now_ms

    def now_ms(self) -> int:
        return self.at_ms


def a_container(**changes: Any) -> ContainerRef:
    """Return a pod's container."""
    ref = ContainerRef(
        id="c" * 64,
        runtime="containerd",
        name="web",
        pod="cart-6d4cf56db6-x7k2p",
        namespace="shop",
        image="registry.local/shop/cart:1.4",
    )
    return replace(ref, **changes)


def a_delta(index: int = 0, ngrams: Mapping[int, int] = LOOP, **changes: Any) -> ProfileDelta:
    """Return the delta of the window with this number, counted from some time before now."""
    start = NOW_MS - 10_000_000 + index * WINDOW_MS
    delta = ProfileDelta(
        node="node-a",
        boot_id="boot-1",
        container=a_container(),
        start=start,
        end=start + WINDOW_MS,
        arch="x86_64",
        ngrams=tuple(sorted(ngrams)),
        counts=tuple(ngrams[ngram] for ngram in sorted(ngrams)),
    )
    return replace(delta, **changes)


def a_batch(*deltas: ProfileDelta, **changes: Any) -> Batch:
    """Return a batch of these deltas."""
    agent = AgentStatus(version="0.1.0", window_s=10)
    batch = Batch(node="node-a", boot_id="boot-1", sent_at=NOW_MS, agent=agent, deltas=deltas)
    return replace(batch, **changes)


def a_match(sequence: int = 1, index: int = 0, **changes: Any) -> SignatureMatch:
    """Return the match of a shell within the window of this number."""
    match = SignatureMatch(
        node="node-a",
        boot_id="boot-1",
        sequence=sequence,
        time=(a_delta(index).start + 1000 + sequence) * 1_000_000 + 123_456,
        rule="Shell spawned",
        priority=Priority.WARNING,
        output="A shell (user=root command=sh -i)",
        ruleset="9f",
        pid=4321,
        event_type="execve",
        container=a_container(),
        tags=("T1059", "attack_v18", "mitre_execution"),
        output_fields={"user.name": "root", "proc.cmdline": "sh -i", "evt.rawres": -2},
        ancestors=(
            Ancestor(pid=4321, name="sh", exe="sh", cmdline="sh -i"),
            Ancestor(pid=4300, name="nginx", exe="/usr/sbin/nginx", cmdline="nginx"),
        ),
    )
    return replace(match, **changes)


def a_match_batch(*matches: SignatureMatch, **changes: Any) -> MatchBatch:
    """Return a batch of these matches."""
    return replace(MatchBatch(node="node-a", boot_id="boot-1", sent_at=NOW_MS, matches=matches), **changes)


class Service:
    """A running service, and the ways in which tests talk to it."""

    def __init__(self, core: Core, worker: Worker, url: str, secrets: Mapping[Role, str]) -> None:
        self.core = core
        self.worker = worker
        self.url = url
        self.secrets = secrets
        self.http = httpx.Client(base_url=url, timeout=60)

    def get(self, path: str, role: Role = Role.READ, **params: Any) -> httpx.Response:
        """Read as the bearer of a role."""
        headers = {"Authorization": f"Bearer {self.secrets[role]}"}
        return self.http.get(path, params=params or None, headers=headers)

    def put(self, path: str, body: Any, role: Role = Role.ADMIN) -> httpx.Response:
        """Write as the bearer of a role."""
        return self.http.put(path, json=body, headers={"Authorization": f"Bearer {self.secrets[role]}"})

    def request(
        self,
        method: str,
        path: str,
        role: Role,
        *,
        content: str | bytes | None = None,
        type_: str | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 60,
        **params: Any,
    ) -> httpx.Response:
        """Ask anything as the bearer of a role."""
        carried = {"Authorization": f"Bearer {self.secrets[role]}", **(headers or {})}
        if type_:
            carried["Content-Type"] = type_
        return self.http.request(
            method, path, content=content, json=json, headers=carried, params=params or None, timeout=timeout
        )

    def send(self, *deltas: ProfileDelta, **changes: Any) -> httpx.Response:
        """Send deltas as an agent does."""
        return self.post(encode_batch(a_batch(*deltas, **changes)))

    def post(
        self, body: bytes, path: str = "/v1/ingest/profiles", **headers: str | bytes | None
    ) -> httpx.Response:
        """Send a body with a good signature; a header given as None is left out."""
        secret = self.secrets[Role.INGEST]
        usual: dict[str, str | bytes | None] = {
            "Authorization": f"Bearer {secret}",
            "Content-Type": CONTENT_TYPE,
            "Content-Encoding": "gzip",
            SIGNATURE_HEADER: sign(body, signing_key(secret)),
        }
        kept = {name: value for name, value in (usual | headers).items() if value is not None}
        return self.http.post(path, content=body, headers=kept)

    def match(self, *matches: SignatureMatch, **changes: Any) -> httpx.Response:
        """Send matches as an agent does."""
        return self.post_matches(encode_match_batch(a_match_batch(*matches, **changes)))

    def report(self, engine: EngineReport, node: str = "node-a") -> None:
        """Say what the rule engine of a node can do."""
        assert self.match(node=node, engine=engine).status_code == 200

    def post_matches(self, body: bytes, **headers: str | bytes | None) -> httpx.Response:
        """Send a body of matches with a good signature; a header given as None is left out."""
        usual: dict[str, str | bytes | None] = {"Content-Type": MATCH_CONTENT_TYPE}
        return self.post(body, "/v1/ingest/matches", **(usual | headers))

    def learn(self, windows: int, first: int = 0, **changes: Any) -> None:
        """Send that many ordinary windows and score them."""
        deltas = [
            a_delta(index, {ngram: count + index % 7 for ngram, count in LOOP.items()}, **changes)
            for index in range(first, first + windows)
        ]
        assert self.send(*deltas).status_code == 200
        self.worker.drain()


@contextmanager
def serving(
    state_dir: Path,
    database: Database | None = None,
    secrets: Mapping[Role, str] | None = None,
    **changes: Any,
) -> Iterator[Service]:
    """Run a service whose worker works only when `worker.drain()` is called.

    `secrets` are those of an earlier service, whose state folder it takes over.
    """
    with ExitStack() as stack:
        if database is not None:
            changes = {"database_url": stack.enter_context(database.fresh(state_dir))} | changes
        settings = ServiceSettings(state_dir=state_dir, port=0, **changes)
        if database is None:
            upgrade(settings.url)
        core = Core(settings=settings, store=Store(settings.url), clock=FakeClock())
        stack.callback(core.store.close)
        if secrets is None:
            with core.store.write() as session:
                secrets = {
                    role: tokens.create(session, name=role.value, role=role, now_ms=NOW_MS, actor="test")
                    for role in Role
                }
        worker = Worker(core)
        server = Server(core, listen("127.0.0.1", 0))
        server.start()
        stack.callback(server.stop)
        service = Service(core, worker, server.url, secrets)
        stack.callback(service.http.close)
        yield service
