"""Retention on a real database: what goes, what stays, and that the sums stay true at every step."""

import itertools
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st
from sqlalchemy import func, select, text, update

from api.core import Core
from api.db.alert_tables import AlertRow, FindingRow
from api.db.retention_tables import DroppedRow, RollUpRow
from api.db.rule_tables import MatchRow
from api.db.store import Store
from api.db.tables import InboxRow, ScoreRow, WorkloadRow
from api.errors import SettingError
from api.retention import candidates, repository, service
from api.retention.keeper import Keeper
from api.retention.rollup import DAY_MS, EDGES, HOUR_MS, Scored, Sums, by_day, by_hour
from api.settings import MIB, ServiceSettings
from tests.databases import Database
from tests.rows import Window, add_alert, add_windows, add_workloads
from tests.service import NOW_MS, FakeClock

pytestmark = pytest.mark.databases

WORKLOADS = 3
OPEN, CLOSED, SUPERSEDED = 1, 2, 3
COLUMNS = ("id", "workload_id", "start", "verdict", "p_value", "calls", "lost")


class Bench:
    """A database with some workloads, and the keeper of it."""

    def __init__(self, folder: Path, url: str, **changes: int) -> None:
        self.settings = ServiceSettings(state_dir=folder, database_url=url, **changes)
        self.clock = FakeClock()
        self.core = Core(settings=self.settings, store=Store(self.settings.url), clock=self.clock)
        self.keeper = Keeper(self.core)
        self.put: list[Window] = []
        with self.core.store.write() as session:
            add_workloads(session, WORKLOADS)
            add_alert(session, OPEN, status="open")
            add_alert(session, CLOSED, status="closed")
            add_alert(session, SUPERSEDED, status="superseded")

    def add(self, *windows: Window) -> None:
        """Store windows as the worker would."""
        with self.core.store.write() as session:
            add_windows(session, list(windows), first=len(self.put) + 1)
        self.put += windows

    def count(self, what: type) -> int:
        """Return the rows of a table."""
        with self.core.store.read() as session:
            return session.scalar(select(func.count()).select_from(what)) or 0

    def expected(self) -> Sums:
        """Return the sums over everything that was ever stored."""
        sums = Sums()
        for at, each in enumerate(self.put):
            lost = {"quota": each.lost} if each.lost else {}
            sums.enter(Scored(at, each.workload, each.start, each.verdict, each.p_value, each.calls, lost))
        return sums

    def history(self) -> Sums:
        """Return the sums that REST shows, of all workloads."""
        total = Sums()
        with self.core.store.read() as session:
            for each in range(1, WORKLOADS + 1):
                for sums in service.read_sums(session, each).values():
                    total.add(sums)
        return total

    def check(self) -> None:
        """Check what holds at every moment, between any two transactions."""
        assert self.history() == self.expected()
        with self.core.store.read() as session:
            kept = {
                tuple(each)
                for each in session.execute(
                    select(FindingRow.score_id, FindingRow.alert_id)
                    .join(ScoreRow, ScoreRow.id == FindingRow.score_id)
                    .join(InboxRow, InboxRow.id == ScoreRow.inbox_id)
                    .where(FindingRow.alert_id.in_((OPEN, SUPERSEDED)))
                )
            }
            if self.core.store.engine.dialect.name == "sqlite":
                assert session.execute(text("PRAGMA foreign_key_check")).all() == []
        assert kept == {
            (at, each.alert)
            for at, each in enumerate(self.put, 1)
            if each.finding and each.alert in {OPEN, SUPERSEDED}
        }


@pytest.fixture
def open_bench(tmp_path: Path, database: Database) -> Iterator[Callable[..., Bench]]:
    """Make a database without windows, with other settings."""
    with ExitStack() as stack:

        def make(**changes: int) -> Bench:
            bench = Bench(tmp_path, stack.enter_context(database.fresh(tmp_path)), **changes)
            stack.callback(bench.core.store.close)
            return bench

        yield make


@pytest.fixture
def bench(open_bench: Callable[..., Bench]) -> Bench:
    """A database without windows."""
    return open_bench()


def windows() -> st.SearchStrategy[Window]:
    """Windows of the last two years, and what may hang on them."""

    def make(
        workload: int, age_ms: int, p_value: float | None, kind: str, *, late: bool, lost: int
    ) -> Window:
        start = NOW_MS - age_ms
        return Window(
            workload=workload,
            start=start,
            scored_at=NOW_MS if late else None,
            p_value=p_value,
            verdict="normal" if kind == "normal" else "anomalous",
            finding=kind != "normal",
            alert={"open": OPEN, "closed": CLOSED, "superseded": SUPERSEDED}.get(kind),
            quarantined=kind == "held",
            lost=lost,
        )

    return st.builds(
        make,
        st.integers(1, WORKLOADS),
        st.integers(1, 700).map(lambda days: days * DAY_MS // 2 + days * 7919),
        st.none() | st.floats(1e-12, 1.0),
        st.sampled_from(["normal", "normal", "normal", "open", "superseded", "closed", "found", "held"]),
        late=st.booleans(),
        lost=st.integers(0, 3),
    )


@settings(max_examples=25)
@given(
    parts=st.lists(st.lists(windows(), max_size=30), min_size=1, max_size=4),
    days=st.integers(1, 400),
    stop=st.integers(0, 30),
)
def test_nothing_of_an_unclosed_alert_goes_and_sums_stay(
    database: Database, parts: list[list[Window]], days: int, stop: int
) -> None:
    """Whatever came when, between any two transactions roll-ups and rows add up to all that ever was."""
    with tempfile.TemporaryDirectory() as folder, database.fresh(Path(folder)) as url:
        bench = Bench(Path(folder), url, history_days=2000, retention_days=days)
        for part in parts:
            bench.add(*part)
            # As if killed after some steps: each is a transaction of its own.
            for _ in itertools.islice(bench.keeper._steps(tidy=True), stop):
                bench.check()
        bench.keeper.tidy()
        bench.check()
        with bench.core.store.read() as session:
            left = session.execute(
                select(ScoreRow.scored_at, FindingRow.id)
                .outerjoin(FindingRow, FindingRow.score_id == ScoreRow.id)
                .where(FindingRow.id.is_(None))
            ).all()
        assert all(at >= NOW_MS - days * DAY_MS for at, _ in left)
        bench.core.store.close()


@given(
    st.lists(
        st.tuples(
            st.integers(1, 3),
            st.integers(0, 5 * DAY_MS),
            st.sampled_from(["normal", "anomalous", "insufficient_evidence"]),
            st.none() | st.floats(0.0, 1.0),
        )
    ),
    st.integers(0, 20),
)
def test_sums_do_not_depend_on_how_they_are_parted(
    drawn: list[tuple[int, int, str, float | None]], cut: int
) -> None:
    """Two parts added up, and hours added up to days, are the sums of all windows."""
    scores = [Scored(at, *each, 7, {"quota": at}) for at, each in enumerate(drawn)]
    whole, first, second = by_hour(scores), by_hour(scores[:cut]), by_hour(scores[cut:])
    for key, sums in second.items():
        first.setdefault(key, Sums()).add(sums)

    assert first == whole
    assert sum(sums.windows for sums in by_day(whole).values()) == len(scores)
    ranked = [p_value for *_, p_value in drawn if p_value is not None]
    total = Sums()
    for sums in by_day(whole).values():
        total.add(sums)
    for edge in EDGES:
        assert total.at_or_below(edge) == sum(p_value <= edge for p_value in ranked)


def test_hours_become_days_and_days_go(bench: Bench) -> None:
    """Beyond a month a history is kept by the day, and beyond two years not at all."""
    day = NOW_MS - NOW_MS % DAY_MS
    ages = (1, 40, 41, 800)
    bench.add(*(Window(start=day - age * DAY_MS + hour * HOUR_MS) for age in ages for hour in range(3)))

    bench.keeper.tidy()

    with bench.core.store.read() as session:
        rows = session.execute(
            select(RollUpRow.span_ms, RollUpRow.start, RollUpRow.normal).order_by(RollUpRow.start)
        ).all()
    assert [tuple(row) for row in rows] == [
        (DAY_MS, day - 41 * DAY_MS, 3),
        (DAY_MS, day - 40 * DAY_MS, 3),
        *((HOUR_MS, day - DAY_MS + hour * HOUR_MS, 1) for hour in range(3)),
    ]


def test_what_was_dropped_is_told(bench: Bench) -> None:
    """By day, cause and kind: how many, and of which times."""
    old = [NOW_MS - 31 * DAY_MS, NOW_MS - 40 * DAY_MS]
    bench.add(*(Window(start=start) for start in old), Window(start=NOW_MS - DAY_MS))

    bench.keeper.tidy()

    with bench.core.store.read() as session:
        (row,) = session.scalars(select(DroppedRow)).all()
    assert (row.cause, row.what, row.count) == ("age", "scores", 2)
    assert (row.oldest, row.newest) == (min(old), max(old))
    assert b'nonself_dropped_total{cause="age",what="scores"} 2.0' in bench.core.metrics.render()
    assert b"nonself_rolled_up_total 3.0" in bench.core.metrics.render()


def test_findings_go_after_their_own_time(bench: Bench) -> None:
    """A year by default; those of an unclosed alert, quarantined ones, and a workload's newest score stay."""
    start = NOW_MS - 366 * DAY_MS
    bench.add(
        Window(start=start, finding=True, alert=OPEN),
        Window(start=start, finding=True, alert=CLOSED),
        Window(start=start, finding=True),
        Window(start=start, finding=True, scored_at=NOW_MS - DAY_MS, quarantined=True),
        Window(start=start),
        Window(start=start + 2 * DAY_MS, finding=True, alert=CLOSED),
        Window(start=start, finding=True, alert=SUPERSEDED),
    )
    with bench.core.store.write() as session:
        session.execute(update(WorkloadRow).where(WorkloadRow.id == 1).values(last_score_id=5))

    bench.keeper.tidy()

    with bench.core.store.read() as session:
        assert session.scalars(select(ScoreRow.id).order_by(ScoreRow.id)).all() == [1, 4, 5, 6, 7]
        assert session.scalars(select(FindingRow.id).order_by(FindingRow.id)).all() == [1, 4, 6, 7]
        assert session.scalars(select(InboxRow.id).order_by(InboxRow.id)).all() == [1, 4, 5, 6, 7]
    assert bench.count(AlertRow) == 3


def test_an_alert_that_is_reopened_in_between_keeps_its_windows(bench: Bench) -> None:
    """What a reader took for free is asked again by the writer."""
    bench.add(Window(start=NOW_MS - 400 * DAY_MS, finding=True, alert=CLOSED))
    real = bench.keeper._delete

    def reopen_first(*arguments: object) -> None:
        with bench.core.store.write() as session:
            session.execute(update(AlertRow).values(triage="acknowledged"))
        real(*arguments)  # type: ignore[arg-type]

    bench.keeper._delete = reopen_first  # type: ignore[method-assign]
    bench.keeper.tidy()

    assert (bench.count(ScoreRow), bench.count(FindingRow), bench.count(InboxRow)) == (1, 1, 1)


def test_samples_of_an_unclosed_alert_stay(bench: Bench) -> None:
    """Matches kept whole go as findings do; those of an unclosed alert stay, and unhandled ones."""
    received = NOW_MS - 400 * DAY_MS
    kinds = [
        (OPEN, "raised"),
        (CLOSED, "raised"),
        (None, "failed"),
        (None, None),
        (None, "waiting"),
        (SUPERSEDED, "raised"),
    ]
    with bench.core.store.write() as session:
        for at, (alert, outcome) in enumerate(kinds):
            session.add(
                MatchRow(
                    node_id=1,
                    boot_id="b",
                    sequence=at,
                    time_ns=received * 1_000_000,
                    rule="r",
                    priority="Warning",
                    digest=b"d" * 32,
                    payload=b"{}",
                    received_at=received,
                    alert_id=alert,
                    outcome=outcome,
                )
            )

    bench.keeper.tidy()

    with bench.core.store.read() as session:
        assert session.scalars(select(MatchRow.sequence).order_by(MatchRow.sequence)).all() == [0, 3, 4, 5]


def flood(bench: Bench, alert: int, windows: int, start: int) -> None:
    """Put many findings into an alert."""
    bench.add(*(Window(start=start + at, finding=True, alert=alert) for at in range(windows)))
    with bench.core.store.write() as session:
        session.execute(update(AlertRow).where(AlertRow.id == alert).values(findings=windows))


def test_of_a_flood_what_is_shown_stays(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an alert that nobody has closed the newest findings stay however old; older ones go by age."""
    monkeypatch.setattr(candidates, "MOST_FINDINGS", 3)
    old = NOW_MS - 400 * DAY_MS
    flood(bench, OPEN, 5, old)
    flood(bench, SUPERSEDED, 3, old)
    flood(bench, CLOSED, 5, old)

    bench.keeper.tidy()
    bench.keeper.tidy()

    with bench.core.store.read() as session:
        left = session.scalars(select(FindingRow.id).order_by(FindingRow.id)).all()
        assert left == [3, 4, 5, 6, 7, 8]
        assert session.scalars(select(ScoreRow.id).order_by(ScoreRow.id)).all() == left
        gone = session.execute(select(DroppedRow.what, DroppedRow.count)).all()
    assert list(map(tuple, gone)) == [("findings", 7)]
    assert bench.history() == bench.expected()


def test_a_young_flood_stays(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond what is shown too, until its own age."""
    monkeypatch.setattr(candidates, "MOST_FINDINGS", 3)
    flood(bench, OPEN, 5, NOW_MS - 300 * DAY_MS)

    bench.keeper.tidy()

    assert bench.count(FindingRow) == 5


@pytest.mark.sqlite
def test_a_flood_above_the_limit_keeps_what_is_shown(open_bench: Callable[..., Bench]) -> None:
    """A young one too: beyond the newest thousand its findings go last of all."""
    bench = open_bench(max_database_mib=16)
    filler = ({"ngram": 1, "text": "x" * 8000},)
    bench.add(
        *(
            Window(start=NOW_MS - DAY_MS + at, finding=True, alert=OPEN, contributions=filler)
            for at in range(2500)
        )
    )
    with bench.core.store.write() as session:
        session.execute(update(AlertRow).where(AlertRow.id == OPEN).values(findings=2500))

    bench.keeper.tidy()

    with bench.core.store.read() as session:
        left = session.scalars(select(FindingRow.id).order_by(FindingRow.id)).all()
        used = repository.measure(session)
    bench.core.store.close()
    assert used is not None
    assert used[0] <= 16 * MIB
    assert left == list(range(left[0], 2501))
    assert 1000 <= len(left) < 2500


@pytest.mark.sqlite
def test_a_database_above_its_limit_loses_its_oldest_scores(open_bench: Callable[..., Bench]) -> None:
    """Down to a little below the limit, whatever their age; findings stay as long as scores suffice."""
    bench = open_bench(max_database_mib=16)
    filler = ({"ngram": 1, "text": "x" * 8000},)
    start = NOW_MS - 2 * DAY_MS
    bench.add(
        Window(start=start, finding=True, alert=CLOSED, contributions=filler),
        *(Window(start=start + at * 10_000, contributions=filler) for at in range(4000)),
    )
    with bench.core.store.read() as session:
        before = repository.measure(session)

    bench.keeper.tidy()

    with bench.core.store.read() as session:
        after = repository.measure(session)
        left = session.scalars(select(ScoreRow.id).order_by(ScoreRow.id)).all()
        (row,) = session.scalars(select(DroppedRow)).all()
        shown = service.get_retention(session, bench.settings, now_ms=NOW_MS)
    bench.check()
    bench.core.store.close()
    assert before is not None
    assert after is not None
    assert before[0] > 30 * MIB
    assert after[0] <= 16 * MIB
    assert left[0] == 1
    assert left[1:] == list(range(left[1], 4002))
    assert (row.cause, row.what, row.count) == ("size", "scores", 4001 - len(left))
    assert shown.database is not None
    assert shown.database.limit_bytes == 16 * MIB
    assert [(each.cause, each.count) for each in shown.dropped] == [("size", 4001 - len(left))]


@pytest.mark.sqlite
def test_what_is_open_stays_whatever_the_size(open_bench: Callable[..., Bench]) -> None:
    """Where nothing is left to drop, the database is larger than its limit, and nothing of an alert went."""
    bench = open_bench(max_database_mib=16)
    filler = ({"ngram": 1, "text": "x" * 8000},)
    bench.add(
        *(
            Window(start=NOW_MS - DAY_MS, finding=True, alert=OPEN, contributions=filler, verdict="anomalous")
            for _ in range(2500)
        )
    )

    bench.keeper.tidy()

    bench.check()
    assert bench.count(DroppedRow) == 0
    bench.core.store.close()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"max_database_mib": 5}, "at least 16"),
        ({"max_database_mib": 100, "database_url": "postgresql://x/y"}, "0 for any database but SQLite"),
        ({"history_days": 10}, "at least 30"),
        ({"finding_retention_days": 0}, "at least 1"),
    ],
)
def test_settings_that_cannot_be_are_one_sentence(changes: dict[str, object], expected: str) -> None:
    """It names what was expected."""
    with pytest.raises(SettingError, match=expected):
        ServiceSettings(**changes)  # type: ignore[arg-type]
