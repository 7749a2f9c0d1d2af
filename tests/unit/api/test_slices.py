"""The part of a long table that a page shows is found by time, and is what reading all rows would show."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import BigInteger, Engine, create_engine, insert, select, text
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from api.db import slices
from api.db.slices import Slice
from tests.postgres import Cluster

HOUR_MS = 3_600_000


class Base(DeclarativeBase):
    """Tables of this module's own."""

    type_annotation_map = {int: BigInteger()}  # noqa: RUF012 - read by SQLAlchemy


class LineRow(Base):
    """A row of a long table."""

    __tablename__ = "lines"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[int] = mapped_column(index=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A database of each kind, with the table."""
    url = f"sqlite:///{tmp_path / 'lines.db'}"
    if request.param == "postgresql":
        cluster: Cluster = request.getfixturevalue("cluster")
        url = cluster.create("lines", "template1").replace("postgresql:", "postgresql+psycopg:")
    made = create_engine(url)
    Base.metadata.create_all(made)
    yield made
    made.dispose()
    if request.param == "postgresql":
        cluster.drop("lines")


def pages(session: Session, since_ms: int | None, until_ms: int | None, *, by_time: bool) -> list[int]:
    """Return all ids of a time, page by page."""
    found: list[int] = []
    while True:
        page = Slice(after=found[-1] if found else 0, limit=100, since_ms=since_ms, until_ms=until_ms)
        ids = session.scalars(page.of(select(LineRow.id), LineRow.id, LineRow.at, by_time=by_time)).all()
        if not ids:
            return found
        found += ids


@pytest.mark.parametrize("step_h", [0, 1, 3, -1, -3])
def test_a_time_found_by_index_is_the_time_read_row_by_row(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, step_h: int
) -> None:
    """Also where the clock was set forward or back by hours in the middle."""
    monkeypatch.setattr(slices, "_NEAR", 20)
    rows: list[dict[str, Any]] = [
        {"id": at, "at": at * 60_000 + (step_h * HOUR_MS if at > 300 else 0)} for at in range(1, 601)
    ]
    with Session(engine) as session, session.begin():
        session.execute(insert(LineRow), rows)
        for since_h, until_h in ((1, 2), (0, 3), (4, 6), (5, None), (None, 5), (8, 9), (20, None), (4, 5)):
            since, until = (None if each is None else each * HOUR_MS for each in (since_h, until_h))
            expected = pages(session, since, until, by_time=False)
            assert pages(session, since, until, by_time=True) == expected


def test_only_rows_around_the_time_are_read(engine: Engine) -> None:
    """The plan goes by the index of times to the ids between which the page lies."""
    if engine.dialect.name != "postgresql":
        pytest.skip("only PostgreSQL tells how many rows it read")
    with Session(engine) as session, session.begin():
        session.execute(
            text("INSERT INTO lines (id, at) SELECT i, i * 1000 FROM generate_series(1, 200000) AS s(i)")
        )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE lines"))
        page = Slice(limit=100, since_ms=150_000_000, until_ms=150_060_000)
        query = page.of(select(LineRow.id), LineRow.id, LineRow.at, by_time=True)
        compiled = query.compile(engine, compile_kwargs={"literal_binds": True})
        plan = connection.execute(text(f"EXPLAIN (ANALYZE, FORMAT JSON) {compiled}")).scalar_one()[0]["Plan"]

    def removed(node: dict[str, Any]) -> int:
        below = sum(removed(each) for each in node.get("Plans", []))
        return int(node.get("Rows Removed by Filter", 0)) + below

    assert removed(plan) < 5000
