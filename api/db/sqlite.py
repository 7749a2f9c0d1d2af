"""How SQLite is opened: commits are durable, readers pass writers, and a writer takes its lock at once."""

import sqlite3
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event

BUSY_S: Final = 10
_WRITES: Final = "nonself_writes"


def open_engines(url: str) -> tuple[Engine, Engine]:
    """Return an engine for readers and one for writers; both use one pool."""
    engine = create_engine(url, connect_args={"timeout": BUSY_S, "check_same_thread": False})
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine, engine.execution_options(**{_WRITES: True})


def describe(cause: str) -> str:
    """Return one sentence on what SQLite says is wrong."""
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


def _prepare(connection: sqlite3.Connection, _record: Any) -> None:  # noqa: ANN401 - SQLAlchemy's own
    # The driver must not begin transactions by itself: it would do so late, and never for a read.
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"busy_timeout={BUSY_S * 1000}",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin(connection: Connection) -> None:
    # A writer takes the lock at once: one that began as a reader could not wait for it later.
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
