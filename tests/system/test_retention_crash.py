"""The service is killed again and again while it sums up and drops; no window counts twice or is missed."""

import random
import signal
import sqlite3
import time
from pathlib import Path

import pytest

from api.db.migrate import upgrade
from api.db.store import Store
from api.retention import service
from api.retention.rollup import DAY_MS, Scored, Sums
from tests.rows import Window, add_alert, add_windows, add_workloads
from tests.system.test_service_crash import free_port, start

WORKLOADS = 4
WINDOWS = 30_000
KILLS = 8


def make(moments: random.Random, now_ms: int) -> list[Window]:
    """Return windows of the last sixty days, one in fifty of them a finding of an open alert."""
    found = []
    for at in range(WINDOWS):
        strange = at % 50 == 0
        found.append(
            Window(
                workload=1 + at % WORKLOADS,
                start=now_ms - 60 * DAY_MS + at * 60 * DAY_MS // WINDOWS,
                p_value=moments.random(),
                verdict="anomalous" if strange else "normal",
                finding=strange,
                alert=1 if strange else None,
                calls=moments.randrange(1000),
            )
        )
    return found


def sums(url: str) -> Sums:
    """Return what the histories of all workloads add up to."""
    store, total = Store(url), Sums()
    with store.read() as session:
        for each in range(1, WORKLOADS + 1):
            for found in service.read_sums(session, each).values():
                total.add(found)
    store.close()
    return total


@pytest.mark.slow
def test_kill_9_leaves_sums_and_rows_as_before_or_after(tmp_path: Path) -> None:
    """Roll-ups and rows add up to all windows after every kill, and in the end what is old is gone."""
    moments = random.Random(20261125)
    state_dir, port = tmp_path / "state", free_port()
    state_dir.mkdir()
    database = state_dir / "nonself.db"
    url = f"sqlite:///{database}"
    upgrade(url)
    windows, store, total = make(moments, time.time_ns() // 1_000_000), Store(url), Sums()
    with store.write() as session:
        add_workloads(session, WORKLOADS)
        add_alert(session, 1, status="open")
        add_windows(session, windows, first=1)
    store.close()
    for at, each in enumerate(windows):
        total.enter(Scored(at, each.workload, each.start, each.verdict, each.p_value, each.calls, {}))
    expected_left = sum(each.finding or each.start > windows[-1].start - 30 * DAY_MS for each in windows)

    struck, done = 0, (WINDOWS, expected_left)
    for _ in range(KILLS):
        before, process = progress(database), start(state_dir, port)
        deadline = time.monotonic() + 30
        while progress(database) == before != done and time.monotonic() < deadline:
            time.sleep(0.002)
        time.sleep(moments.uniform(0, 0.1))
        process.kill()
        process.wait()
        assert sums(url) == total
        struck += before != progress(database) != done
    process = start(state_dir, port)
    deadline = time.monotonic() + 120
    while count(database) > expected_left and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0

    assert sums(url) == total
    assert struck >= KILLS // 2
    connection = sqlite3.connect(database)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    assert connection.execute("SELECT count(*) FROM findings").fetchone() == (WINDOWS // 50,)
    assert connection.execute("SELECT sum(count) FROM dropped").fetchone() == (WINDOWS - count(database),)
    # The clock went on while the service was killed: windows just inside its thirty days may be outside now.
    assert abs(count(database) - expected_left) <= 5
    connection.close()


def progress(database: Path) -> tuple[int, int]:
    """Return the newest score that is summed up, and how many are still rows."""
    connection = sqlite3.connect(database)
    try:
        mark = connection.execute("SELECT max(score_id) FROM rollup_marks").fetchone()[0]
    finally:
        connection.close()
    return mark or 0, count(database)


def count(database: Path) -> int:
    """Return the scores that are still rows."""
    connection = sqlite3.connect(database)
    try:
        return int(connection.execute("SELECT count(*) FROM scores").fetchone()[0])
    finally:
        connection.close()
