"""Kills within import, promotion, rollback and retirement: the state is before or after, never between."""

import itertools
import json
import random
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3

from api.baselines import bundle
from api.lifecycle.moves import is_legal
from api.tokens.service import Role
from api.vocabulary import BaselineState
from tests.service import serving
from tests.system.test_service_crash import answers, free_port, start

CRASHES = 25


class Operator:
    """Somebody who imports, promotes, rolls back and retires as fast as the service answers."""

    def __init__(self, url: str, token_file: Path, data: bytes) -> None:
        self._url, self._token_file, self._data = url, token_file, data
        self._http = urllib3.PoolManager(retries=False, timeout=5)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.done = 0
        self.odd: list[str] = []

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        for number in itertools.count():
            steps = self._live(f"w{number}")
            while not self._stopping.is_set():
                try:
                    next(steps)
                except StopIteration:
                    break
                except (OSError, urllib3.exceptions.HTTPError):
                    # Whether that step was taken nobody knows; the next workload begins anew.
                    time.sleep(0.02)
                    break
            if self._stopping.is_set():
                return

    def _live(self, name: str) -> Iterator[None]:
        """Lead one workload's baseline through its life."""
        first = self._import(name)
        yield
        self._post(f"/v1/baselines/{first}/transitions", {"to": "stale", "reason": "learn on"})
        yield
        workload = self._get(f"/v1/baselines/{first}")["workload"]["id"]
        second = self._get(f"/v1/baselines?workload={workload}")["items"][-1]["id"]
        self._post(f"/v1/baselines/{second}/transitions", {"to": "active", "reason": "better"})
        yield
        self._post(f"/v1/baselines/{first}/rollback", {"reason": "it was not"})
        yield
        self._post(f"/v1/baselines/{second}/transitions", {"to": "retired", "reason": "useless"})
        yield

    def _import(self, name: str) -> int:
        path = f"/v1/baselines/import?name={name}&promote=true&reason=test"
        return int(self._ask("POST", path, self._data, "application/zip")["id"])

    def _post(self, path: str, body: object) -> None:
        self._ask("POST", path, json.dumps(body).encode(), "application/json")

    def _get(self, path: str) -> dict:
        return self._ask("GET", path, None, "application/json")

    def _ask(self, method: str, path: str, body: bytes | None, type_: str) -> dict:
        token = self._token_file.read_text().strip()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": type_}
        answer = self._http.request(method, self._url + path, body=body, headers=headers)
        if answer.status != 200:
            self.odd.append(f"{method} {path}: {answer.status} {answer.data!r}")
        self.done += 1
        return dict(answer.json())


def check(database: Path, learned: bytes) -> int:
    """Hold what must be so of every workload whenever the service was killed; return the moves."""
    connection = sqlite3.connect(database)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    workloads = dict(connection.execute("SELECT id, mode FROM workloads").fetchall())
    live = connection.execute("SELECT workload_id, version_id, snapshot FROM baselines").fetchall()
    assert sorted(workloads) == sorted(workload for workload, _, _ in live)
    states = {}
    for version, workload, state, content in connection.execute(
        "SELECT id, workload_id, state, snapshot FROM baseline_versions"
    ):
        states[version] = state
        is_live = any(version == each for _, each, _ in live)
        assert content == (None if is_live or state == "retired" else learned), (version, state)
        assert is_live == (state in {"learning", "ready", "active"})
        if is_live:
            assert workloads[workload] == ("enforcement-alert" if state == "active" else "learning")
    assert {content for _, _, content in live} <= {learned}
    moves = check_moves(connection, states)
    connection.close()
    return moves


def check_moves(connection: sqlite3.Connection, states: dict[int, str]) -> int:
    """Hold that the audit record leads each version to the state that it is in; return its moves."""
    moves = connection.execute(
        "SELECT target, action, detail FROM audit WHERE action IN ('baseline.learning', 'baseline.ready', "
        "'baseline.active', 'baseline.stale', 'baseline.retired') ORDER BY id"
    ).fetchall()
    told = dict.fromkeys(states, "learning")
    for target, action, detail in moves:
        before, after = json.loads(detail)["from"], action.removeprefix("baseline.")
        assert told[int(target)] == before
        assert is_legal(BaselineState(before), BaselineState(after))
        told[int(target)] = after
    assert told == states
    return len(moves)


@pytest.mark.slow
def test_kill_9_leaves_every_workload_before_or_after_a_move(tmp_path: Path) -> None:
    """After each of 25 kills, versions, content, mode and audit record agree, and no snapshot is lost."""
    (tmp_path / "staging").mkdir()
    with serving(tmp_path / "staging") as staging:
        staging.learn(60)
        data = staging.get("/v1/baselines/1/bundle", Role.ADMIN).content
        key = staging.get("/v1/keys/own", Role.ADMIN).json()["public_key"]
    learned = bundle.open_(data).parts["baseline.bin"]
    moments = random.Random(20261125)
    state_dir, port = tmp_path / "state", free_port()
    database = state_dir / "nonself.db"
    operator = Operator(f"http://127.0.0.1:{port}", state_dir / "token", data)
    service = start(state_dir, port)
    while not answers(port):
        time.sleep(0.05)
    operator._post("/v1/keys", {"name": "staging", "public_key": key, "reason": "test"})
    operator.start()
    moves, struck = 0, 0
    try:
        for _ in range(CRASHES):
            done, began = operator.done, time.monotonic()
            while operator.done == done and time.monotonic() - began < 30:
                time.sleep(0.005)
            time.sleep(moments.uniform(0, 0.3))
            struck += operator.done > done
            service.kill()
            service.wait()
            moves = check(database, learned)
            service = start(state_dir, port)
    finally:
        operator.stop()
        service.send_signal(signal.SIGTERM)
        service.wait(30)

    assert operator.odd == []
    assert struck == CRASHES
    assert moves > CRASHES
