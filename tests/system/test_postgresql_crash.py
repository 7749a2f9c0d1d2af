"""Service and PostgreSQL are killed under load; nothing acknowledged is lost, and nothing counts twice."""

import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import postgres
from tests.postgres import Cluster
from tests.system.test_service_crash import Sender, answers, assert_all_is_there, free_port, start
from tests.waiting import until, wait_for

KILLS = 20
RESTARTS = 8
DATABASE = "crash"


@pytest.fixture
def durable() -> Iterator[Cluster]:
    """A server as it is set up by default, with a database."""
    if postgres.find_programs() is None:
        pytest.skip(f"needs Debian's postgresql of at least {postgres.OLDEST} (deploy/install.sh dev)")
    with postgres.running(options=()) as cluster:
        cluster.create(DATABASE)
        yield cluster


class Pair:
    """A service on PostgreSQL, and an agent that sends until it is acknowledged."""

    def __init__(self, folder: Path, cluster: Cluster) -> None:
        self.folder, self.cluster = folder, cluster
        self.state_dir, self.port = folder / "state", free_port()
        url = folder / "url"
        url.write_text(cluster.url(DATABASE))
        self.option = f"--database-url-file={url}"
        self.sender = Sender(f"http://127.0.0.1:{self.port}", self.state_dir / "agent-token")
        self.service: subprocess.Popen[bytes] | None = None

    def start(self) -> subprocess.Popen[bytes]:
        """Start the service."""
        self.service = start(self.state_dir, self.port, self.option)
        return self.service

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a question."""
        with self.cluster.connect(DATABASE) as connection:
            return connection.execute(sql).fetchall()  # type: ignore[arg-type] # no literal

    def acknowledged_more(self, patience_s: float = 60) -> bool:
        """Wait until another batch is acknowledged; tell whether one was."""
        before = len(self.sender.acknowledged)
        return until(lambda: len(self.sender.acknowledged) > before, patience_s)

    def finish(self) -> None:
        """Wait until all is scored, and end the service."""
        assert self.service is not None
        wait_for(lambda: answers(self.port), 60, 0.1, said=self.log)
        wait_for(lambda: self.ask("SELECT count(*) FROM inbox WHERE processed_at IS NULL") == [(0,)], 60, 0.1)
        self.service.send_signal(signal.SIGTERM)
        assert self.service.wait(30) == 0

    def log(self) -> str:
        """Return the end of what the services said."""
        return (self.folder / "log").read_text()[-2000:]

    def kill(self) -> None:
        """End both, whatever they do."""
        self.sender.stop()
        if self.service is not None:
            self.service.kill()
            self.service.wait()


@pytest.fixture
def pair(tmp_path: Path, durable: Cluster) -> Iterator[Pair]:
    """A service that is not started yet, and its agent."""
    both = Pair(tmp_path, durable)
    both.sender.start()
    yield both
    both.kill()


@pytest.mark.slow
def test_kill_9_of_the_service_neither_loses_nor_doubles(pair: Pair) -> None:
    """After 20 kills at random moments every acknowledged delta is scored and learned once."""
    moments = random.Random(20261201)
    while_serving = 0
    for _ in range(KILLS):
        service = pair.start()
        while_serving += pair.acknowledged_more(moments.choice([moments.uniform(0, 2), 30, 30, 30]))
        time.sleep(moments.uniform(0, 0.4))
        service.kill()
        service.wait()
    pair.start()
    assert pair.acknowledged_more(), pair.log()
    pair.sender.stop()
    pair.finish()

    assert while_serving >= KILLS // 3
    assert_all_is_there(pair.ask, pair.sender)


@pytest.mark.slow
def test_kill_9_of_the_database_is_overcome_without_a_restart(pair: Pair) -> None:
    """The database is killed and stopped eight times; the same process goes on, and nothing is lost."""
    moments = random.Random(1)
    service = pair.start()
    unready = 0
    for number in range(RESTARTS):
        assert pair.acknowledged_more(), pair.log()
        time.sleep(moments.uniform(0, 0.3))
        # Every fourth time as an administrator restarts it, who cuts connections in good order.
        if number % 4 == 3:
            pair.cluster.stop()
        else:
            pair.cluster.kill()
        unready += until(lambda: not answers(pair.port), 10)
        pair.cluster.start()
    assert pair.acknowledged_more(), pair.log()
    pair.sender.stop()
    assert service.poll() is None
    pair.finish()

    assert unready == RESTARTS
    assert_all_is_there(pair.ask, pair.sender)
