"""How PostgreSQL is opened: writers one after another, readers that see one instant (ADR 0083).

Whoever writes holds an advisory lock from before its first id is given out
until after its commit is visible, so that ids grow in the order of commits.
A service also holds a lock of its session, on the one connection through
which it writes: a second service cannot write to the same database.
"""

from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection

BUSY_S: Final = 10
"""How long a writer waits for another one, and a reader for a connection."""
READERS: Final = 16
"""Connections for readers; a request holds one while it reads, not while it is answered."""

_WRITE_LOCK: Final = "1852797555, 1"
_SERVICE_LOCK: Final = "1852797555, 2"
_MIGRATION_LOCK: Final = "1852797555, 3"
_INTAKE_LOCK: Final = "1852797555, 4"
"""Keys of advisory locks, which other programs may take in the same database: "nons" and a number."""

_CONNECT_S: Final = 5
# A server that is gone without a word is noticed within a minute, and so is a service by the server.
_KEEPALIVE: Final = {"keepalives_idle": 20, "keepalives_interval": 10, "keepalives_count": 3}
_SESSION: Final = {
    "tcp_keepalives_idle": "20",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    "timezone": "UTC",
    # Pages and counts are short; to compile one takes longer than to run it, on a CPU that others wait for.
    "jit": "off",
}
_READ_TIMEOUT_S: Final = 30
_WRITE_TIMEOUT_S: Final = 60
_IDLE_WRITER_S: Final = 120
"""After which the server takes the lock from a writer that says nothing; a batch is scored in seconds."""

_MIGRATION_LOCK_S: Final = 5
_MIGRATION_TIMEOUT_S: Final = 900

_SENTENCES: Final = (
    ("53100", "The disk of the database is full; nothing was stored."),
    ("53300", "The database has too many connections; nothing was stored."),
    ("55P03", f"The database was busy with other writes for {BUSY_S} seconds."),
    ("57014", "The database took too long over one question; nothing was stored."),
    ("57P", "The database is restarting; nothing was stored."),
    ("25P03", "The database ended a transaction that was idle; nothing was stored."),
    ("25006", "The database is read-only; nothing was stored."),
    ("40", "The database ended a transaction that another one was in the way of; nothing was stored."),
    ("28", "The database does not let this service in."),
    ("3D", "There is no database of this name."),
    ("58", "The disk of the database fails; nothing was stored."),
)


def open_engines(url: URL) -> tuple[Engine, Engine, Engine]:
    """Return engines for readers, for writers and for who takes in; the last two have one connection each."""
    readers = _engine(
        url,
        lock_s=BUSY_S,
        statement_s=_READ_TIMEOUT_S,
        isolation_level="REPEATABLE READ",
        execution_options={"postgresql_readonly": True},
        pool_size=READERS // 2,
        max_overflow=READERS // 2,
    )
    return readers, _writers(url, _WRITE_LOCK), _writers(url, _INTAKE_LOCK)


def _writers(url: URL, lock: str) -> Engine:
    """Return an engine whose only connection takes a lock at the begin of each transaction."""
    # What a writer reads first must be what the writer before it committed: one snapshot per statement.
    engine = _engine(
        url,
        lock_s=BUSY_S,
        statement_s=_WRITE_TIMEOUT_S,
        isolation_level="READ COMMITTED",
        pool_size=1,
        max_overflow=0,
    )

    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({lock})").close()

    event.listen(engine, "connect", _make_durable)
    event.listen(engine, "begin", begin)
    return engine


def open_for_migration(url: URL) -> Engine:
    """Return an engine that gives up where a migration would keep a running service waiting."""
    return _engine(
        url, lock_s=_MIGRATION_LOCK_S, statement_s=_MIGRATION_TIMEOUT_S, isolation_level="READ COMMITTED"
    )


def claim_migrations(connection: Connection) -> bool:
    """Take the lock of migrations for a session; tell whether nobody else has it."""
    return bool(connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({_MIGRATION_LOCK})").scalar_one())


def claim(connection: DBAPIConnection) -> bool:
    """Take the lock of the service for a session; tell whether no other service has it."""
    return bool(_ask(connection, f"SELECT pg_try_advisory_lock({_SERVICE_LOCK})"))


def describe(code: str | None) -> str:
    """Return one sentence on what is wrong, without where the database is or who asked.

    Args:
        code: SQLSTATE; None where there was no answer at all.
    """
    for prefix, sentence in _SENTENCES:
        if code and code.startswith(prefix):
            return sentence
    return "The database does not answer; nothing was stored."


def is_outage(code: str | None) -> bool:
    """Tell whether an error is the database's state and not our mistake."""
    return code is not None and code[:2] in {"08", "25", "28", "3D", "40", "53", "55", "57", "58"}


def _engine(url: URL, *, lock_s: int, statement_s: int, **options: Any) -> Engine:  # noqa: ANN401 - SQLAlchemy's
    session = _SESSION | {
        "lock_timeout": f"{lock_s}s",
        "statement_timeout": f"{statement_s}s",
        "idle_in_transaction_session_timeout": f"{_IDLE_WRITER_S}s",
    }
    arguments: dict[str, Any] = {
        "connect_timeout": _CONNECT_S,
        "application_name": "nonself",
        "options": " ".join(f"-c {name}={value}" for name, value in session.items()),
    }
    # What the URL says of these goes first.
    arguments = {name: value for name, value in (_KEEPALIVE | arguments).items() if name not in url.query}
    # A connection that a restart of the database has cut is found before it is used, and replaced.
    return create_engine(url, connect_args=arguments, pool_pre_ping=True, pool_timeout=BUSY_S, **options)


def _make_durable(connection: DBAPIConnection, _record: object) -> None:
    """Insist that what is acknowledged was flushed, whatever the server's default is."""
    if _ask(connection, "SHOW synchronous_commit") == "off":
        _ask(connection, "SELECT set_config('synchronous_commit', 'on', false)")


def _ask(connection: DBAPIConnection, statement: str) -> Any:  # noqa: ANN401 - a single value of any type
    # Otherwise the driver would begin a transaction, with whose end what was set would go.
    connection.autocommit = True
    try:
        cursor = connection.cursor()
        cursor.execute(statement)
        row = cursor.fetchone()
        cursor.close()
    finally:
        connection.autocommit = False
    return row[0] if row else None
