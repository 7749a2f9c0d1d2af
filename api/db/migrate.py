"""Brings a database to the newest schema, one transaction for each step."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

import migrations
from api.db.store import describe, open_engine
from api.errors import StartError


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
    engine = _engine(url)
    try:
        with engine.connect() as connection:
            # Each step brings its own transaction: SQLite's BEGIN must not be around all of them.
            command.upgrade(config(connection), revision)
    except DBAPIError as error:
        msg = f"The database {engine.url.render_as_string()} cannot be prepared: {describe(error)}"
        raise StartError(msg) from error
    except CommandError as error:
        msg = f"The database {engine.url.render_as_string()} was made by a newer release: {error}."
        raise StartError(msg) from error
    finally:
        engine.dispose()


def versions(url: str) -> tuple[str | None, str | None]:
    """Return the revision a database has, and the newest one known.

    Raises:
        StartError: The database cannot be opened.
    """
    engine = _engine(url)
    try:
        with engine.connect() as connection:
            current = MigrationContext.configure(connection).get_current_revision()
    except DBAPIError as error:
        msg = f"The database {engine.url.render_as_string()} cannot be read: {describe(error)}"
        raise StartError(msg) from error
    finally:
        engine.dispose()
    return current, ScriptDirectory.from_config(config()).get_current_head()


def _engine(url: str) -> Engine:
    try:
        return open_engine(url)
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        msg = f"database_url: expected a URL such as sqlite:////var/lib/nonself.db; got {url!r} ({error})."
        raise StartError(msg) from error
