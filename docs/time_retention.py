"""How long ingest waits while retention works: writers beside it, with it and without it in turns.

    .venv/bin/python docs/time_retention.py [windows]

Each writer is a transaction as ingest makes it: 64 deltas of 2 kB into the inbox, committed to disk.
"""

import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from sqlalchemy import delete, insert

from api.core import Core
from api.db.migrate import upgrade
from api.db.store import Store
from api.db.tables import InboxRow
from api.retention.keeper import Keeper
from api.settings import ServiceSettings
from tests.rows import Window, add_windows, add_workloads
from tests.service import NOW_MS, FakeClock

DAY_MS = 86_400_000
FIRST = 100_000_000
CONTRIBUTIONS = tuple(
    {"ngram": each, "count": 3, "bits": 1.5, "baseline_count": 3, "baseline_rank": 7, "nearest": None}
    for each in range(5)
)


def write(core: Core, number: int) -> float:
    """Do what ingest does; return the seconds that it took."""
    rows = [
        {
            "node_id": 1,
            "boot_id": "b",
            "container_id": f"x{each}",
            "start": number,
            "digest": b"d" * 32,
            "payload": b"p" * 2000,
            "received_at": NOW_MS,
        }
        for each in range(64)
    ]
    began = time.perf_counter()
    with core.store.write() as session:
        session.execute(insert(InboxRow), rows)
    return time.perf_counter() - began


def main() -> None:
    """Measure, and print a table."""
    windows = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        settings = ServiceSettings(state_dir=Path(folder))
        upgrade(settings.url)
        core = Core(settings=settings, store=Store(settings.url), clock=FakeClock())
        with core.store.write() as session:
            add_workloads(session, 50)
            for first in range(1, windows, 5000):
                made = [
                    Window(
                        workload=1 + at % 50,
                        start=NOW_MS - 60 * DAY_MS + at * 10_000,
                        contributions=CONTRIBUTIONS,
                    )
                    for at in range(first, min(first + 5000, windows + 1))
                ]
                add_windows(session, made, first=first)
        alone = [write(core, number) for number in range(200)]
        keeper, beside, ended = Keeper(core), [], threading.Event()
        began = time.perf_counter()

        def work() -> None:
            keeper.work(tidy=True)
            ended.set()

        threading.Thread(target=work).start()
        while not ended.is_set():
            beside.append(write(core, 1000 + len(beside)))
            time.sleep(0.01)
        took = time.perf_counter() - began
        alone += [write(core, FIRST + number) for number in range(200)]
        with core.store.write() as session:
            session.execute(delete(InboxRow).where(InboxRow.start < 1000))
        core.store.close()
    print(f"{windows:,} windows summed up and dropped in {took:.1f} s, {len(beside)} batches taken meanwhile")
    for name, found in (("alone", alone), ("beside retention", beside)):
        half, most, worst = (1000 * float(each) for each in np.quantile(found, [0.5, 0.99, 1.0]))
        print(f"{name:<17} median {half:6.1f} ms   99 % {most:6.1f} ms   most {worst:6.1f} ms")


if __name__ == "__main__":
    main()
