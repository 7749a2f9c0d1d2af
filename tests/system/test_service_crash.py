"""The service is killed again and again under load; nothing acknowledged is lost and nothing counts twice."""

import random
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import urllib3

from model import snapshot
from tests.service import LOOP, a_container, a_delta
from wire.codec import CONTENT_TYPE, SIGNATURE_HEADER, encode_batch, sign, signing_key
from wire.profile import AgentStatus, Batch, ProfileDelta

CRASHES = 50
WORKLOADS = 4
PER_BATCH = 8


class Sender:
    """An agent that sends windows of several workloads and keeps each batch until it is acknowledged."""

    def __init__(self, url: str, token_file: Path) -> None:
        self._url = f"{url}/v1/ingest/profiles"
        self._token_file = token_file
        self._http = urllib3.PoolManager(retries=False, timeout=5)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.acknowledged: list[ProfileDelta] = []
        self.refused: list[str] = []

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        number = 0
        while not self._stopping.is_set():
            deltas = tuple(self._delta(number + each) for each in range(PER_BATCH))
            agent = AgentStatus(version="test", window_s=10)
            body = encode_batch(
                Batch(node="n", boot_id="b", sent_at=deltas[-1].end, agent=agent, deltas=deltas)
            )
            while not self._acknowledges(body):
                if self._stopping.wait(0.02):
                    return  # Never acknowledged, so the agent's spool would still hold it.
            self.acknowledged += deltas
            number += PER_BATCH

    def _delta(self, number: int) -> ProfileDelta:
        index, workload = divmod(number, WORKLOADS)
        container = a_container(id=f"c{workload}", pod=f"app{workload}-0")
        ngrams = {ngram: count + index % 7 for ngram, count in LOOP.items()}
        return a_delta(index, ngrams, node="n", boot_id="b", container=container)

    def _acknowledges(self, body: bytes) -> bool:
        try:
            token = self._token_file.read_text().strip()
            headers = {
                "Authorization": f"Bearer {token}",
                "Content-Type": CONTENT_TYPE,
                "Content-Encoding": "gzip",
                SIGNATURE_HEADER: sign(body, signing_key(token)),
            }
            answer = self._http.request("POST", self._url, body=body, headers=headers)
        except (OSError, urllib3.exceptions.HTTPError):
            return False
        if answer.status not in {200, 409, 503}:
            self.refused.append(f"{answer.status} {answer.data!r}")
        return answer.status == 200 or (answer.status == 409 and b"/problems/replayed" in answer.data)


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def start(state_dir: Path, port: int, *options: str) -> subprocess.Popen[bytes]:
    """Start the real service."""
    command = [sys.executable, "-m", "api.cli", "serve", f"--state-dir={state_dir}", f"--port={port}"]
    with (state_dir.parent / "log").open("ab") as log:
        return subprocess.Popen(
            [*command, "--batch-deltas=16", "--log-level=warning", *options], stdout=log, stderr=log
        )


def answers(port: int) -> bool:
    """Tell whether the service is ready."""
    try:
        answer = urllib3.request("GET", f"http://127.0.0.1:{port}/readyz", retries=False, timeout=5)
    except urllib3.exceptions.HTTPError:
        return False
    return answer.status == 200


def pending(database: Path) -> int:
    """Return how many deltas wait, or -1 where there is no schema yet."""
    connection = sqlite3.connect(database)
    try:
        return int(connection.execute("SELECT count(*) FROM inbox WHERE processed_at IS NULL").fetchone()[0])
    except sqlite3.OperationalError:
        return -1
    finally:
        connection.close()


@pytest.mark.slow
def test_kill_9_neither_loses_nor_doubles(tmp_path: Path) -> None:
    """After 50 kills at random moments every acknowledged delta is scored and learned once."""
    moments = random.Random(20261123)
    state_dir, port = tmp_path / "state", free_port()
    database = state_dir / "nonself.db"
    sender = Sender(f"http://127.0.0.1:{port}", state_dir / "agent-token")
    sender.start()
    kills_while_serving = 0
    try:
        for _ in range(CRASHES):
            service = start(state_dir, port)
            acknowledged, began = len(sender.acknowledged), time.monotonic()
            # Some kills strike while it starts; most wait until it serves, and strike within its work.
            patience = moments.choice([moments.uniform(0, 2), 30, 30, 30])
            while time.monotonic() - began < patience and len(sender.acknowledged) == acknowledged:
                time.sleep(0.01)
            time.sleep(moments.uniform(0, 0.4))
            kills_while_serving += len(sender.acknowledged) > acknowledged
            service.kill()
            service.wait()
    finally:
        sender.stop()

    service = start(state_dir, port)
    deadline = time.monotonic() + 60
    while not (answers(port) and pending(database) == 0) and time.monotonic() < deadline:
        time.sleep(0.1)
    service.send_signal(signal.SIGTERM)
    assert service.wait(30) == 0

    connection = sqlite3.connect(database)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    assert kills_while_serving >= CRASHES // 3
    assert_all_is_there(lambda sql: connection.execute(sql).fetchall(), sender)
    connection.close()


def assert_all_is_there(ask: Callable[[str], list[tuple[Any, ...]]], sender: Sender) -> None:
    """Check that each acknowledged delta was scored once, and learned as often as the baselines say."""
    assert sender.refused == []
    scored = Counter(
        ask(
            "SELECT containers.container_id, scores.start, scores.calls FROM scores "
            "JOIN containers ON containers.id = scores.container_id"
        )
    )
    sent = {(delta.container.id, delta.start, delta.calls) for delta in sender.acknowledged}
    assert set(scored.values()) == {1}
    # The last batch may have been stored without its acknowledgement having come through.
    assert sent <= set(scored)
    assert len(scored) - len(sent) <= PER_BATCH
    assert ask("SELECT count(*) FROM inbox WHERE error IS NOT NULL") == [(0,)]
    learned = dict(ask("SELECT workload_id, sum(calls) FROM scores WHERE learned GROUP BY workload_id"))
    baselines = ask("SELECT workload_id, snapshot FROM baselines")
    assert {key: snapshot.from_bytes(data).calls_learned for key, data in baselines} == learned
