"""Deltas and n-gram counts per second through a real service: HTTP in, scored and stored with SQLite."""

import queue
import threading
import time
from typing import Any

import urllib3

from bench.context import Context
from bench.detector import DISTINCT, windows
from bench.service import service
from wire.codec import CONTENT_TYPE, SIGNATURE_HEADER, encode_batch, sign, signing_key
from wire.profile import AgentStatus, Batch, ContainerRef, ProfileDelta

NODES, WORKLOADS, DELTAS_PER_BATCH, WINDOW_MS = 4, 50, 50, 10_000
_TIMEOUT_S = 300.0


def ingest(context: Context) -> dict[str, Any]:
    """Send batches as fast as the service takes them, four agents at once, and wait until all are scored."""
    count = 10 if context.quick else 160
    folder = context.folder / "ingest"
    folder.mkdir()
    with service(folder) as (url, token):
        with context.timed(f"ingest: making {count} batches of {DELTAS_PER_BATCH} deltas"):
            bodies = make_bodies(count, DELTAS_PER_BATCH)
        with context.timed("ingest: sending them"):
            begin = time.monotonic()
            _send(url, token, bodies)
            accepted_s = time.monotonic() - begin
            deltas = count * DELTAS_PER_BATCH
            while _scored(url) < deltas:
                if time.monotonic() - begin > _TIMEOUT_S:
                    msg = f"Only {_scored(url)} of {deltas} deltas were scored within {_TIMEOUT_S:.0f} s."
                    raise RuntimeError(msg)
                time.sleep(0.05)
            scored_s = time.monotonic() - begin
        stored = sum(each.stat().st_size for each in (folder / "state").glob("nonself.db*"))
    return {
        "deltas": deltas,
        "ngrams_per_delta": DISTINCT,
        "workloads": WORKLOADS,
        "bytes_per_delta_on_the_wire": round(sum(map(len, bodies)) / deltas),
        "bytes_per_delta_in_the_database": round(stored / deltas),
        "deltas_accepted_per_s": round(deltas / accepted_s),
        "deltas_scored_per_s": round(deltas / scored_s),
        "ngram_counts_scored_per_s": round(deltas * DISTINCT / scored_s),
        "nodes_of_10_containers_at_10_s_windows": round(deltas / scored_s),
    }


def make_bodies(count: int, deltas: int, fleet: str = "node") -> list[bytes]:
    """Return encoded batches, each one window of one node; windows of a node follow each other up to now.

    Args:
        count: How many.
        deltas: In each.
        fleet: What the names of the nodes begin with; another one for each time a database is asked.
    """
    kinds = [windows(20, workload=number) for number in range(WORKLOADS)]
    per_node = -(-count // NODES)
    first = int(time.time() * 1000) // WINDOW_MS * WINDOW_MS - per_node * WINDOW_MS
    return [
        _body(kinds, f"{fleet}-{number % NODES}", number, first + number // NODES * WINDOW_MS, deltas)
        for number in range(count)
    ]


def _body(kinds: list[list[Any]], node: str, number: int, start: int, count: int) -> bytes:
    deltas = []
    for index in range(count):
        window = kinds[index % WORKLOADS][(number // NODES) % 20]
        container = ContainerRef(
            id=f"{node}-{index}", runtime="containerd", name="app", namespace="bench", pod=f"web{index}-0",
            labels={"app": f"web{index}"}, image="registry/web:1",
        )  # fmt: skip
        deltas.append(
            ProfileDelta(
                node=node,
                boot_id="boot",
                container=container,
                start=start,
                end=start + WINDOW_MS,
                arch="x86_64",
                ngrams=tuple(window.ngrams.tolist()),
                counts=tuple(window.counts.tolist()),
            )
        )
    status = AgentStatus(version="bench", window_s=WINDOW_MS / 1000)
    return encode_batch(
        Batch(node=node, boot_id="boot", sent_at=start + WINDOW_MS, agent=status, deltas=tuple(deltas))
    )


def _send(url: str, token: str, bodies: list[bytes]) -> None:
    key = signing_key(token)
    host, _, port = url.removeprefix("http://").partition(":")
    pool = urllib3.HTTPConnectionPool(host, int(port), maxsize=NODES)
    lanes: list[queue.SimpleQueue[bytes]] = [queue.SimpleQueue() for _ in range(NODES)]
    for number, body in enumerate(bodies):
        lanes[number % NODES].put(body)
    errors: list[str] = []

    def sender(lane: "queue.SimpleQueue[bytes]") -> None:
        while not lane.empty() and not errors:
            body = lane.get()
            headers = {
                "Authorization": f"Bearer {token}",
                "Content-Type": CONTENT_TYPE,
                "Content-Encoding": "gzip",
                SIGNATURE_HEADER: sign(body, key),
            }
            answer = pool.request("POST", "/v1/ingest/profiles", body=body, headers=headers, retries=False)
            if answer.status == 503:  # the service asks for patience: part of what is measured
                time.sleep(float(answer.headers.get("Retry-After", "1")))
                lane.put(body)
            elif answer.status != 200:
                errors.append(f"{answer.status}: {answer.data[:300]!r}")

    threads = [threading.Thread(target=sender, args=(lane,)) for lane in lanes]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    if errors:
        msg = f"The service did not take a batch: {errors[0]}"
        raise RuntimeError(msg)


def _scored(url: str) -> int:
    page = urllib3.request("GET", f"{url}/metrics", timeout=30.0).data.decode()
    lines = [line for line in page.splitlines() if line.startswith("nonself_worker_windows_total{")]
    return int(sum(float(line.rsplit(" ", 1)[1]) for line in lines))
