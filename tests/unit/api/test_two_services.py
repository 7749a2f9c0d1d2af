"""Two services on one PostgreSQL: the second takes over what the first has lost; neither learns past it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, text

from api.core import Core
from api.db.migrate import upgrade
from api.db.store import Store
from api.db.tables import BaselineRow, ScoreRow
from api.errors import StoreError
from api.ingest import service as ingest
from api.settings import ServiceSettings
from api.worker.worker import Worker
from model import snapshot
from tests.postgres import Cluster
from tests.service import LOOP, NOW_MS, FakeClock, a_batch, a_delta
from wire.codec import encode_batch


class Half:
    """A service without its HTTP side."""

    def __init__(self, folder: Path, url: str) -> None:
        self.settings = ServiceSettings(state_dir=folder, database_url=url)
        self.core = Core(settings=self.settings, store=Store(url), clock=FakeClock())
        self.worker = Worker(self.core)

    def put(self, first: int, count: int) -> None:
        """Take in some ordinary windows, and score and learn them."""
        deltas = [
            a_delta(each, {ngram: number + each % 7 for ngram, number in LOOP.items()})
            for each in range(first, first + count)
        ]
        batch, parcels = ingest.read(encode_batch(a_batch(*deltas)), latest_ms=NOW_MS)
        with self.core.store.write() as session:
            ingest.accept(session, batch, parcels, now_ms=NOW_MS, settings=self.settings)
        self.worker.drain()


@pytest.fixture
def url(cluster: Cluster) -> Iterator[str]:
    """The URL of an empty database of the newest schema."""
    url = cluster.create("two", "template1")
    upgrade(url)
    yield url
    cluster.drop("two")


@pytest.fixture
def pair(url: str, tmp_path: Path) -> Iterator[tuple[Half, Half]]:
    """Two services that are not started."""
    both = Half(tmp_path, url), Half(tmp_path, url)
    yield both
    for each in both:
        each.core.store.close()


def test_what_the_other_learned_is_not_written_over(pair: tuple[Half, Half], cluster: Cluster) -> None:
    """The first is cut off, the second learns; then the first reads what is stored before it goes on."""
    first, second = pair
    first.core.store.claim()
    first.put(0, 20)
    with cluster.connect("two") as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = 'two' AND pid <> pg_backend_pid()"
        )
    second.core.store.claim()
    second.put(20, 20)

    with pytest.raises(StoreError, match="Another nonself service"):
        first.put(40, 1)
    second.core.store.close()
    first.put(40, 20)

    with first.core.store.read() as session:
        baseline = snapshot.from_bytes(session.scalars(select(BaselineRow.snapshot)).one())
        learned = session.scalars(select(ScoreRow.calls).where(ScoreRow.learned)).all()
        waiting = session.scalar(text("SELECT count(*) FROM inbox WHERE processed_at IS NULL"))
    assert (baseline.windows_learned, baseline.calls_learned, waiting) == (60, sum(learned), 0)
