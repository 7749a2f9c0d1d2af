"""Reads and writes roll-ups, what was dropped, and how large the database is."""

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import delete, func, select, text, tuple_
from sqlalchemy.orm import Session

from api.db.alert_tables import FindingRow
from api.db.baseline_tables import BaselineVersionRow
from api.db.retention_tables import DroppedRow, RollUpMarkRow, RollUpRow
from api.db.tables import ScoreRow
from api.retention.rollup import DAY_MS, HOUR_MS, Key, Scored, Sums, by_day
from api.vocabulary import BaselineState

_ONLY: Final = 1
_CHUNK: Final = 300
"""Keys of three values in one statement: older releases of SQLite take 999 values."""


def find_mark(session: Session) -> int:
    """Return the newest score that is part of the roll-ups, 0 where none is."""
    return session.scalar(select(RollUpMarkRow.score_id).where(RollUpMarkRow.id == _ONLY)) or 0


def move_mark(session: Session, score_id: int) -> None:
    """Remember that all scores up to one are part of the roll-ups."""
    row = session.get(RollUpMarkRow, _ONLY)
    if row is None:
        session.add(RollUpMarkRow(id=_ONLY, score_id=score_id))
    else:
        row.score_id = score_id


def find_scored(
    session: Session, after: int, *, limit: int | None = None, workload_id: int | None = None
) -> list[Scored]:
    """Return scores after an id in the order of ids."""
    query = select(
        ScoreRow.id,
        ScoreRow.workload_id,
        ScoreRow.start,
        ScoreRow.verdict,
        ScoreRow.p_value,
        ScoreRow.calls,
        ScoreRow.lost,
    ).where(ScoreRow.id > after)
    if workload_id is not None:
        query = query.where(ScoreRow.workload_id == workload_id)
    return [Scored(*row) for row in session.execute(query.order_by(ScoreRow.id).limit(limit))]


def add_sums(session: Session, sums: Mapping[Key, Sums]) -> None:
    """Add to the roll-ups, with new rows where there are none."""
    keys = sorted(sums)
    known: dict[Key, RollUpRow] = {}
    for first in range(0, len(keys), _CHUNK):
        rows = session.scalars(
            select(RollUpRow).where(
                tuple_(RollUpRow.workload_id, RollUpRow.span_ms, RollUpRow.start).in_(
                    keys[first : first + _CHUNK]
                )
            )
        )
        known |= {key_of(row): row for row in rows}
    for key in keys:
        row = known.get(key)
        if row is None:
            row = RollUpRow(workload_id=key.workload_id, span_ms=key.span_ms, start=key.start)
            session.add(row)
            total = sums[key]
        else:
            total = sums_of(row)
            total.add(sums[key])
        for name, value in total.as_columns().items():
            setattr(row, name, value)


def fold(session: Session, *, before_ms: int, limit: int) -> int:
    """Add some hours before a time to their days, and delete them; return how many there were."""
    rows = session.scalars(
        select(RollUpRow)
        .where(RollUpRow.span_ms == HOUR_MS, RollUpRow.start < before_ms)
        .order_by(RollUpRow.start)
        .limit(limit)
    ).all()
    add_sums(session, by_day({key_of(row): sums_of(row) for row in rows}))
    for row in rows:
        session.delete(row)
    return len(rows)


def forget_days(session: Session, before_ms: int, limit: int) -> int:
    """Delete some days before a time, and what is known of drops before it; return how many days."""
    keys = [
        (workload_id, start)
        for workload_id, start in session.execute(
            select(RollUpRow.workload_id, RollUpRow.start)
            .where(RollUpRow.span_ms == DAY_MS, RollUpRow.start < before_ms)
            .limit(limit)
        )
    ]
    for first in range(0, len(keys), _CHUNK):
        session.execute(
            delete(RollUpRow).where(
                RollUpRow.span_ms == DAY_MS,
                tuple_(RollUpRow.workload_id, RollUpRow.start).in_(keys[first : first + _CHUNK]),
            ),
            execution_options={"synchronize_session": False},
        )
    session.execute(delete(DroppedRow).where(DroppedRow.day < before_ms))
    return len(keys)


def find_rollups(session: Session, workload_id: int) -> dict[Key, Sums]:
    """Return all roll-ups of a workload."""
    rows = session.scalars(select(RollUpRow).where(RollUpRow.workload_id == workload_id))
    return {key_of(row): sums_of(row) for row in rows}


def key_of(row: RollUpRow) -> Key:
    """Return which workload and time a row is of."""
    return Key(row.workload_id, row.span_ms, row.start)


def sums_of(row: RollUpRow) -> Sums:
    """Return the sums of a row."""
    sums = Sums(row.normal, row.anomalous, row.insufficient, row.calls, list(row.p_values))
    sums.lost.update(row.lost)
    return sums


def enter_drop(session: Session, *, now_ms: int, cause: str, what: str, starts: Sequence[int]) -> None:
    """Add to what was dropped today."""
    if not starts:
        return
    key = (now_ms - now_ms % DAY_MS, cause, what)
    row = session.get(DroppedRow, key)
    if row is None:
        day, cause, what = key
        row = DroppedRow(day=day, cause=cause, what=what, count=0, oldest=min(starts), newest=max(starts))
        session.add(row)
    row.count += len(starts)
    row.oldest, row.newest = min(row.oldest, *starts), max(row.newest, *starts)


def list_dropped(session: Session, since_ms: int) -> Sequence[DroppedRow]:
    """Return what was dropped since a day, oldest first."""
    query = select(DroppedRow).where(DroppedRow.day >= since_ms)
    return session.scalars(query.order_by(DroppedRow.day, DroppedRow.cause, DroppedRow.what)).all()


def count_stale(session: Session) -> int:
    """Return how many versions of baselines are stale."""
    query = select(func.count()).select_from(BaselineVersionRow)
    return session.scalar(query.where(BaselineVersionRow.state == BaselineState.STALE.value)) or 0


def count_waiting(session: Session) -> int:
    """Return how many scores are not part of the roll-ups yet."""
    query = select(func.count()).select_from(ScoreRow).where(ScoreRow.id > find_mark(session))
    return session.scalar(query) or 0


def find_oldest_start(session: Session, workload_id: int) -> int | None:
    """Return the start of a workload's oldest score without a finding, in the order of scoring."""
    return session.scalar(
        select(ScoreRow.start)
        .where(
            ScoreRow.workload_id == workload_id,
            ~select(FindingRow.id).where(FindingRow.score_id == ScoreRow.id).exists(),
        )
        .order_by(ScoreRow.id)
        .limit(1)
    )


def measure(session: Session) -> tuple[int, int] | None:
    """Return the bytes of SQLite's database in use, and those free within its file; None for any other."""
    if session.get_bind().dialect.name != "sqlite":
        return None
    pages, free, page_bytes = (
        session.execute(text(f"PRAGMA {name}")).scalar_one()
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * page_bytes, free * page_bytes
