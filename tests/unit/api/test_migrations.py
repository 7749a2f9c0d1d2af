"""The schema and its history."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, select

from api.db.access_tables import TokenRow
from api.db.alert_tables import AlertRow
from api.db.migrate import config, open_engine, upgrade, versions
from api.db.store import Store
from api.db.tables import Base, WorkloadRow
from api.errors import StartError
from api.standing import status_of
from tests.postgres import Cluster

GOLDEN = Path(__file__).parents[2] / "golden" / "db"


@pytest.fixture
def url(tmp_path: Path) -> str:
    """The URL of a database that does not exist yet."""
    return f"sqlite:///{tmp_path / 'nonself.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without a schema, of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'nonself.db'}"
        return
    cluster: Cluster = request.getfixturevalue("cluster")
    yield cluster.create("empty")
    cluster.drop("empty")


def test_there_is_one_newest_schema() -> None:
    """Two migrations never follow the same one."""
    assert len(ScriptDirectory.from_config(config()).get_heads()) == 1


def test_tables_and_migrations_agree(empty: str) -> None:
    """Alembic finds nothing left to migrate."""
    upgrade(empty)
    engine = open_engine(empty)
    with engine.connect() as connection:
        command.check(config(connection))
    engine.dispose()


def test_up_down_up(empty: str) -> None:
    """Every step can be taken back and again."""
    upgrade(empty)
    engine = open_engine(empty)
    with engine.connect() as connection:
        command.downgrade(config(connection), "base")
    with engine.connect() as connection:
        left = set(inspect(connection).get_table_names()) - {"sqlite_sequence"}
    engine.dispose()
    upgrade(empty)

    current, newest = versions(empty)
    assert left == {"alembic_version"}
    assert current == newest


@pytest.mark.parametrize("dump", sorted(GOLDEN.glob("*.sql")), ids=lambda path: path.stem)
def test_a_database_of_every_release_opens(dump: Path, tmp_path: Path) -> None:
    """What an older release wrote is brought to the newest schema and read."""
    connection = sqlite3.connect(tmp_path / "nonself.db")
    connection.executescript(dump.read_text())
    connection.close()
    url = f"sqlite:///{tmp_path / 'nonself.db'}"

    upgrade(url)

    store = Store(url)
    with store.read() as session:
        assert {"admin", "ingest", "read"} <= set(session.scalars(select(TokenRow.role)))
        assert session.scalars(select(WorkloadRow.name)).all() == ["cart"]
    store.close()


def test_a_database_of_a_newer_release_is_left_alone(url: str, tmp_path: Path) -> None:
    """An older program says so in one sentence and changes nothing."""
    upgrade(url)
    connection = sqlite3.connect(tmp_path / "nonself.db")
    connection.execute("UPDATE alembic_version SET version_num = 'ffff'")
    connection.commit()
    connection.close()

    with pytest.raises(StartError, match="newer release"):
        upgrade(url)


def test_a_file_that_is_no_database_is_one_sentence(url: str, tmp_path: Path) -> None:
    """Somebody else's file is not overwritten."""
    (tmp_path / "nonself.db").write_bytes(b"something else" * 100)

    with pytest.raises(StartError, match="cannot be prepared"):
        upgrade(url)


@pytest.mark.parametrize("wrong", ["foo", "nosuch://here/db"])
def test_a_url_that_is_none_is_one_sentence(wrong: str) -> None:
    """What is no database URL is named, beside one that is."""
    for use in (upgrade, versions):
        with pytest.raises(StartError, match="expected a URL such as sqlite"):
            use(wrong)


def test_indexes_of_some_rows_are_so_on_both_databases(cluster: Cluster) -> None:
    """What a partial index leaves out on SQLite it leaves out on PostgreSQL, and none is left half built."""
    partial = {
        index.name: (index.dialect_kwargs.get("sqlite_where"), index.dialect_kwargs.get("postgresql_where"))
        for table in Base.metadata.tables.values()
        for index in table.indexes
    }
    upgrade(cluster.create("partial"))
    with cluster.connect("partial") as connection:
        found = connection.execute(
            "SELECT c.relname, i.indpred IS NOT NULL, i.indisvalid FROM pg_index i "
            "JOIN pg_class c ON c.oid = i.indexrelid"
        ).fetchall()
    cluster.drop("partial")

    assert {name: str(one) for name, (one, _) in partial.items()} == {
        name: str(other) for name, (_, other) in partial.items()
    }
    assert {name for name, has_condition, _ in found if has_condition} == {
        name for name, (one, _) in partial.items() if one is not None
    }
    assert all(valid for *_, valid in found)


def test_alerts_of_earlier_releases_stand_where_people_left_them(tmp_path: Path) -> None:
    """What a suppression closed is closed as benign, and what was reopened is open, unless a later one is."""
    connection = sqlite3.connect(tmp_path / "nonself.db")
    connection.executescript((GOLDEN / "0019.sql").read_text())
    columns = [row[1] for row in connection.execute("PRAGMA table_info(alerts)") if row[1] != "id"]
    copied = ", ".join(columns)

    def copy(id_: int, **changes: str | None) -> None:
        values = ", ".join(f":{each}" if each in changes else each for each in columns)
        statement = f"INSERT INTO alerts (id, {copied}) SELECT {id_}, {values} FROM alerts WHERE id = 1"
        connection.execute(statement, changes)

    reopened = {"triage": "acknowledged", "verdict": None, "status": "closed"}
    copy(11, **reopened, rule="alone")
    copy(12, **reopened, rule="twice")
    copy(13, triage="new", verdict=None, status="open", rule="twice")
    copy(14, triage="new", verdict=None, status="closed", rule="superseded")
    connection.commit()
    connection.close()
    url = f"sqlite:///{tmp_path / 'nonself.db'}"

    upgrade(url)

    store = Store(url)
    with store.read() as session:
        rows = {row.id: row for row in session.scalars(select(AlertRow))}
        found = {id_: (status_of(row).value, row.triage, row.verdict) for id_, row in rows.items()}
    store.close()
    assert found[2] == ("closed", "closed", "benign")
    assert {id_: found[id_] for id_ in (11, 12, 13, 14)} == {
        11: ("open", "acknowledged", None),
        12: ("superseded", "acknowledged", None),
        13: ("open", "new", None),
        14: ("superseded", "new", None),
    }
