"""Readers follow live streams while the service is killed again and again: each alert once, none missed."""

import json
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest
import urllib3

from api.alerts.client import Alerts
from api.alerts.schemas import AlertQuery
from api.alerts.triage_schemas import ChangeOut, ChangeQuery
from api.connection import Connection, read_token
from api.events.follow import Follower
from api.vocabulary import AlertChange
from tests.databases import Database
from tests.system.test_poller import WRITERS, Actor, Writer
from tests.system.test_service_crash import answers, free_port, start
from tests.waiting import wait_for

KILLS: Final = 4


class Live(Actor):
    """A program that follows a stream with the product's own follower."""

    def __init__(self, url: str, token_file: Path, query: dict[str, str]) -> None:
        super().__init__(url, token_file)
        self._file, self._query = token_file, query
        self.seen: list[tuple[str, int, int]] = []

    def run(self) -> None:
        connection = Connection(self.url, read_token(self._file))
        follower = Follower(connection, self._query, after="a0", say=lambda _: None, pause=self._pause)
        with suppress(StoppedError):
            for event in follower.events():
                data = event.json()
                self.seen.append((event.event, data["change"]["id"], data["alert"]["id"]))

    def _pause(self, seconds: float) -> None:
        if self.stopping.wait(seconds):
            raise StoppedError


class StoppedError(Exception):
    """Ends a reader that would try for ever."""


class Tail:
    """`nonself alerts tail --json` as its users start it."""

    def __init__(self, url: str, token_file: Path) -> None:
        # Whoever runs the tests in the background has Ctrl-C ignored, and so has what they start.
        command = ["env", "--default-signal=INT", sys.executable, "-m", "api.cli", "alerts", "tail"]
        command += ["--json", "--after=a0"]
        command += [f"--url={url}", f"--token-file={token_file}"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self._thread = threading.Thread(target=self._read)
        self._thread.start()
        self.seen: list[tuple[str, int, int]] = []

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for each in map(json.loads, lines):
                self.seen.append((each["event"], each["data"]["change"]["id"], each["data"]["alert"]["id"]))

    def interrupt(self) -> int:
        """End it as Ctrl-C does; return its exit code."""
        self._process.send_signal(signal.SIGINT)
        ended = self._process.wait(30)
        self._thread.join()
        return ended


def open_streams(url: str) -> float:
    """Return how many streams are open."""
    text = urllib3.request("GET", f"{url}/metrics", retries=False).data.decode()
    return next(float(each.split()[1]) for each in text.splitlines() if each.startswith("nonself_streams "))


@pytest.mark.slow
@pytest.mark.databases
def test_readers_of_streams_miss_and_repeat_nothing_while_the_service_is_killed(
    tmp_path: Path, database: Database
) -> None:
    """Beside eight writers: a program, one that filters, and `nonself alerts tail` at a terminal."""
    moments = random.Random(20261201)
    state_dir, port = tmp_path / "state", free_port()
    url, token = f"http://127.0.0.1:{port}", state_dir / "token"
    with database.fresh(tmp_path) as address:
        service = start(state_dir, port, f"--database-url={address}")
        wait_for(lambda: answers(port), 60)
        writers = [Writer(url, state_dir / "agent-token", each) for each in range(WRITERS)]
        readers = [Live(url, token, {}), Live(url, token, {"change": "opened"})]
        tail = Tail(url, token)
        for actor in (*writers, *readers):
            actor.thread.start()
        try:
            wait_for(lambda: open_streams(url) == len(readers) + 1, 60)
            for _ in range(KILLS):
                before = sum(len(each.acknowledged) for each in writers)
                wait_for(lambda seen=before: sum(len(each.acknowledged) for each in writers) > seen, 60)
                time.sleep(moments.uniform(0, 2))
                service.kill()
                service.wait()
                service = start(state_dir, port, f"--database-url={address}")
            wait_for(lambda: answers(port), 60)
            for each in writers:
                each.stopping.set()
                each.thread.join()
            written = {rule for each in writers for rule in each.acknowledged}
            listed = Alerts(Connection(url, read_token(token)))
            opened = all_opened(listed, written)
            stored = [as_seen(each) for each in listed.changes(ChangeQuery(limit=1000))]
            wait_for(lambda: min(len(readers[0].seen), len(tail.seen)) >= len(stored), 60)
            wait_for(lambda: len(readers[1].seen) >= len(opened), 60)
        finally:
            for actor in (*writers, *readers):
                actor.stopping.set()
            service.send_signal(signal.SIGTERM)
            ended, tail_ended = service.wait(30), tail.interrupt()
            for each in readers:
                each.thread.join()
    print(f"\n{len(opened)} alerts, {len(stored)} changes, {KILLS} kills")  # noqa: T201 - with -s
    assert (ended, tail_ended) == (0, 0)
    assert readers[0].seen == stored, "A change was missed, repeated, or came out of order."
    assert readers[1].seen == opened
    assert tail.seen == stored


def as_seen(change: ChangeOut) -> tuple[str, int, int]:
    """Return a change of the list as readers note it."""
    return f"alert.{change.change}", change.id, change.alert


def all_opened(alerts: Alerts, written: set[str]) -> list[tuple[str, int, int]]:
    """Wait until all that was acknowledged has raised its alert; return how these were opened."""

    def rules() -> set[str | None]:
        return {each.rule for each in alerts.list(AlertQuery(limit=1000))}

    wait_for(lambda: written <= rules(), 60, every_s=0.5)
    return [as_seen(each) for each in alerts.changes(ChangeQuery(limit=1000, change=AlertChange.OPENED))]
