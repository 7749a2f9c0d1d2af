"""Stale versions of baselines: which retention retires, which stay, and what is told of it."""

import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st
from sqlalchemy import select

from api.core import Core
from api.db.access_tables import AuditRow
from api.db.alert_tables import AlertRow
from api.db.baseline_tables import BaselineVersionRow
from api.db.migrate import upgrade
from api.db.store import Store
from api.errors import SettingError
from api.retention import service
from api.retention.keeper import Keeper
from api.retention.rollup import DAY_MS
from api.settings import ServiceSettings
from tests.rows import add_alert, add_workloads
from tests.service import NOW_MS, FakeClock

WORKLOADS = 2


class Bench:
    """A database with two workloads, and the keeper of it."""

    def __init__(self, folder: Path, template: Path, **changes: int) -> None:
        shutil.copy(template, folder / "nonself.db")
        self.settings = ServiceSettings(state_dir=folder, **changes)
        self.core = Core(settings=self.settings, store=Store(self.settings.url), clock=FakeClock())
        self._numbers = {workload: count(1) for workload in range(1, WORKLOADS + 1)}
        with self.core.store.write() as session:
            add_workloads(session, WORKLOADS)

    def add(self, *days: int, state: str = "stale", workload: int = 1) -> list[int]:
        """Store versions that came into their state so many days ago; return their ids."""
        with self.core.store.write() as session:
            rows = [
                BaselineVersionRow(
                    workload_id=workload,
                    number=next(self._numbers[workload]),
                    state=state,
                    origin="learned",
                    created_at=NOW_MS - (each + 5) * DAY_MS,
                    changed_at=NOW_MS - each * DAY_MS,
                    windows_learned=40,
                    snapshot=b"learned",
                )
                for each in days
            ]
            session.add_all(rows)
            session.flush()
            return [row.id for row in rows]

    def alert(self, days: int, *, status: str = "open", workload: int = 1, kind: str = "anomaly") -> None:
        """Store an alert that opened so many days ago."""
        with self.core.store.write() as session:
            add_alert(session, days, status=status, workload=workload)
            row = session.get_one(AlertRow, days)
            row.created_at, row.kind = NOW_MS - days * DAY_MS, kind

    def tidy(self) -> list[int]:
        """Do all that is due; return the versions that were retired."""
        Keeper(self.core).tidy()
        with self.core.store.read() as session:
            rows = session.scalars(select(BaselineVersionRow).order_by(BaselineVersionRow.id)).all()
            assert all((row.snapshot is None) == (row.state == "retired") for row in rows)
            return [row.id for row in rows if row.state == "retired"]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database of the newest schema."""
    path = tmp_path_factory.mktemp("versions") / "template.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def bench(tmp_path: Path, template: Path) -> Iterator[Bench]:
    """A database without versions."""
    made = Bench(tmp_path, template)
    yield made
    made.core.store.close()


def test_an_old_stale_version_goes_and_the_newest_stays_for_a_rollback(bench: Bench) -> None:
    """After a year by default, of each workload; states other than stale are not touched."""
    first = bench.add(900, 500, 400)
    other = bench.add(800, workload=2)
    bench.add(700, state="ready")
    bench.add(700, state="active", workload=2)

    assert bench.tidy() == first[:2]
    assert bench.add(3)
    assert bench.tidy() == first
    assert other


def test_it_is_told_who_retired_what_and_why(bench: Bench) -> None:
    """The audit record, the report of what was dropped, and what is due beforehand."""
    first, *_ = bench.add(900, 10)
    with bench.core.store.read() as session:
        before = service.get_retention(session, bench.settings, now_ms=NOW_MS).versions
    bench.tidy()

    with bench.core.store.read() as session:
        entry = session.scalars(select(AuditRow).where(AuditRow.action == "baseline.retired")).one()
        report = service.get_retention(session, bench.settings, now_ms=NOW_MS)
    assert (entry.actor, entry.target) == ("retention", str(first))
    assert entry.detail["reason"] == "It was stale for longer than stale_version_days."
    assert (before.stale, before.due, before.rollback, before.most) == (2, 1, 1, None)
    assert (report.versions.stale, report.versions.due) == (1, 0)
    assert [(each.what, each.cause, each.count) for each in report.dropped] == [("versions", "age", 1)]
    assert report.days.stale_versions == 365


def test_of_too_many_the_oldest_go(tmp_path: Path, template: Path) -> None:
    """However young they are, and each workload for itself."""
    bench = Bench(tmp_path, template, stale_versions=2)
    young = bench.add(4, 3, 2, 1)
    bench.add(9, 8, workload=2)

    assert bench.tidy() == young[:2]
    with bench.core.store.read() as session:
        reasons = session.scalars(select(AuditRow.detail)).all()
    assert {each["reason"] for each in reasons} == {
        "The workload has more stale versions than stale_versions."
    }
    bench.core.store.close()


def test_what_judged_when_an_unclosed_alert_opened_stays(bench: Bench) -> None:
    """It became stale after that; a version that was stale before, and closed alerts, hold nothing."""
    before, judged, later, _ = bench.add(900, 600, 500, 5)
    bench.alert(700)
    bench.alert(950, status="closed")
    bench.alert(960, kind="signature")
    other = bench.add(700, 1, workload=2)

    assert bench.tidy() == [before, other[0]]
    with bench.core.store.write() as session:
        session.get_one(AlertRow, 700).status = "closed"
    assert bench.tidy() == [before, other[0]]  # superseded: nobody has closed it
    with bench.core.store.write() as session:
        session.get_one(AlertRow, 700).triage = "closed"
    assert bench.tidy() == [before, judged, later, other[0]]


def test_none_need_stay_for_a_rollback(tmp_path: Path, template: Path) -> None:
    """With `rollback_versions` 0 the predecessor of an active version goes like all others."""
    bench = Bench(tmp_path, template, rollback_versions=0)
    old = bench.add(900, 800)

    assert bench.tidy() == old
    bench.core.store.close()


def test_a_version_that_is_rolled_back_to_in_between_stays(bench: Bench) -> None:
    """What a reader took for free is asked again by the writer."""
    old, _ = bench.add(900, 1)
    keeper = Keeper(bench.core)
    real = keeper._delete

    def roll_back_first(*arguments: object) -> None:
        with bench.core.store.write() as session:
            session.get_one(BaselineVersionRow, old).state = "active"
        real(*arguments)  # type: ignore[arg-type]

    keeper._delete = roll_back_first  # type: ignore[method-assign]
    keeper.tidy()

    with bench.core.store.read() as session:
        assert session.get_one(BaselineVersionRow, old).state == "active"


@settings(max_examples=10, deadline=None)
@given(
    ages=st.lists(st.integers(1, 800), max_size=8, unique=True),
    kept=st.tuples(st.integers(0, 3), st.sampled_from([0, 3, 5])),
    opened=st.none() | st.integers(1, 800),
)
def test_what_stays_is_what_the_settings_say(
    template: Path,
    tmp_path_factory: pytest.TempPathFactory,
    ages: list[int],
    kept: tuple[int, int],
    opened: int | None,
) -> None:
    """Held against the rule in words: newest for a rollback, then age and number, unless an alert is open."""
    rollback, most = kept
    folder = tmp_path_factory.mktemp("case")
    bench = Bench(folder, template, rollback_versions=rollback, stale_versions=most)
    ids = dict(zip(bench.add(*ages), ages, strict=True))
    if opened is not None:
        bench.alert(opened)

    gone = bench.tidy()

    newest_first = sorted(ids, key=lambda each: ids[each])
    expected = [
        each
        for place, each in enumerate(newest_first, 1)
        if place > rollback
        and (ids[each] > 365 or (most and place > most))
        and not (opened is not None and ids[each] <= opened)
    ]
    assert gone == sorted(expected)
    bench.core.store.close()


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"stale_version_days": 0}, "at least 1"),
        ({"rollback_versions": -1}, "at least 0"),
        ({"stale_versions": 1, "rollback_versions": 2}, "at least 2"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(wrong: dict, expected: str) -> None:
    """The sentence says what was expected."""
    with pytest.raises(SettingError, match=expected):
        ServiceSettings(**wrong)
