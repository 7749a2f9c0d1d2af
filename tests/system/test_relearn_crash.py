"""Kills while a workload is learned anew: version, content, scores and audit record are of one relearning."""

import json
import random
import signal
import sqlite3
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
import urllib3
from sqlalchemy import select

from api.clock import to_datetime, to_ms
from api.db.tables import BaselineRow, ScoreRow
from api.tokens.service import Role
from tests.contract.test_rest_relearning import OLD, since
from tests.service import LOOP, Service, a_delta, serving
from tests.system.test_lifecycle_crash import check_moves
from tests.system.test_service_crash import answers, free_port, start

CRASHES = 20
OLD_WINDOWS, WINDOWS = 60, 160
DATES = (0, OLD_WINDOWS)
"""Windows from which on it is learned anew, in turns: the content differs by what an old release did."""
KEPT = ("--learned-kept-hours=1000000", "--retention-days=100000")


class Learned(NamedTuple):
    """What a relearning leaves."""

    content: bytes
    scores: dict[int, float | None]
    """Bits remembered for each window since its date, by the id of its score."""


def teach(service: Service) -> None:
    """Teach windows of an old release, and of one that does without what that did."""
    service.send(*(a_delta(index, LOOP | OLD) for index in range(OLD_WINDOWS)))
    service.worker.drain()
    service.learn(WINDOWS - OLD_WINDOWS, first=OLD_WINDOWS)


def expect(service: Service) -> dict[int, Learned]:
    """Return what a service that nobody kills has after a relearning, by its date."""
    found = {}
    for version, index in enumerate(DATES, 1):
        service.core.clock.at_ms += 1000  # type: ignore[attr-defined]
        wish = {"since": since(index), "reason": "test"}
        answer = service.request("POST", f"/v1/baselines/{version}/relearn", Role.ADMIN, json=wish)
        assert answer.status_code == 200, answer.text
        date = to_ms(to_datetime(a_delta(index).start))
        with service.core.store.read() as session:
            scores = select(ScoreRow.id, ScoreRow.learned_score).where(ScoreRow.start >= date)
            rows = [tuple(each) for each in session.execute(scores)]
            found[date] = Learned(session.scalars(select(BaselineRow.snapshot)).one(), dict(rows))
    return found


class Relearner:
    """Somebody who has the workload learned anew as fast as the service answers, from two dates in turns."""

    def __init__(self, url: str, secret: str) -> None:
        self._url, self._headers = url, {"Authorization": f"Bearer {secret}"}
        self._http = urllib3.PoolManager(retries=False, timeout=20)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.asked = 0
        self.odd: list[str] = []

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                live = self._ask("GET", "/v1/baselines?workload=1&limit=1000")["items"][-1]["id"]
                self.asked += 1
                wish = {"since": since(DATES[self.asked % 2]), "reason": "test"}
                self._ask("POST", f"/v1/baselines/{live}/relearn", wish)
            except (OSError, urllib3.exceptions.HTTPError):
                time.sleep(0.02)

    def _ask(self, method: str, path: str, body: object = None) -> dict:
        answer = self._http.request(method, self._url + path, json=body, headers=self._headers)
        if answer.status != 200:
            self.odd.append(f"{method} {path}: {answer.status} {answer.data!r}")
        return dict(answer.json())


def check(database: Path, expected: Mapping[int, Learned]) -> int:
    """Hold what must be so whenever the service was killed; return how often it was learned anew."""
    connection = sqlite3.connect(database)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    ((live, content),) = connection.execute("SELECT version_id, snapshot FROM baselines").fetchall()
    versions = {
        number: (id_, state, at_rest)
        for number, id_, state, at_rest in connection.execute(
            "SELECT number, id, state, snapshot FROM baseline_versions"
        )
    }
    told = [
        json.loads(detail)
        for (detail,) in connection.execute(
            "SELECT detail FROM audit WHERE action = 'workload.relearn' ORDER BY id"
        )
    ]
    assert [each["version"] for each in told] == list(range(2, len(versions) + 1))
    assert versions[len(versions)][0] == live
    for each in told:
        id_, state, at_rest = versions[each["version"]]
        assert (state == "ready", at_rest is None) == (id_ == live, id_ == live)
        assert (at_rest or content) == expected[each["since"]].content
    check_moves(connection, {id_: state for id_, state, _ in versions.values()})
    if told:
        date = told[-1]["since"]
        rows = connection.execute(
            "SELECT id, learned_score, learning_changed_at FROM scores WHERE start >= ?", (date,)
        ).fetchall()
        assert {id_: bits for id_, bits, _ in rows} == expected[date].scores
        assert len({changed for _, _, changed in rows}) == 1
    connection.close()
    return len(told)


@pytest.mark.slow
def test_kill_9_leaves_a_relearning_before_or_after(tmp_path: Path) -> None:
    """After each of 20 kills the live version holds, to the byte, what one whole relearning leaves."""
    for name in ("alone", "state"):
        (tmp_path / name).mkdir()
    with serving(tmp_path / "alone") as alone:
        teach(alone)
        expected = expect(alone)
    with serving(tmp_path / "state") as killed:
        teach(killed)
        secret = killed.secrets[Role.ADMIN]
    database, port = tmp_path / "state" / "nonself.db", free_port()
    moments = random.Random(20261201)
    relearner = Relearner(f"http://127.0.0.1:{port}", secret)
    service = start(tmp_path / "state", port, *KEPT)
    while not answers(port):
        time.sleep(0.05)
    relearner.start()
    before, advanced, struck = 0, 0, 0
    try:
        for _ in range(CRASHES):
            asked, began = relearner.asked, time.monotonic()
            while relearner.asked == asked and time.monotonic() - began < 60:
                time.sleep(0.005)
            time.sleep(moments.uniform(0, 1.0))
            struck += relearner.asked > asked
            service.kill()
            service.wait()
            done = check(database, expected)
            advanced += done > before
            before = done
            service = start(tmp_path / "state", port, *KEPT)
    finally:
        relearner.stop()
        service.send_signal(signal.SIGTERM)
        service.wait(30)

    assert relearner.odd == []
    assert struck == CRASHES
    assert advanced > 0
