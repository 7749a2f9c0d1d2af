"""The sequence of what happens to alerts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from api import changes
from tests.service import a_match
from tests.unit.api.test_worker_matches import MatchBench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[MatchBench]:
    """An empty store and its worker."""
    made = MatchBench(tmp_path)
    yield made
    made.core.store.close()


def told(bench: MatchBench, after: int = 0) -> list[tuple[int, str, dict]]:
    """Return what happened after a change: alert, change, detail."""
    with bench.core.store.read() as session:
        return [
            (each.alert_id, each.change, each.detail) for each in changes.after(session, after, limit=100)
        ]


def test_a_flood_is_one_change_for_each_transaction(bench: MatchBench) -> None:
    """The first transaction opens the alert with all its matches; a later one says how many it holds then."""
    bench.match(*(a_match(index) for index in range(1, 6)))
    bench.worker.drain()
    bench.match(*(a_match(index) for index in range(6, 10)))
    bench.worker.drain()

    assert told(bench) == [(1, "opened", {}), (1, "grew", {"findings": 9})]


def test_an_alert_that_is_followed_by_another_says_so(bench: MatchBench) -> None:
    """Before the new one is opened, so that a reader never sees two open alerts of one cause."""
    bench.match(a_match(1))
    bench.worker.drain()
    bench.match(a_match(2, index=-1_000))
    bench.worker.drain()

    assert [each[:2] for each in told(bench, after=1)] == [(1, "superseded"), (2, "opened")]
