"""What a session of a request sees: the promises that no route has to keep."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import aliased

from api.access.failures import FREE, LONGEST_MS, Failures
from api.db.access_tables import AuditRow, TokenRow
from api.db.alert_tables import AlertRow, FindingRow
from api.db.migrate import upgrade
from api.db.scope import Scope, admit, visiting
from api.db.store import Store
from api.db.suppression_tables import SuppressionRow
from api.db.tables import Base, NodeRow, ScoreRow, WorkloadRow
from api.errors import ForbiddenError
from tests.rows import Window, add_windows, add_workloads

SHOP = Scope(namespaces=frozenset({"shop"}))
NAMESPACES = ("shop", "bank", "shop", "vault", "bank", "shop")
OWN = [1, 3, 6]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A database of six workloads in three namespaces, with a score each."""
    url = f"sqlite:///{tmp_path_factory.mktemp('scope') / 'nonself.db'}"
    upgrade(url)
    made = Store(url)
    with made.write() as session:
        add_workloads(session, len(NAMESPACES))
        session.flush()
        for number, namespace in enumerate(NAMESPACES, 1):
            row = session.get(WorkloadRow, number)
            assert row is not None
            row.namespace = namespace
        session.flush()
        add_windows(session, [Window(workload=each, start=each * 10_000) for each in range(1, 7)], first=1)
    yield made
    made.close()


@contextmanager
def as_bearer(scope: Scope) -> Iterator[None]:
    """Answer a request of somebody."""
    with visiting():
        admit(scope)
        yield


def test_nothing_is_read_before_it_is_known_who_asks(store: Store) -> None:
    """A route that forgets to authenticate fails, and shows nothing; workers serve nobody and read all."""
    with visiting(), pytest.raises(RuntimeError, match="before anybody was authenticated"), store.read():
        pass
    with visiting(), pytest.raises(RuntimeError), store.write():
        pass
    with visiting(), store.read(whole=True) as session:
        assert session.scalar(select(func.count()).select_from(WorkloadRow)) == len(NAMESPACES)
    with store.read() as session:
        assert session.scalar(select(func.count()).select_from(WorkloadRow)) == len(NAMESPACES)


def test_every_way_to_ask_is_narrowed(store: Store) -> None:
    """Rows, single columns, counts, joins, subqueries, aliases and rows by key."""
    alias = aliased(ScoreRow)
    newest = select(ScoreRow.workload_id).order_by(ScoreRow.id).subquery()
    with as_bearer(SHOP), store.read() as session:
        assert [row.id for row in session.scalars(select(WorkloadRow))] == OWN
        assert list(session.scalars(select(ScoreRow.workload_id))) == OWN
        assert session.scalar(select(func.count()).select_from(ScoreRow)) == 3
        assert session.scalar(select(func.count(newest.c.workload_id))) == 3
        assert list(session.scalars(select(alias.workload_id))) == OWN
        joined = select(ScoreRow.workload_id, NodeRow.name).join(NodeRow, NodeRow.id == 1)
        assert [row[0] for row in session.execute(joined)] == OWN
        named = select(WorkloadRow.id).where(WorkloadRow.id.in_(select(ScoreRow.workload_id)))
        assert list(session.scalars(named)) == OWN
        assert session.get(WorkloadRow, 1) is not None
        assert session.get(WorkloadRow, 2) is None
        assert session.get(ScoreRow, 2) is None


def test_every_table_of_workloads_is_narrowed(store: Store) -> None:
    """Whatever table names a workload or an alert: no row of it is seen that is another's."""
    seen = 0
    for mapper in Base.registry.mappers:
        owner = next((each for each in ("workload_id", "alert_id") if each in mapper.columns), None)
        if owner is None:
            continue
        with as_bearer(Scope(namespaces=frozenset({"nobody"}))), store.read() as session:
            assert session.scalars(select(mapper.class_)).all() == []
            seen += 1
    assert seen >= 12


def test_what_cannot_be_narrowed_is_refused(store: Store) -> None:
    """Tables of the whole installation, tables named otherwise than by their class, and SQL text."""
    tables = Base.metadata.tables
    for statement in (
        select(TokenRow),
        select(AuditRow),
        select(NodeRow),
        select(tables["scores"]),
        select(func.count()).select_from(tables["workloads"]),
        select(WorkloadRow.id).where(text("1 = 1")),
        select(WorkloadRow.id).where(WorkloadRow.name.in_(select(TokenRow.name))),
        text("SELECT * FROM workloads"),
    ):
        with (
            as_bearer(SHOP),
            store.read() as session,
            pytest.raises(ForbiddenError, match="the token is limited to namespace shop"),
        ):
            session.execute(statement)


def test_changes_reach_ones_own_rows_alone(store: Store) -> None:
    """By statement or by row; a new row must belong to a workload that is seen."""
    with as_bearer(SHOP), store.write() as session:
        session.execute(update(ScoreRow).values(calls=7).execution_options(synchronize_session=False))
    with store.read() as session:
        changed = session.scalars(select(ScoreRow.workload_id).where(ScoreRow.calls == 7))
        assert list(changed) == OWN

    for stranger in (
        suppression(None),
        suppression(2),
        TokenRow(name="mine", role="admin", digest=b"", created_at=0),
        WorkloadRow(namespace="shop"),
    ):
        with as_bearer(SHOP), pytest.raises(ForbiddenError), store.write() as session:
            session.add(stranger)
    for kind, owner, other in ((WorkloadRow, "namespace", "bank"), (ScoreRow, "workload_id", 2)):
        with as_bearer(SHOP), pytest.raises(ForbiddenError), store.write() as session:
            setattr(session.get_one(kind, 1), owner, other)
    with as_bearer(SHOP), store.read() as session, pytest.raises(ForbiddenError):
        session.connection()
    with as_bearer(SHOP), store.write() as session:
        session.get_one(WorkloadRow, 1).budget_per_week = 3.0
        session.add(suppression(3))
        session.add(AuditRow(created_at=0, actor="a", action="b", target="c", detail={}))


def suppression(workload: int | None) -> SuppressionRow:
    """Return a suppression of a workload, or of all."""
    return SuppressionRow(
        by="rule", workload_id=workload, rule="r", ngrams=[], tokens=[], arch="", reason="", owner="",
        actor="", created_at=0, expires_at=1,
    )  # fmt: skip


def test_a_visit_reaches_threads_that_answer_it_and_no_others(store: Store) -> None:
    """What was admitted within a visit is gone after it."""
    with as_bearer(SHOP), store.read() as session:
        assert len(session.scalars(select(WorkloadRow)).all()) == 3
    with store.read() as session:
        assert len(session.scalars(select(WorkloadRow)).all()) == 6
        assert session.scalars(select(AlertRow)).all() == session.scalars(select(FindingRow)).all() == []


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    namespaces=st.frozensets(st.sampled_from(["shop", "bank", "vault", "none"])),
    workloads=st.frozensets(st.integers(1, 8)),
)
def test_limits_add_up(store: Store, namespaces: frozenset[str], workloads: frozenset[int]) -> None:
    """Whatever the limits: what is seen is exactly what they name, and everything where they name nothing."""
    named = [
        each
        for each, namespace in enumerate(NAMESPACES, 1)
        if namespace in namespaces or each in workloads or not (namespaces or workloads)
    ]
    with as_bearer(Scope(namespaces, workloads)), store.read() as session:
        assert list(session.scalars(select(WorkloadRow.id).order_by(WorkloadRow.id))) == named
        assert list(session.scalars(select(ScoreRow.workload_id).order_by(ScoreRow.id))) == named


@given(st.lists(st.integers(0, 2_000_000), min_size=FREE, max_size=40))
def test_the_wait_of_a_guesser_only_grows_and_is_bounded(pauses: list[int]) -> None:
    """From its tenth wrong token on an address waits, at least as long as before, at most 15 minutes."""
    failures, now, before = Failures(), 0, 0
    for number, pause in enumerate(pauses, 1):
        now += pause
        failures.failed("192.0.2.1", now)
        wait = failures.wait_s("192.0.2.1", b"key", now)
        assert before <= wait <= LONGEST_MS // 1000
        assert (wait > 0) == (number >= FREE)
        assert failures.wait_s("192.0.2.2", b"key", now) == 0
        before = wait


def test_a_subscriber_of_ipv6_has_one_address() -> None:
    """A /64 is handed out whole: its addresses wait together, and others do not."""
    failures = Failures()
    for each in range(FREE):
        failures.failed(f"2001:db8:0:1::{each:x}", 0)

    assert failures.wait_s("2001:db8:0:1:ffff::1", b"", 0) == 1
    assert failures.wait_s("2001:db8:0:2::1", b"", 0) == 0
    assert failures.wait_s("::ffff:192.0.2.1", b"", 0) == 0


def test_what_is_remembered_of_addresses_is_bounded() -> None:
    """Whoever has many addresses fills no memory; the longest quiet are forgotten first."""
    failures = Failures(most=100)
    for each in range(1000):
        failures.failed(f"198.51.{each // 250}.{each % 250}", each)
        failures.succeeded(f"198.51.{each // 250}.{each % 250}", b"key")

    assert len(failures._records) == len(failures._known) == 100


def test_a_clock_that_was_set_back_holds_up_nobody() -> None:
    """Otherwise an address would wait until the clock has caught up."""
    failures = Failures()
    for _ in range(FREE):
        failures.failed("192.0.2.1", 86_400_000)

    assert failures.wait_s("192.0.2.1", b"", 86_400_000) == 1
    assert failures.wait_s("192.0.2.1", b"", 0) == 0


def test_an_hour_of_quiet_begins_anew() -> None:
    """A mistake of yesterday holds up nobody."""
    failures = Failures()
    for _ in range(FREE + 5):
        failures.failed("192.0.2.1", 0)
    failures.failed("192.0.2.1", 3_600_001)

    assert failures.wait_s("192.0.2.1", b"", 3_600_001) == 0
