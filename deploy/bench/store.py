"""How long a page and an ingest take on a full database, at fifty requests a second."""

import contextlib
import random
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3

from api.db.migrate import open_engine, upgrade
from api.paging import encode_cursor
from bench.context import Context
from bench.ingest import make_bodies
from bench.loads import free_port
from bench.service import ready, running
from bench.store_rows import DAYS, NAMESPACES, NODES, RULES, TEAMS, TECHNIQUES, WORKLOADS, Size, fill
from tests import postgres
from wire.codec import CONTENT_TYPE, SIGNATURE_HEADER, sign, signing_key

RATE, SECONDS = 50, 60
INGEST_EVERY = 5
"""One request in so many brings a batch."""
DELTAS = 10
FLOOR_EVERY = 10
"""Beside every so many, one more that the service answers from memory: what is not of the database."""
FLOOR = "floor: GET /livez"
SERVER = ("shared_buffers=1GB", "effective_cache_size=4GB", "max_wal_size=8GB", "random_page_cost=1.1")
"""Settings of a server on SSDs with some memory; all else, `fsync` too, is the default."""
FILLING = ("wal_level=minimal", "max_wal_senders=0")
"""So that filling need not write everything twice; without a standby it is as durable."""
_DAY_S = 86_400
_Ask = tuple[str, Mapping[str, Any]]


def store(context: Context) -> dict[str, Any]:
    """Fill PostgreSQL and SQLite, start the real service on each, and ask it at a fixed rate."""
    scores, alerts = (100_000, 20_000) if context.quick else (context.scores, context.alerts)
    found: dict[str, Any] = {}
    for name, size, place in (
        ("PostgreSQL", Size(scores=scores, alerts=alerts), _in_postgresql),
        ("SQLite", Size(scores=min(scores, 1_000_000), alerts=min(alerts, 200_000)), _in_sqlite),
    ):
        folder = context.folder / f"store-{name}"
        folder.mkdir()
        now_ms = time.time_ns() // 1_000_000
        with place(folder) as url:
            upgrade(url)
            engine = open_engine(url)
            with context.timed(f"store: {size.scores:,} scores and {size.alerts:,} alerts in {name}"):
                fill(engine, size, now_ms, context.say)
            with context.timed(f"store: asking {name}"):
                figures = _measure(folder, url, size, 10 if context.quick else SECONDS)
            bytes_ = _size(engine, folder)
            engine.dispose()
        rows = {f"{name}: {each}": row for each, row in figures.items()}
        first = next(iter(rows))
        rows[first] |= {
            "alerts": size.alerts,
            "scores": size.scores,
            "database_gib": round(bytes_ / 2**30, 1),
        }
        found |= rows
    return found


@contextlib.contextmanager
def _in_postgresql(_folder: Path) -> Iterator[str]:
    if postgres.find_programs() is None:
        msg = "PostgreSQL is not installed: deploy/install.sh dev."
        raise RuntimeError(msg)
    with postgres.running(SERVER + FILLING) as cluster:
        yield cluster.create("bench")


@contextlib.contextmanager
def _in_sqlite(folder: Path) -> Iterator[str]:
    (folder / "state").mkdir()
    yield f"sqlite:///{folder / 'state' / 'nonself.db'}"


def _size(engine: Any, folder: Path) -> int:
    if engine.dialect.name == "sqlite":
        return sum(each.stat().st_size for each in (folder / "state").glob("nonself.db*"))
    with engine.connect() as connection:
        return connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one()


def _measure(folder: Path, url: str, size: Size, seconds: int) -> dict[str, Any]:
    state, port, log = folder / "state", free_port(), folder / "serve.log"
    command = ["nonself", "serve", "--state-dir", str(state), "--port", str(port), "--database-url", url]
    with running([*command, "--log-level", "warning"], log) as process:
        ready(f"http://127.0.0.1:{port}", process, log)
        load = _Load(port, state, size, seconds)
        load.warm_up()
        return load.run()


class _Load:
    """Asks at fixed times, whether or not earlier answers have come: a request that waits counts its wait."""

    def __init__(self, port: int, state: Path, size: Size, seconds: int) -> None:
        self._http = urllib3.HTTPConnectionPool("127.0.0.1", port, maxsize=32)
        self._reader = (state / "token").read_text().strip()
        self._agent = (state / "agent-token").read_text().strip()
        self._size, self._count = size, RATE * seconds
        self._bodies = iter(make_bodies(self._count // INGEST_EVERY + 20, DELTAS, f"fleet-{time.time():.0f}"))
        self._dice = random.Random(1)
        self._took: dict[str, list[float]] = {}
        self._lock = threading.Lock()

    def warm_up(self) -> None:
        """Ask each question once, as a service has been asked before."""
        for kind in self._questions():
            self._get(kind, time.perf_counter())
        self._post(next(self._bodies), time.perf_counter())
        self._took.clear()

    def run(self) -> dict[str, Any]:
        """Return the times of each kind of request, in milliseconds."""
        kinds = list(self._questions())
        with ThreadPoolExecutor(32) as workers:
            begin = time.perf_counter()
            done = []
            for number in range(self._count):
                due = begin + number / RATE
                time.sleep(max(0.0, due - time.perf_counter()))
                if number % FLOOR_EVERY == 0:
                    done.append(workers.submit(self._ask, FLOOR, due, "GET", "/livez"))
                if number % INGEST_EVERY == 0:
                    done.append(workers.submit(self._post, next(self._bodies), due))
                else:
                    done.append(workers.submit(self._get, self._dice.choice(kinds), due))
            for each in done:
                each.result()
        ingest, floor = self._took.pop("ingest", [0.0]), self._took.pop(FLOOR)
        pages = [took for kind, all_ in self._took.items() if "ingest" not in kind for took in all_]
        rows = {"all pages": pages, f"ingest of {DELTAS} deltas": ingest, FLOOR: floor}
        return {kind: _figures(took) for kind, took in (rows | dict(sorted(self._took.items()))).items()}

    def _questions(self) -> dict[str, Callable[[], _Ask]]:
        dice, alerts, scores = self._dice, self._size.alerts, self._size.scores

        def some_day() -> dict[str, str]:
            since = time.time() - dice.uniform(1, DAYS - 1) * _DAY_S
            return {"since": _text(since), "until": _text(since + _DAY_S)}

        def behind(count: int) -> dict[str, str]:
            return {"cursor": encode_cursor(dice.randrange(count))}

        def workload() -> dict[str, int]:
            return {"workload": dice.randint(1, WORKLOADS)}

        return {
            "alerts, open": lambda: ("/v1/alerts", {"status": "open"} | behind(alerts)),
            "alerts of a workload": lambda: ("/v1/alerts", workload()),
            "alerts of a workload, open": lambda: ("/v1/alerts", workload() | {"status": "open"}),
            "alerts of a rule": lambda: ("/v1/alerts", {"rule": f"Rule {dice.randrange(0, RULES, 5)}"}),
            "alerts, critical": lambda: ("/v1/alerts", {"level": "critical"} | behind(alerts)),
            "alerts of a day": lambda: ("/v1/alerts", some_day()),
            "alerts, newest": lambda: ("/v1/alerts", {"cursor": encode_cursor(alerts - 50)}),
            "alerts of a namespace": lambda: (
                "/v1/alerts",
                {"namespace": f"ns-{dice.randrange(NAMESPACES)}"} | behind(alerts),
            ),
            "alerts of a node": lambda: (
                "/v1/alerts",
                {"node": f"filled-{dice.randint(1, NODES)}"} | behind(alerts),
            ),
            "alerts of a technique": lambda: ("/v1/alerts", {"technique": dice.choice(TECHNIQUES)}),
            "alerts of a team": lambda: ("/v1/alerts", {"assignee": f"team-{dice.randrange(TEAMS)}"}),
            "alerts with a text": lambda: ("/v1/alerts", {"text": f"u{dice.randrange(50021)} with"}),
            "alerts, new and bad, newest first": lambda: (
                "/v1/alerts",
                {"triage": "new", "min_level": "high", "order": "newest"},
            ),
            "alerts counted, of a day": lambda: ("/v1/alerts/counts", {"by": "level"} | some_day()),
            "alerts in hours, of a day": lambda: ("/v1/alerts/series", some_day()),
            "changes of alerts": lambda: ("/v1/alerts/changes", behind(alerts)),
            "scores of a workload": lambda: ("/v1/scores", workload() | behind(scores)),
            "scores of a workload, anomalous": lambda: ("/v1/scores", workload() | {"verdict": "anomalous"}),
            "scores, anomalous": lambda: ("/v1/scores", {"verdict": "anomalous"} | behind(scores)),
            "scores held out": lambda: ("/v1/scores", {"quarantined": "true"} | workload()),
            "scores of a workload and day": lambda: ("/v1/scores", workload() | some_day()),
            "scores of a day": lambda: ("/v1/scores", some_day()),
        }

    def _get(self, kind: str, due: float) -> None:
        path, query = self._questions()[kind]()
        headers = {"Authorization": f"Bearer {self._reader}"}
        self._ask(kind, due, "GET", f"{path}?{urlencode(query)}", headers=headers)

    def _post(self, body: bytes, due: float) -> None:
        headers = {
            "Authorization": f"Bearer {self._agent}",
            "Content-Type": CONTENT_TYPE,
            "Content-Encoding": "gzip",
            SIGNATURE_HEADER: sign(body, signing_key(self._agent)),
        }
        self._ask("ingest", due, "POST", "/v1/ingest/profiles", headers=headers, body=body)

    def _ask(self, kind: str, due: float, method: str, path: str, **more: Any) -> None:
        answer = self._http.request(method, path, retries=False, timeout=60.0, **more)
        took = time.perf_counter() - due
        if answer.status == 503:
            kind = f"{kind}: answered 503"  # Asked to come again: a figure, and no reason to stop.
        elif answer.status != 200:
            msg = f"{method} {path}: {answer.status} {answer.data[:300]!r}"
            raise RuntimeError(msg)
        with self._lock:
            self._took.setdefault(kind, []).append(took * 1e3)


def _figures(took: list[float]) -> dict[str, Any]:
    took = sorted(took)
    return {
        "requests": len(took),
        "median_ms": round(statistics.median(took), 1),
        "p99_ms": round(took[min(len(took) - 1, int(len(took) * 0.99))], 1),
        "slowest_ms": round(took[-1], 1),
    }


def _text(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
