"""Agent and service under `kill -9` together: what the one has taken, the other ends up with, once."""

import json
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.system.test_service_crash import answers, free_port, pending, start as start_service
from tests.waiting import wait_for
from wire.codec import decode_batch

ROOT = Path(__file__).parents[2]
CRASHES = 50


def start_agent(folder: Path, port: int) -> subprocess.Popen[bytes]:
    """Start an agent on the spool that the one before left."""
    arguments = [
        f"http://127.0.0.1:{port}",
        folder / "state" / "agent-token",
        folder / "spool",
        folder / "ledger",
    ]
    command = [sys.executable, "-m", "tests.system.agent_process", *arguments]
    with (folder / "agent.log").open("ab") as log:
        return subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)


def taken(folder: Path) -> dict[tuple[str, int], int]:
    """Return the calls of every delta that an agent had put on disk, by container and start."""
    lines = [json.loads(line) for line in (folder / "ledger").read_text().splitlines()]
    return {(id_, start): calls for word, id_, start, _, calls in lines if word == "taken"}


def still_spooled(folder: Path) -> dict[tuple[str, int], int]:
    """Return the calls of every delta that the service has not acknowledged."""
    batches = [decode_batch(path.read_bytes()) for path in (folder / "spool").glob("*.batch")]
    return {(delta.container.id, delta.start): delta.calls for each in batches for delta in each.deltas}


def wait(until: Callable[[], bool], patience_s: float = 60) -> None:
    """Wait until a condition holds."""
    wait_for(until, patience_s, 0.02)


class Pair:
    """An agent and a service, restarted at will and gone at the end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.service = start_service(folder / "state", self.port)
        wait(lambda: answers(self.port))
        self.agent = start_agent(folder, self.port)

    def restart(self, victim: str) -> None:
        """Kill the agent, the service or both, and start them anew."""
        if victim in {"service", "both"}:
            self.service.kill()
        if victim in {"agent", "both"}:
            self.agent.kill()
            self.agent.wait()
            self.agent = start_agent(self.folder, self.port)
        if victim in {"service", "both"}:
            self.service.wait()
            self.service = start_service(self.folder / "state", self.port)

    def kill(self) -> None:
        """End both, whatever they do."""
        for process in (self.agent, self.service):
            process.kill()
            process.wait()


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    """An agent on its spool and the service that it sends to."""
    both = Pair(tmp_path)
    yield both
    both.kill()


@pytest.mark.slow
def test_kill_9_of_either_side_neither_loses_nor_doubles(pair: Pair, tmp_path: Path) -> None:
    """After 50 kills of the agent, the service or both, every delta that reached the disk is scored once."""
    chance = random.Random(7)
    ledger, database = tmp_path / "ledger", tmp_path / "state" / "nonself.db"
    killed = Counter[str]()
    for _ in range(CRASHES):
        seen = ledger.stat().st_size if ledger.exists() else 0
        wait(lambda seen=seen: ledger.exists() and ledger.stat().st_size > seen)
        time.sleep(chance.uniform(0, 0.5))
        victim = chance.choice(["agent", "service", "both"])
        killed[victim] += 1
        pair.restart(victim)
        # Half of the time the next blow may fall while the service starts.
        if chance.random() < 0.5:
            wait(lambda: answers(pair.port))
    wait(lambda: answers(pair.port))
    time.sleep(3)
    pair.agent.terminate()
    assert pair.agent.wait(30) == 0, (tmp_path / "agent.log").read_text()[-2000:]
    wait(lambda: pending(database) == 0)
    pair.service.send_signal(signal.SIGTERM)
    assert pair.service.wait(30) == 0

    connection = sqlite3.connect(database)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    scored = connection.execute(
        "SELECT containers.container_id, scores.start, scores.calls FROM scores "
        "JOIN containers ON containers.id = scores.container_id"
    ).fetchall()
    assert connection.execute("SELECT count(*) FROM inbox WHERE error IS NOT NULL").fetchone() == (0,)
    connection.close()
    assert len(killed) == 3
    assert set(Counter((id_, start) for id_, start, _ in scored).values()) == {1}
    calls = {(id_, start): number for id_, start, number in scored}
    waiting = still_spooled(tmp_path)
    on_disk = taken(tmp_path)
    # Every kill waited for a window to reach the disk; how many more there are is the machine's speed.
    assert len(on_disk.keys() & calls) > CRASHES
    # A delta may be both: the service has it, and was killed before it could say so.
    assert {identity: calls.get(identity, waiting.get(identity)) for identity in on_disk} == on_disk
