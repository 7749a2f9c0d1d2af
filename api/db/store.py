"""The engine and its two kinds of transactions; the only module that commits."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from api.db import scope
from api.errors import StoreError

_BUSY_S: Final = 10
_WRITES: Final = "nonself_writes"


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

    Writers of this process wait for each other here and not in SQLite, whose
    busy handler sleeps ever longer and lets others pass.
    """

    def __init__(self, url: str) -> None:
        self.engine = open_engine(url)
        self._writing = threading.Lock()
        self._write_engine = self.engine.execution_options(**{_WRITES: True})

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
            StoreError: The database cannot be used, or another writer held it for 10 s.
        """
        if not self._writing.acquire(timeout=_BUSY_S):
            msg = f"The database was busy with other writes for {_BUSY_S} seconds."
            raise StoreError(msg)
        try:
            with (
                _one_sentence(),
                _Session(self._write_engine, expire_on_commit=False) as session,
                session.begin(),
            ):
                scope.narrow(session, whole=whole)
                yield session
        finally:
            self._writing.release()

    def ping(self) -> None:
        """Ask the database for an answer.

        Raises:
            StoreError: There is none.
        """
        with self.read(whole=True) as session:
            session.execute(text("SELECT 1"))

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def open_engine(url: str) -> Engine:
    """Return an engine; one for SQLite commits durably and lets readers pass writers."""
    if make_url(url).get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True)
    engine = create_engine(url, connect_args={"timeout": _BUSY_S, "check_same_thread": False})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:  # noqa: ANN401 - SQLAlchemy's own
    # The driver must not begin transactions by itself: it would do so late, and never for a read.
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"busy_timeout={_BUSY_S * 1000}",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes the lock at once: one that began as a reader could not wait for it later.
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def _one_sentence() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        raise StoreError(describe(error)) from error


def describe(error: DBAPIError) -> str:
    """Return one sentence on what is wrong with the database, for people."""
    cause = str(error.orig)
    for sign, sentence in (
        ("is full", "The disk of the database is full; nothing was stored."),
        ("readonly", "The database is read-only; nothing was stored."),
        ("disk I/O", "The disk of the database fails; nothing was stored."),
        ("unable to open", "The database cannot be opened."),
        ("is locked", "The database is locked by another program; nothing was stored."),
    ):
        if sign in cause:
            return sentence
    return f"The database does not answer: {cause}."
