"""Pollers beside writers, while the service is killed again and again: each alert once, and none missed."""

import random
import signal
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any, Final

import pytest
import urllib3

from tests.service import a_container, a_match, a_match_batch
from tests.system.test_service_crash import answers, free_port, start
from tests.waiting import wait_for
from wire.codec import SIGNATURE_HEADER, sign, signing_key
from wire.match import MATCH_CONTENT_TYPE, SignatureMatch, encode_match_batch

WRITERS: Final = 8
POLLERS: Final = 4
PER_BATCH: Final = 2
PAUSE_S: Final = 0.1


class Actor:
    """A thread that asks the service for something until it is told to stop."""

    def __init__(self, url: str, token_file: Path) -> None:
        self.url, self._token_file = url, token_file
        self.http = urllib3.PoolManager(retries=False, timeout=5)
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run)

    @property
    def token(self) -> str:
        """The token, once the service has made it."""
        return self._token_file.read_text().strip() if self._token_file.exists() else ""

    def run(self) -> None:
        """Do the work."""
        raise NotImplementedError


class Writer(Actor):
    """A node's engine: each of its matches is of a rule of its own, and so opens an alert of its own."""

    def __init__(self, url: str, token_file: Path, number: int) -> None:
        super().__init__(url, token_file)
        self._node = f"node-{number}"
        self.acknowledged: list[str] = []

    def run(self) -> None:
        sequence = 0
        while not self.stopping.wait(PAUSE_S):
            matches = [self._match(sequence + each) for each in range(1, PER_BATCH + 1)]
            sequence += PER_BATCH
            body = encode_match_batch(a_match_batch(*matches, node=self._node, boot_id="b"))
            while not self._acknowledges(body):
                if self.stopping.wait(0.05):
                    return  # Never acknowledged, so the node's spool would still hold it.
            self.acknowledged += [each.rule for each in matches]

    def _match(self, sequence: int) -> SignatureMatch:
        container = a_container(id=self._node, pod=f"{self._node}-0")
        rule = f"{self._node} {sequence}"
        return a_match(sequence, node=self._node, boot_id="b", rule=rule, container=container)

    def _acknowledges(self, body: bytes) -> bool:
        token = self.token
        headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": MATCH_CONTENT_TYPE,
            "Content-Encoding": "gzip",
            SIGNATURE_HEADER: sign(body, signing_key(token)),
        }
        try:
            answer = self.http.request("POST", f"{self.url}/v1/ingest/matches", body=body, headers=headers)
        except (OSError, urllib3.exceptions.HTTPError):
            return False
        return answer.status == 200 or (answer.status == 409 and b"/problems/replayed" in answer.data)


class Poller(Actor):
    """A SOC's connector: it keeps the cursor of the last page that it has read whole."""

    def __init__(self, url: str, token_file: Path, path: str, query: dict[str, str]) -> None:
        super().__init__(url, token_file)
        self._path, self._query = path, query
        self._cursor: dict[str, str] = {}
        self.seen: list[dict[str, Any]] = []

    def run(self) -> None:
        while not self.stopping.is_set():
            if not self.poll():
                time.sleep(0.05)

    def poll(self) -> int:
        """Read one page; return how many entries it had."""
        try:
            answer = self.http.request(
                "GET",
                self.url + self._path,
                fields=self._query | self._cursor,
                headers={"Authorization": f"Bearer {self.token}"},
            )
        except (OSError, urllib3.exceptions.HTTPError):
            return 0
        if answer.status != 200:
            return 0
        page = answer.json()
        self._cursor = {"cursor": page["next_cursor"]}
        self.seen += page["items"]
        return len(page["items"])


@pytest.mark.slow
def test_pollers_see_each_alert_once_beside_writers_and_kills(
    tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    """Eight writers, four pollers, half of them of alerts and half of what happens to alerts."""
    lasts_s = float(pytestconfig.getoption("--poller-s"))
    moments = random.Random(20261201)
    state_dir, port = tmp_path / "state", free_port()
    url = f"http://127.0.0.1:{port}"
    writers = [Writer(url, state_dir / "agent-token", each) for each in range(WRITERS)]
    feeds = (("/v1/alerts", {"limit": "100"}), ("/v1/alerts/changes", {"limit": "100", "change": "opened"}))
    pollers = [Poller(url, state_dir / "token", *feeds[each % 2]) for each in range(POLLERS)]
    for actor in (*writers, *pollers):
        actor.thread.start()
    kills, service = 0, start(state_dir, port)
    end = time.monotonic() + lasts_s
    try:
        while time.monotonic() < end:
            before = sum(len(each.acknowledged) for each in writers)
            wait_for(lambda seen=before: sum(len(each.acknowledged) for each in writers) > seen, 60)
            time.sleep(moments.uniform(0, 3))
            service.kill()
            service.wait()
            kills += 1
            service = start(state_dir, port)
        wait_for(lambda: answers(port), 60)
    finally:
        for each in writers:
            each.stopping.set()
            each.thread.join()
        wait_for(lambda: unhandled(state_dir / "nonself.db") == 0, 60)
        for each in pollers:
            each.stopping.set()
            each.thread.join()
    for each in pollers:
        while each.poll():
            pass
    service.send_signal(signal.SIGTERM)
    assert service.wait(30) == 0

    stored = alerts(state_dir / "nonself.db")
    written = {rule for each in writers for rule in each.acknowledged}
    print(f"\n{len(stored)} alerts, {kills} kills, {len(written)} acknowledged matches")  # noqa: T201 - with -s
    assert kills >= 2
    assert written <= set(stored.values())
    for each in pollers:
        ids = [entry.get("alert", entry["id"]) for entry in each.seen]
        assert ids == sorted(stored), "An alert was missed, repeated, or came out of order."


def unhandled(database: Path) -> int:
    """Return how many matches wait for the worker."""
    with sqlite3.connect(database, timeout=30) as connection:
        (found,) = connection.execute("SELECT count(*) FROM matches WHERE outcome IS NULL").fetchone()
    return int(found)


def alerts(database: Path) -> dict[int, str]:
    """Return the rule of each alert by its id."""
    with sqlite3.connect(database) as connection:
        return dict(connection.execute("SELECT id, rule FROM alerts").fetchall())
