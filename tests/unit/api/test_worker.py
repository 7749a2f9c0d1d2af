"""The worker: what it does with a delta that cannot be scored, with quarantine, and with a rollback."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import event, select, update

from api.core import Core
from api.db.alert_tables import AlertRow, FindingRow
from api.db.migrate import upgrade
from api.db.store import Store
from api.db.tables import BaselineRow, ContainerRow, InboxRow, ScoreRow, WorkloadRow
from api.errors import StoreError
from api.ingest import service as ingest
from api.retention import candidates
from api.retention.keeper import Keeper
from api.settings import ServiceSettings
from api.worker.returning import RETURNS
from api.worker.worker import Worker
from model import snapshot
from tests.service import LOOP, NOW_MS, FakeClock, a_batch, a_container, a_delta
from wire.codec import encode_batch
from wire.ngram import pack
from wire.profile import ContainerKind, Mark, ProfileDelta

SHELL = {pack([each, 59, each + 1, 60, 61, each + 2], injected=True): 3 for each in range(100, 160)}
HOUR = 360
"""Windows of an hour."""
ENFORCE = update(WorkloadRow).values(mode="enforcement-alert")


class Bench:
    """A store, a worker, and a short way to feed them."""

    def __init__(self, state_dir: Path) -> None:
        self.settings = ServiceSettings(state_dir=state_dir, batch_deltas=8)
        upgrade(self.settings.url)
        self.core = Core(settings=self.settings, store=Store(self.settings.url), clock=FakeClock())
        self.worker = Worker(self.core)

    def put(self, *deltas: ProfileDelta) -> None:
        """Take deltas in and score them."""
        self.take(*deltas)
        self.worker.drain()

    def take(self, *deltas: ProfileDelta) -> None:
        """Take deltas in."""
        body = encode_batch(a_batch(*deltas))
        batch, parcels = ingest.read(body, latest_ms=NOW_MS)
        with self.core.store.write() as session:
            ingest.accept(session, batch, parcels, now_ms=NOW_MS, settings=self.settings)

    def learn(self, windows: int = 40) -> None:
        """Take in that many ordinary windows."""
        self.put(
            *(a_delta(each, {ngram: n + each % 7 for ngram, n in LOOP.items()}) for each in range(windows))
        )

    def windows_learned(self) -> int:
        """Return how many windows the only baseline has learned."""
        with self.core.store.read() as session:
            return session.scalars(select(BaselineRow.windows_learned)).one()

    def enforce(self) -> None:
        """Switch every workload to alerting."""
        with self.core.store.write() as session:
            session.execute(ENFORCE)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """An empty store and its worker."""
    made = Bench(tmp_path)
    yield made
    made.core.store.close()


def test_a_recurring_anomaly_is_learned_after_all_while_learning(bench: Bench) -> None:
    """On one or two occasions strange windows are held out; the third shows that they belong."""
    bench.learn()
    for index in range(100, 100 + HOUR * (RETURNS - 1), HOUR):
        bench.put(a_delta(index, LOOP | SHELL))
    with bench.core.store.read() as session:
        held = session.scalars(select(ScoreRow).where(ScoreRow.quarantined)).all()
        kept = session.scalars(
            select(InboxRow.id).where(
                InboxRow.payload.is_not(None), InboxRow.id.in_([row.inbox_id for row in held])
            )
        ).all()

    bench.put(a_delta(100 + HOUR * (RETURNS - 1), LOOP | SHELL))

    assert len(held) == len(kept) == RETURNS - 1
    with bench.core.store.read() as session:
        scores = session.scalars(select(ScoreRow).where(ScoreRow.verdict == "anomalous")).all()
        assert len(scores) == RETURNS
        assert all(row.learned and not row.quarantined for row in scores)
        baseline = session.scalars(select(BaselineRow)).one()
        assert snapshot.from_bytes(baseline.snapshot).windows_learned == 40 + RETURNS


def test_what_comes_once_a_day_or_lasts_for_an_hour_is_not_released(bench: Bench) -> None:
    """Not by coming for a week, nor by lasting for an hour each time; all of it waits for a person."""
    bench.learn()
    for day in range(7):
        start = a_delta(100).start - (7 - day) * 86_400_000
        bench.put(
            *(
                replace(a_delta(0, LOOP | SHELL), start=start + at, end=start + at + 10_000)
                for at in range(0, 3_600_000, 300_000)
            )
        )

    with bench.core.store.read() as session:
        rows = session.scalars(select(ScoreRow).where(ScoreRow.verdict == "anomalous")).all()
        assert len(rows) == 7 * 12
        assert all(row.quarantined and not row.learned for row in rows)


def test_one_kind_that_returns_does_not_release_another(bench: Bench) -> None:
    """A job that comes every hour is released; an intrusion between its runs is not, nor counts for it."""
    other = {pack([each, 41, each + 2, 42, 43, each + 3], injected=True): 3 for each in range(170, 230)}
    bench.learn()
    bench.put(a_delta(100, LOOP | SHELL))
    bench.put(a_delta(250, LOOP | other))
    bench.put(a_delta(460, LOOP | SHELL))
    before = bench.windows_learned()
    bench.put(a_delta(820, LOOP | SHELL))

    with bench.core.store.read() as session:
        held = session.scalars(select(ScoreRow.start).where(ScoreRow.quarantined)).all()
    assert before == 40
    assert bench.windows_learned() == 43
    assert list(held) == [a_delta(250).start]


def test_what_is_released_is_remembered_by_what_its_kind_scores(bench: Bench) -> None:
    """Released windows are no strangers in the record: another intrusion is still found beside them."""
    bench.learn()
    for index in range(100, 100 + HOUR * RETURNS, HOUR):
        bench.put(a_delta(index, LOOP | SHELL))
    with bench.core.store.read() as session:
        rows = session.scalars(select(ScoreRow).where(ScoreRow.verdict == "anomalous")).all()
        baseline = snapshot.from_bytes(session.scalars(select(BaselineRow)).one().snapshot)

    highest = max(score for _, score in baseline.summary().calibration.quantiles)
    assert all(row.learned_score is not None and row.learned_score < row.score / 20 for row in rows)
    assert highest < min(row.score for row in rows) / 20

    bench.enforce()
    other = {pack([each, 41, each + 2, 42, 43, each + 3], injected=True): 3 for each in range(170, 230)}
    bench.put(a_delta(500, LOOP | other))
    with bench.core.store.read() as session:
        assert len(session.scalars(select(AlertRow)).all()) == 1


def test_windows_of_one_start_do_not_release_each_other(bench: Bench) -> None:
    """An exec into a starting container is held in each of its windows; three starts show that it belongs."""
    bench.learn()
    learned = []
    for number, letter in enumerate("defg"):
        container = a_container(id=letter * 64)
        for step in range(3):
            bench.put(a_delta(100 + 100 * number + step, LOOP | SHELL, container=container))
        with bench.core.store.read() as session:
            rows = session.scalars(select(ScoreRow).where(ScoreRow.start >= a_delta(100).start)).all()
        learned.append(sum(row.learned for row in rows))

    assert learned == [0, 0, 9, 12]


def test_a_window_that_waits_for_its_like_waits_no_longer_than_scores_are_kept(bench: Bench) -> None:
    """After the retention it is given up, with the reason; it stays out of the baseline."""
    bench.learn()
    bench.put(a_delta(100, LOOP | SHELL))
    bench.core.clock.at_ms += (bench.settings.retention_days + 1) * 86_400_000

    Keeper(bench.core).tidy()

    with bench.core.store.read() as session:
        row = session.scalars(select(ScoreRow).where(ScoreRow.verdict == "anomalous")).one()
        assert (row.learned, row.quarantined, row.not_learned) == (False, False, candidates.GIVEN_UP)


def test_enforcement_learns_nothing(bench: Bench) -> None:
    """Neither ordinary nor strange windows change a frozen baseline, and none is held for later."""
    bench.learn()
    bench.enforce()
    with bench.core.store.read() as session:
        before = session.scalars(select(BaselineRow.snapshot)).one()

    bench.put(a_delta(100), *(a_delta(each, LOOP | SHELL) for each in range(101, 105)))

    with bench.core.store.read() as session:
        assert session.scalars(select(BaselineRow.snapshot)).one() == before
        assert session.scalars(select(ScoreRow).where(ScoreRow.quarantined)).all() == []


def test_findings_near_each_other_are_one_alert(bench: Bench) -> None:
    """A finding joins the open alert within the gap; one that comes later closes it and opens another."""
    bench.learn()
    bench.enforce()
    bench.put(*(a_delta(each, LOOP | SHELL) for each in (100, 101, 150)))
    bench.put(a_delta(400, LOOP | SHELL))

    with bench.core.store.read() as session:
        alerts = session.scalars(select(AlertRow).order_by(AlertRow.id)).all()
        findings = session.scalars(select(FindingRow.alert_id).order_by(FindingRow.id)).all()
    assert [(row.findings, row.status) for row in alerts] == [(3, "closed"), (1, "open")]
    assert (alerts[0].start, alerts[0].end) == (a_delta(100).start, a_delta(150).end)
    assert findings == [alerts[0].id] * 3 + [alerts[1].id]


def test_an_alert_grows_within_one_transaction(bench: Bench) -> None:
    """A finding near the last one joins its alert, also where both are handled in one transaction."""
    bench.learn()
    bench.enforce()
    bench.put(*(a_delta(each, LOOP | SHELL) for each in (100, 180, 260)))

    with bench.core.store.read() as session:
        alerts = session.scalars(select(AlertRow)).all()
    assert [row.findings for row in alerts] == [3]
    assert (alerts[0].start, alerts[0].end) == (a_delta(100).start, a_delta(260).end)


def test_a_node_that_catches_up_opens_no_alert_for_each_window(bench: Bench) -> None:
    """Old windows of one node between another's new ones join the alert of their own time."""
    bench.learn()
    bench.enforce()
    other = a_container(id="d" * 64, seen_from_start=False)
    for step in range(4):
        bench.put(a_delta(400 + step, LOOP | SHELL))
        bench.put(a_delta(100 + step, LOOP | SHELL, container=other))

    with bench.core.store.read() as session:
        alerts = session.scalars(select(AlertRow).order_by(AlertRow.start)).all()
    assert [row.findings for row in alerts] == [4, 4]


def test_the_worker_outlives_an_error_that_nobody_foresaw(bench: Bench, monkeypatch) -> None:
    """What is neither the database's nor one delta's error is reported, and the next try goes on."""
    real, failures = bench.worker._step, iter([RuntimeError("unforeseen")])

    def step() -> bool:
        for error in failures:
            raise error
        return real()

    monkeypatch.setattr(bench.worker, "_step", step)
    bench.take(a_delta(0))
    bench.worker.start()
    try:
        deadline = time.monotonic() + 20
        scored: list[ScoreRow] = []
        while not scored and time.monotonic() < deadline:
            with bench.core.store.read() as session:
                scored = list(session.scalars(select(ScoreRow)).all())
            time.sleep(0.02)
    finally:
        bench.worker.stop()
    assert len(scored) == 1


class _Wanted(Store):
    """A store for which others always wait."""

    @property
    def wanted(self) -> bool:
        return True


def test_the_worker_ends_its_transaction_where_others_wait_and_goes_on_after_them(
    bench: Bench, monkeypatch
) -> None:
    """Each delta is scored once and in order, in five transactions instead of one."""
    monkeypatch.setattr("api.worker.worker._UNDISTURBED_S", 0.0)
    bench.core.store = _Wanted(bench.settings.url)
    bench.take(*(a_delta(each, LOOP) for each in range(5)))
    commits = 0

    def count(_connection: object) -> None:
        nonlocal commits
        commits += 1

    event.listen(bench.core.store.engine, "commit", count)
    bench.worker.drain()
    with bench.core.store.read() as session:
        scored = session.scalars(select(ScoreRow.start).order_by(ScoreRow.id)).all()
    assert scored == sorted(scored)
    assert len(scored) == commits == 5


def test_a_sandbox_is_no_workload(bench: Bench) -> None:
    """A pod's pause container is known, but neither scored nor learned."""
    bench.put(a_delta(0, container=a_container(kind=ContainerKind.SANDBOX, name="")))

    with bench.core.store.read() as session:
        assert len(session.scalars(select(ContainerRow)).all()) == 1
        assert session.scalars(select(WorkloadRow)).all() == []
        assert session.scalars(select(InboxRow.processed_at)).all() == [NOW_MS]


def test_a_container_named_late_moves_to_its_workload(bench: Bench) -> None:
    """Windows before the runtime could be asked stay with the unidentified, later ones go to the workload."""
    nameless = a_container(name="", pod="", namespace="", image="")
    bench.put(a_delta(0, container=nameless, marks=frozenset({Mark.UNIDENTIFIED})))
    bench.put(a_delta(1))

    with bench.core.store.read() as session:
        rows = session.execute(
            select(WorkloadRow.kind, ScoreRow.learned).join(ScoreRow, ScoreRow.workload_id == WorkloadRow.id)
        ).all()
        assert [tuple(row) for row in rows] == [("unidentified", False), ("pod", True)]
        assert len(session.scalars(select(ContainerRow)).all()) == 1


def test_a_delta_that_cannot_be_scored_stops_nobody_else(bench: Bench) -> None:
    """It is set aside with its error, and those before and after it are scored once."""
    bench.take(*(a_delta(each) for each in range(5)))
    with bench.core.store.write() as session:
        session.execute(update(InboxRow).where(InboxRow.id == 3).values(payload=b"{}"))

    bench.worker.drain()

    with bench.core.store.read() as session:
        assert session.scalars(select(ScoreRow.inbox_id).order_by(ScoreRow.id)).all() == [1, 2, 4, 5]
        (error,) = session.scalars(select(InboxRow.error).where(InboxRow.error.is_not(None))).all()
        assert error is not None
        assert "VersionError" in error
        baseline = session.scalars(select(BaselineRow)).one()
        assert snapshot.from_bytes(baseline.snapshot).windows_learned == 4


def test_what_is_rolled_back_was_not_learned(bench: Bench) -> None:
    """A transaction that fails at its commit leaves the baseline in memory as it was."""
    bench.learn(10)

    def fail(_connection: object) -> None:
        msg = "no commit"
        raise StoreError(msg)

    bench.take(a_delta(10))
    event.listen(bench.core.store.engine, "commit", fail)
    with pytest.raises(StoreError, match="no commit"):
        bench.worker.drain()
    event.remove(bench.core.store.engine, "commit", fail)

    bench.worker.drain()

    with bench.core.store.read() as session:
        baseline = snapshot.from_bytes(session.scalars(select(BaselineRow.snapshot)).one())
        learned = session.scalars(select(ScoreRow.calls).where(ScoreRow.learned)).all()
    assert (baseline.windows_learned, baseline.calls_learned) == (11, sum(learned))


def test_old_scores_go_and_findings_stay(bench: Bench) -> None:
    """Beyond the retention only findings and their deltas stay; a sandbox's delta goes too."""
    bench.learn()
    bench.put(a_delta(100, LOOP | SHELL))
    bench.put(a_delta(0, container=a_container(id="e" * 64, kind=ContainerKind.SANDBOX, name="")))
    clock = bench.core.clock
    assert isinstance(clock, FakeClock)
    clock.at_ms += (bench.settings.retention_days + 1) * 86_400_000

    Keeper(bench.core).tidy()

    with bench.core.store.read() as session:
        assert session.scalars(select(ScoreRow.verdict)).all() == ["anomalous"]
        assert len(session.scalars(select(InboxRow.id)).all()) == 1


def test_the_thread_works_when_woken_and_stops_when_told(bench: Bench) -> None:
    """What ingest stores is scored without anybody asking, and stopping ends the thread."""
    bench.worker.start()
    bench.take(a_delta(0))
    bench.core.wake_worker()
    scored: list[int] = []
    for _ in range(1000):
        with bench.core.store.read() as session:
            scored = list(session.scalars(select(ScoreRow.id)).all())
        if scored:
            break
        time.sleep(0.01)
    working = bench.worker.trouble()
    bench.worker.stop()

    assert scored == [1]
    assert working is None
    assert bench.worker.trouble() == "The worker is not running."
