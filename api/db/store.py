"""The engine and its two kinds of transactions; the only module that commits."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import structlog
from sqlalchemy import URL, Connection, Engine, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from api.db import postgresql, scope, sqlite
from api.db.turns import Turns
from api.errors import StartError, StoreError

_BUSY_S: Final = 10
_CLAIM_S: Final = 15.0
"""How long a service waits for the one before it: of a killed one, the server hears late."""
_log = structlog.get_logger()


def _unheard() -> None:
    """Tell nobody of a commit: no stream is open."""


class _Session(Session):
    """A session whose statements are narrowed to what may be seen."""

    def connection(self, *arguments: Any, **named: Any) -> Connection:  # noqa: ANN401 - SQLAlchemy's own
        """Return the connection below; nothing would be narrowed there."""
        scope.refuse_connection(self)
        return super().connection(*arguments, **named)


event.listen(_Session, "do_orm_execute", scope.apply)
event.listen(_Session, "before_flush", scope.check_new)


class Store:
    """A database with read transactions that see one instant, and write transactions one at a time.

    Writers of this process wait for each other here and not in the database: SQLite's
    busy handler sleeps ever longer and lets others pass, and PostgreSQL would give each a connection.
    """

    def __init__(self, url: str) -> None:
        parsed = parse(url)
        self._writing = Turns()
        self._claiming = False
        self.connections = 0
        """Grows with each connection of a writer: what is remembered of the database may be old."""
        self.written: Callable[[], None] = _unheard
        """Called after each commit of `write`, in the thread of its writer; it must be quick."""
        if is_postgresql(parsed):
            engines = postgresql.open_engines(parsed)
            self.engine, self._write_engine, self._intake_engine = engines
            self._taking_in = Turns()
            event.listen(self._write_engine, "connect", self._connected)
        else:
            self.engine, self._write_engine = sqlite.open_engines(url)
            self._intake_engine, self._taking_in = self._write_engine, self._writing

    @contextmanager
    def read(self, *, whole: bool = False) -> Iterator[Session]:
        """Give a session that sees the database as it is now.

        Within a request it sees what the token may see, or everything where it is asked for as a whole.

        Raises:
            StoreError: The database cannot be used.
        """
        with _one_sentence(), _Session(self.engine, expire_on_commit=False) as session:
            scope.narrow(session, whole=whole)
            yield session

    @contextmanager
    def write(self, *, whole: bool = False) -> Iterator[Session]:
        """Give a session whose changes are committed together at the end, or not at all.

        Within a request it sees what the token may see, or everything where it is asked for as a whole.

        Raises:
            StoreError: The database cannot be used, or another writer held it for 10 s. Where the
                connection broke within the commit, nobody knows whether it counts: ask again.
        """
        with self._turn(self._writing, self._write_engine, whole=whole) as session:
            yield session
        self.written()

    @contextmanager
    def take_in(self) -> Iterator[Session]:
        """Give a session that adds to what waits for the worker, as `write` does.

        On PostgreSQL it waits for others of its kind alone and never for the worker: the inbox is
        read by what is pending, so its ids need not grow in one order with those of other tables.

        Raises:
            StoreError: As of `write`.
        """
        with self._turn(self._taking_in, self._intake_engine) as session:
            yield session

    @contextmanager
    def _turn(self, turns: Turns, engine: Engine, *, whole: bool = False) -> Iterator[Session]:
        if not turns.take(_BUSY_S):
            msg = f"The database was busy with other writes for {_BUSY_S} seconds."
            raise StoreError(msg)
        try:
            with _one_sentence(), _Session(engine, expire_on_commit=False) as session, session.begin():
                scope.narrow(session, whole=whole)
                yield session
        finally:
            turns.give()

    @property
    def wanted(self) -> bool:
        """Whether another writer waits for the one that writes now: it had better come to an end."""
        return self._writing.wanted

    def claim(self, patience_s: float = _CLAIM_S) -> None:
        """Be the only service that writes here, until closed; others may still make tokens.

        SQLite's file lies in a state folder that is claimed by itself. PostgreSQL lets go of the claim
        when the connection breaks, and the next writing transaction takes it again before it begins.

        Raises:
            StartError: Another service has it, or the database cannot be used.
        """
        self._claiming = is_postgresql(self.engine.url)
        self._write_engine.dispose()
        deadline = time.monotonic() + patience_s
        while True:
            try:
                with self.write() as session:
                    session.connection()
                    return
            except StoreError as error:
                if time.monotonic() >= deadline:
                    raise StartError(error.detail) from error
            time.sleep(0.2)

    def ping(self) -> None:
        """Ask the database for an answer.

        Raises:
            StoreError: There is none.
        """
        with self.read(whole=True) as session:
            session.execute(text("SELECT 1"))

    def close(self) -> None:
        """Close all connections."""
        for each in (self.engine, self._write_engine, self._intake_engine):
            each.dispose()

    def _connected(self, connection: DBAPIConnection, _record: object) -> None:
        self.connections += 1
        if self._claiming and not postgresql.claim(connection):
            connection.close()
            msg = "Another nonself service uses this database."
            raise StoreError(msg)


def parse(url: str) -> URL:
    """Return a URL with the driver that we use, also where it names none.

    Examples:
        >>> parse("postgres://nonself@db/nonself").drivername
        'postgresql+psycopg'
    """
    parsed = make_url(url)
    if parsed.drivername in {"postgres", "postgresql"}:
        return parsed.set(drivername="postgresql+psycopg")
    return parsed


def is_postgresql(url: URL) -> bool:
    """Tell whether a URL is one of PostgreSQL."""
    return url.get_backend_name() == "postgresql"


@contextmanager
def _one_sentence() -> Iterator[None]:
    try:
        yield
    except PoolTimeoutError as error:
        msg = "All connections to the database are in use."
        raise StoreError(msg) from error
    except DBAPIError as error:
        if not _is_outage(error):
            raise
        _log.warning("database_failed", reason=cause(error))
        raise StoreError(describe(error)) from error


def _is_outage(error: DBAPIError) -> bool:
    if _is_of_sqlite(error) or _code(error) is None:
        # Without a code, a driver's own complaint: of a connection, or of how we use it.
        return isinstance(error, OperationalError | InterfaceError)
    return error.connection_invalidated or postgresql.is_outage(_code(error))


def describe(error: DBAPIError) -> str:
    """Return one sentence on what is wrong with the database, for anybody."""
    return sqlite.describe(str(error.orig)) if _is_of_sqlite(error) else postgresql.describe(_code(error))


def cause(error: DBAPIError) -> str:
    """Return what the database itself said, for whoever runs the service."""
    return " ".join(str(error.orig).split())


def _is_of_sqlite(error: DBAPIError) -> bool:
    return type(error.orig).__module__ == "sqlite3"


def _code(error: DBAPIError) -> str | None:
    code: str | None = getattr(error.orig, "sqlstate", None)
    return code
