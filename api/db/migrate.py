"""Brings a database to the newest schema, one transaction for each step."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

import migrations
from api.db import postgresql, sqlite
from api.db.store import cause, describe, is_postgresql, parse
from api.errors import StartError

_TRIES: Final = 12
_PAUSE_S: Final = 2.0
_LOCK_NOT_AVAILABLE: Final = "55P03"


def config(connection: Connection | None = None) -> Config:
    """Return Alembic's configuration; there is no file of it."""
    made = Config()
    made.set_main_option("script_location", str(Path(migrations.__file__).parent))
    made.set_main_option("path_separator", "os")
    made.set_main_option(
        "file_template", "%%(year)d%%(month).2d%%(day).2d_%%(hour).2d%%(minute).2d_%%(slug)s"
    )
    made.attributes["connection"] = connection
    return made


def upgrade(url: str, revision: str = "head") -> None:
    """Apply the migrations that are missing.

    Raises:
        StartError: The database cannot be opened or written, or was made by a newer release.
    """
    engine = open_engine(url)
    shown = engine.url.render_as_string()
    try:
        with _alone(engine):
            _upgrade(engine, revision)
    except DBAPIError as error:
        msg = f"The database {shown} cannot be prepared: {describe(error)} ({cause(error)})"
        raise StartError(msg) from error
    except CommandError as error:
        msg = f"The database {shown} was made by a newer release: {error}."
        raise StartError(msg) from error
    finally:
        engine.dispose()


@contextmanager
def _alone(engine: Engine) -> Iterator[None]:
    """Keep other migrations of the same database out; SQLite does so by itself."""
    if not is_postgresql(engine.url):
        yield
        return
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
        if encoding != "UTF8":
            msg = f"The database {engine.url.render_as_string()} must hold UTF8; its encoding is {encoding}."
            raise StartError(msg)
        deadline = time.monotonic() + _TRIES * _PAUSE_S
        # Asked again and again: who waits within a question holds a snapshot, for which an index that is
        # built beside a running service would wait.
        while not postgresql.claim_migrations(connection):
            if time.monotonic() >= deadline:
                msg = (
                    f"Another program migrates the database {engine.url.render_as_string()}; try again later."
                )
                raise StartError(msg)
            time.sleep(_PAUSE_S / 10)
        yield


def _upgrade(engine: Engine, revision: str) -> None:
    """Apply what is missing; a step that met a long transaction has changed nothing and is tried again."""
    for tried in range(1, _TRIES + 1):
        try:
            with engine.connect() as connection:
                # Each step brings its own transaction: SQLite's BEGIN must not be around all of them.
                command.upgrade(config(connection), revision)
        except DBAPIError as error:
            if tried == _TRIES or getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
                raise
            time.sleep(_PAUSE_S)
        else:
            return


def versions(url: str) -> tuple[str | None, str | None]:
    """Return the revision a database has, and the newest one known.

    Raises:
        StartError: The database cannot be opened.
    """
    engine = open_engine(url)
    try:
        with engine.connect() as connection:
            current = MigrationContext.configure(connection).get_current_revision()
    except DBAPIError as error:
        shown = engine.url.render_as_string()
        msg = f"The database {shown} cannot be read: {describe(error)} ({cause(error)})"
        raise StartError(msg) from error
    finally:
        engine.dispose()
    return current, ScriptDirectory.from_config(config()).get_current_head()


def open_engine(url: str) -> Engine:
    """Return an engine for migrations.

    Raises:
        StartError: The URL is none of a database that we know.
    """
    try:
        parsed = parse(url)
        if is_postgresql(parsed):
            return postgresql.open_for_migration(parsed)
        return sqlite.open_engines(url)[0]
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        # What came is not shown: it may hold a password.
        msg = (
            "database_url: expected a URL such as sqlite:////var/lib/nonself.db or "
            f"postgresql://nonself@db.example/nonself ({type(error).__name__})."
        )
        raise StartError(msg) from error
