"""What a store promises, whatever database it has: one writer at a time, and an outage is one sentence."""

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import ProgrammingError

from api.db.access_tables import AuditRow, TokenRow
from api.db.migrate import upgrade, versions
from api.db.store import Store
from api.db.turns import Turns
from api.errors import StartError, StoreError
from tests.databases import Database
from tests.postgres import Cluster
from tests.waiting import wait_for

WRITERS, WRITES = 4, 25
Opening = Callable[..., Store]


@pytest.fixture
def url(database: Database, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database."""
    with database.fresh(tmp_path) as url:
        yield url or f"sqlite:///{tmp_path / 'nonself.db'}"


@pytest.fixture
def opened(url: str) -> Iterator[Opening]:
    """Open stores of one database, as several processes would."""
    with ExitStack() as stack:

        def make(query: str = "") -> Store:
            store = Store(url + query)
            stack.callback(store.close)
            return store

        yield make


def an_entry(action: str = "test") -> AuditRow:
    """Return a row whose id the database gives."""
    return AuditRow(created_at=0, actor="test", action=action, target="", detail={})


@pytest.mark.databases
def test_no_id_appears_behind_one_that_was_seen(opened: Opening) -> None:
    """Four writers of their own connections, one poller: it never sees a smaller id after a larger one."""
    reader, done = opened(), threading.Event()
    seen: list[int] = []
    query = select(AuditRow.id).order_by(AuditRow.id)

    def poll() -> None:
        while True:
            last = done.is_set()
            with reader.read() as session:
                # Not from a cursor on: what appeared behind it would be missed instead of noticed.
                seen.extend(session.scalars(query.where(AuditRow.id.not_in(seen))))
            if last:
                return

    def write(store: Store) -> None:
        for _ in range(WRITES):
            with store.write() as session:
                session.add(an_entry())
                session.flush()
                session.add(an_entry())

    poller = threading.Thread(target=poll)
    writers = [threading.Thread(target=write, args=(opened(),)) for _ in range(WRITERS)]
    poller.start()
    for each in writers:
        each.start()
    for each in writers:
        each.join()
    done.set()
    poller.join()

    assert len(seen) == 2 * WRITERS * WRITES
    assert [pair for pair in itertools.pairwise(seen) if pair[0] >= pair[1]] == []


@pytest.mark.databases
def test_a_reader_sees_one_instant(opened: Opening) -> None:
    """What is committed while a transaction reads is not part of what it reads."""
    reader, writer = opened(), opened()
    count = select(func.count()).select_from(AuditRow)
    with reader.read() as session:
        before = session.scalar(count)
        with writer.write() as other:
            other.add(an_entry())
        within = session.scalar(count)
    with reader.read() as session:
        after = session.scalar(count)

    assert (before, within, after) == (0, 0, 1)


@pytest.mark.databases
def test_a_writer_sees_what_the_one_before_it_wrote(opened: Opening) -> None:
    """Two that count up one number at the same time lose no step."""
    stores = [opened(), opened()]
    with stores[0].write() as session:
        session.add(TokenRow(id=1, name="n", role="read", digest=bytes(32), created_at=0))

    def count_up(store: Store) -> None:
        for _ in range(WRITES):
            with store.write() as session:
                row = session.get_one(TokenRow, 1)
                row.created_at += 1

    threads = [threading.Thread(target=count_up, args=(each,)) for each in stores]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    with stores[0].read() as session:
        assert session.get_one(TokenRow, 1).created_at == 2 * WRITES


def test_who_waits_for_a_turn_gets_it_before_who_had_it() -> None:
    """A worker that writes again and again lets a waiting request in between any two transactions."""
    turns, order, waiting = Turns(), list[str](), threading.Event()
    assert turns.take(1)

    def request() -> None:
        waiting.set()
        assert turns.take(10)
        order.append("request")
        turns.give()

    thread = threading.Thread(target=request)
    thread.start()
    waiting.wait()
    wait_for(lambda: turns._waiting)
    turns.give()
    assert turns.take(10)
    order.append("worker")
    turns.give()
    thread.join()

    assert order == ["request", "worker"]


def test_a_turn_that_does_not_come_is_given_up() -> None:
    """And passed over, when it would have come."""
    turns = Turns()
    assert turns.take(1)
    assert not turns.take(0.01)
    turns.give()
    assert turns.take(0)


@pytest.mark.databases
def test_a_mistake_of_ours_is_no_outage(opened: Opening) -> None:
    """A statement that is wrong is told as a failure, not hidden behind a 503."""
    if opened().engine.dialect.name == "sqlite":
        pytest.skip("SQLite gives a missing table the class of an outage")
    with pytest.raises(ProgrammingError), opened().read() as session:
        session.execute(text("SELECT * FROM no_such_table"))


class TestPostgresql:
    """What only a server can do to its clients."""

    @pytest.fixture
    def url(self, cluster: Cluster, tmp_path: Path) -> Iterator[str]:
        """The URL of an empty database of the newest schema."""
        name = f"store_{tmp_path.name.lower().replace('-', '_')}"
        url = cluster.create(name)
        upgrade(url)
        yield url
        cluster.drop(name)

    def test_a_second_service_is_refused(self, opened: Opening) -> None:
        """Two workers would learn past each other; a command that makes tokens may write all the same."""
        first, second, command = opened(), opened(), opened()
        first.claim()

        with pytest.raises(StartError, match="Another nonself service uses this database"):
            second.claim(patience_s=0)
        with command.write() as session:
            session.add(an_entry())
        first.close()
        second.claim()

    def test_taking_in_does_not_wait_for_the_worker(self, opened: Opening) -> None:
        """While a transaction of the worker goes on, a delta is taken in, and others of its kind wait."""
        store, other = opened(), opened("?options=-c%20lock_timeout%3D100ms")
        with store.write() as session:
            session.add(an_entry())
            session.flush()
            with store.take_in() as inner:
                inner.add(an_entry())
                inner.flush()
                with pytest.raises(StoreError, match="busy"), other.take_in() as waiting:
                    waiting.connection()
        with store.read() as session:
            assert session.scalar(select(func.count()).select_from(AuditRow)) == 2

    def test_a_cut_connection_is_one_sentence_and_passes(self, opened: Opening, cluster: Cluster) -> None:
        """What was begun is not stored, the claim is taken again, and whoever remembers is told."""
        store = opened()
        store.claim()
        before = store.connections

        def write_and_be_cut() -> None:
            with store.write() as session:
                session.add(an_entry())
                session.flush()
                pid = session.scalar(text("SELECT pg_backend_pid()"))
                with cluster.connect() as other:
                    other.execute("SELECT pg_terminate_backend(%s)", (pid,))
                session.execute(text("SELECT 1"))

        with pytest.raises(StoreError, match="restarting"):
            write_and_be_cut()

        with store.write() as session:
            session.add(an_entry("again"))

        with store.read() as session:
            assert session.scalars(select(AuditRow.action)).all() == ["again"]
        with pytest.raises(StartError):
            opened().claim(patience_s=0)
        assert store.connections == before + 1

    def test_idle_connections_that_were_cut_are_not_noticed(self, opened: Opening, cluster: Cluster) -> None:
        """After a restart of the server the next request is answered."""
        store = opened()
        store.ping()
        with cluster.connect() as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'nonself'"
            )

        store.ping()
        with store.write() as session:
            session.add(an_entry())

    def test_a_writer_that_waits_too_long_is_one_sentence(self, opened: Opening) -> None:
        """A lock that another process holds is given up after the lock timeout."""
        holder, waiter = opened(), opened("?options=-c%20lock_timeout%3D100ms")
        with holder.write() as held:
            held.connection()
            with pytest.raises(StoreError, match="busy with other writes"), waiter.write() as waiting:
                waiting.connection()

    def test_a_standby_is_one_sentence(self, opened: Opening) -> None:
        """A server that takes no writes, as after a failover to the wrong one."""
        store = opened("?options=-c%20default_transaction_read_only%3Don")
        with pytest.raises(StoreError, match="read-only"), store.write() as session:
            session.add(an_entry())

    def test_acknowledged_is_flushed_whatever_the_servers_default(self, opened: Opening) -> None:
        """The cluster of the tests turns it off for speed; writers turn it on."""
        with opened().write() as session:
            assert session.scalar(text("SHOW synchronous_commit")) == "on"

    def test_no_server_is_one_sentence_without_where_it_is(self, url: str, cluster: Cluster) -> None:
        """For clients; whoever starts the service reads the cause, and nobody the password."""
        away = url.replace("nonself@", "nonself:secret@").replace(str(cluster.port), "1")
        store = Store(away)
        with pytest.raises(StoreError) as found:
            store.ping()
        store.close()
        with pytest.raises(StartError, match="refused") as told:
            upgrade(away)

        assert found.value.detail == "The database does not answer; nothing was stored."
        assert "secret" not in str(told.value)
        assert "nonself:***@" in str(told.value)

    def test_a_url_that_cannot_be_read_does_not_show_its_password(self) -> None:
        """The sentence says what was expected."""
        for use in (upgrade, versions):
            with pytest.raises(StartError, match="expected a URL such as") as told:
                use("postgrex://nonself:secret@db/nonself")
            assert "secret" not in str(told.value)

    def test_another_encoding_is_refused(self, cluster: Cluster) -> None:
        """Names and paths are UTF-8."""
        with cluster.connect() as connection:
            connection.execute(
                "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'"
            )
        try:
            with pytest.raises(StartError, match="LATIN1"):
                upgrade(cluster.url("latin"))
        finally:
            cluster.drop("latin")
