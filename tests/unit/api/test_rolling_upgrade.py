"""A database is migrated while the release before is still running: it goes on writing and reading."""

import itertools
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Connection,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    insert,
    select,
    text,
)

from api.db import migrate
from api.db.migrate import config, open_engine, upgrade
from api.errors import StartError
from tests.postgres import Cluster

REVISIONS = [each.revision for each in ScriptDirectory.from_config(config()).walk_revisions()][::-1]
STEPS = list(itertools.pairwise(REVISIONS))


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without a schema, of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'nonself.db'}"
        return
    cluster: Cluster = request.getfixturevalue("cluster")
    yield cluster.create("rolling")
    cluster.drop("rolling")


def tables_of(engine: Engine) -> list[Table]:
    """Return the tables as a release knows them, those first that others refer to."""
    known = MetaData()
    known.reflect(engine)
    return [each for each in known.sorted_tables if each.name != "alembic_version"]


def a_value(column: Any, number: int) -> Any:
    """Return something that a column takes, another for each number."""
    kinds: tuple[tuple[type, Any], ...] = (
        (Boolean, False),
        (Integer, number),
        (BigInteger, number),
        (LargeBinary, b"%032d" % number),
        (JSON, {}),
        (String, f"text-{number}"),
    )
    return next((value for kind, value in kinds if isinstance(column.type, kind)), float(number))


def a_row(table: Table, number: int) -> dict[str, Any]:
    """Return a row with all columns that a release knows; what it refers to has the same number."""
    return {each.name: a_value(each, number) for each in table.columns}


def write_and_read(connection: Connection, tables: Sequence[Table], number: int) -> None:
    """Do in every table what a release does: insert by the columns that it knows, and read all of them."""
    for table in tables:
        row = a_row(table, number)
        connection.execute(insert(table), row)
        keys = [each == row[each.name] for each in table.primary_key.columns]
        found = connection.execute(select(table).where(*keys)).mappings().one()
        assert dict(found) == row


def test_each_step_lets_the_release_before_write_and_read(url: str) -> None:
    """After every step, rows of the schema before it are inserted into every table and read again."""
    upgrade(url, REVISIONS[0])
    engine = open_engine(url)
    for number, (_, revision) in enumerate(STEPS, 1):
        before = tables_of(engine)
        with engine.begin() as connection:
            write_and_read(connection, before, 2 * number)
        upgrade(url, revision)
        with engine.begin() as connection:
            write_and_read(connection, before, 2 * number + 1)
    engine.dispose()


def test_a_migration_waits_for_no_long_transaction(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that meets one gives up, so that nobody queues behind it, and comes again; none is half done."""
    monkeypatch.setattr(migrate, "_PAUSE_S", 0.01)
    url = cluster.create("locked", "template1")
    upgrade(url, REVISIONS[0])
    impatient = f"{url}?options=-c%20lock_timeout%3D50ms"
    try:
        with cluster.connect("locked") as holder, holder.transaction():
            holder.execute("SELECT count(*) FROM workloads")
            with pytest.raises(StartError, match="busy with other writes"):
                upgrade(impatient)
            # Somebody who comes after the migration is not kept waiting.
            with cluster.connect("locked") as other:
                other.execute("SET lock_timeout = '100ms'")
                other.execute("SELECT count(*) FROM workloads")
        upgrade(impatient)
        assert migrate.versions(url)[0] == REVISIONS[-1]
    finally:
        cluster.drop("locked")


def test_two_services_that_start_migrate_once(cluster: Cluster) -> None:
    """The second one waits for the first, and finds nothing left to do."""
    url = cluster.create("twice", "template1")
    failed: list[BaseException] = []

    def start() -> None:
        try:
            upgrade(url)
        except BaseException as error:  # noqa: BLE001 - the thread's end would hide it
            failed.append(error)

    threads = [threading.Thread(target=start) for _ in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    engine = open_engine(url)
    with engine.connect() as connection:
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
    engine.dispose()
    cluster.drop("twice")

    assert failed == []
    assert found == [REVISIONS[-1]]
