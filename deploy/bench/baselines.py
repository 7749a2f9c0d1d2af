"""How long REST takes over 100,000 versions: list, show, history, diff, report, promote, roll back."""

import random
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import urllib3

from api.paging import encode_cursor
from bench.context import Context
from bench.detector import windows
from bench.loads import free_port
from bench.service import ready, running
from model import snapshot
from model.baseline import Baseline

WORKLOADS, VERSIONS, WINDOWS, ASKED = 5000, 20, 400, 40
_AT = 1_764_000_000_000
_BIN = Path(sys.executable).parent


def baselines(context: Context) -> dict[str, Any]:
    """Fill a database, start the real service on it, and ask it, one request after the other."""
    workloads = 50 if context.quick else WORKLOADS
    folder = context.folder / "baselines"
    state, port = folder / "state", free_port()
    state.mkdir(parents=True)
    subprocess.run([_BIN / "nonself", "migrate", "--state-dir", state], check=True, capture_output=True)
    contents = [_learned(seed) for seed in (1, 2)]
    with context.timed(
        f"baselines: {workloads} workloads of {VERSIONS} versions of {len(contents[0])} bytes"
    ):
        _fill(state / "nonself.db", workloads, contents)
    url, log = f"http://127.0.0.1:{port}", folder / "serve.log"
    with running(["nonself", "serve", "--state-dir", str(state), "--port", str(port)], log) as process:
        ready(url, process, log)
        client = _Client(url, (state / "token").read_text().strip())
        with context.timed("baselines: asking"):
            figures = _ask(client, workloads)
    stored = sum(each.stat().st_size for each in state.glob("nonself.db*"))
    return {
        "workloads": workloads,
        "versions_each": VERSIONS,
        "snapshot_bytes": len(contents[0]),
        "database_bytes": stored,
    } | figures


class _Client:
    def __init__(self, url: str, token: str) -> None:
        self._url, self._http = url, urllib3.PoolManager()
        self._headers = {"Authorization": f"Bearer {token}"}

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> float:
        """Return the milliseconds of one request."""
        begin = time.perf_counter()
        answer = self._http.request(method, self._url + path, headers=self._headers, json=body)
        took = time.perf_counter() - begin
        if answer.status != 200:
            msg = f"{method} {path}: {answer.status} {answer.data[:300]!r}"
            raise RuntimeError(msg)
        return took * 1e3


def _ask(client: _Client, workloads: int) -> dict[str, Any]:
    dice = random.Random(1)
    chosen = dice.sample(range(workloads), min(ASKED, workloads))
    newest = [(each + 1) * VERSIONS for each in chosen]
    to = {"to": "active", "reason": "bench"}
    asks: dict[str, Callable[[int], float]] = {
        "list_page_of_100": lambda at: client.ask(
            "GET", f"/v1/baselines?cursor={encode_cursor(at - VERSIONS)}"
        ),
        "list_page_of_1000": lambda at: client.ask(
            "GET", f"/v1/baselines?limit=1000&cursor={encode_cursor(max(0, at - 1000))}"
        ),
        "list_of_one_workload": lambda at: client.ask("GET", f"/v1/baselines?workload={at // VERSIONS}"),
        "list_ready": lambda at: client.ask(
            "GET", f"/v1/baselines?state=ready&cursor={encode_cursor(at // 2)}"
        ),
        "show": lambda at: client.ask("GET", f"/v1/baselines/{at}"),
        "history": lambda at: client.ask("GET", f"/v1/baselines/{at}/history"),
        "diff": lambda at: client.ask("GET", f"/v1/baselines/{at}/diff?with={at - 1}"),
        "report": lambda at: client.ask("GET", f"/v1/baselines/{at}/report"),
        "promote": lambda at: client.ask("POST", f"/v1/baselines/{at}/transitions", to),
        "rollback": lambda at: client.ask("POST", f"/v1/baselines/{at - 1}/rollback", {"reason": "bench"}),
    }
    figures = {}
    for name, ask in asks.items():
        took = sorted(ask(each) for each in newest)
        figures[f"{name}_ms"] = round(statistics.median(took), 1)
        figures[f"{name}_slowest_ms"] = round(took[-1], 1)
    return figures


def _learned(seed: int) -> bytes:
    baseline = Baseline()
    for each in windows(WINDOWS, seed=seed):
        baseline.learn_window(each, baseline.score_window(each))
    return snapshot.to_bytes(baseline)


def _fill(database: Path, workloads: int, contents: list[bytes]) -> None:
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA synchronous=OFF")
    for workload in range(1, workloads + 1):
        connection.execute(
            "INSERT INTO workloads (id, kind, cluster, namespace, name, container, identity_source, mode, "
            "mode_changed_at, created_at, windows) "
            "VALUES (?, 'pod', '', 'bench', ?, 'app', 'label', 'learning', ?, ?, ?)",
            (workload, f"w{workload}", _AT, _AT, WINDOWS),
        )
        first = (workload - 1) * VERSIONS + 1
        for version in range(first, first + VERSIONS):
            live = version == first + VERSIONS - 1
            content, at = contents[version % 2], _AT + version
            connection.execute(
                "INSERT INTO baseline_versions (id, workload_id, number, state, origin, parent_id, "
                "created_at, changed_at, windows_learned, completeness, snapshot) "
                "VALUES (?, ?, ?, ?, 'learned', ?, ?, ?, ?, 'converging', ?)",
                (
                    version, workload, version - first + 1, "ready" if live else "stale",
                    None if version == first else version - 1, at, at, WINDOWS, None if live else content,
                ),
            )  # fmt: skip
            for before, after in (("learning", "ready"), ("ready", "active"), ("active", "stale"))[
                : 1 if live else 3
            ]:
                connection.execute(
                    "INSERT INTO audit (created_at, actor, action, target, detail) "
                    "VALUES (?, 'bench', ?, ?, ?)",
                    (at, f"baseline.{after}", str(version), f'{{"from": "{before}", "reason": "bench"}}'),
                )
        connection.execute(
            "INSERT INTO baselines (workload_id, snapshot, windows_learned, ready, updated_at, completeness, "
            "version_id) VALUES (?, ?, ?, 1, ?, 'converging', ?)",
            (workload, contents[(first + VERSIONS - 1) % 2], WINDOWS, _AT, first + VERSIONS - 1),
        )
    connection.commit()
    connection.close()
