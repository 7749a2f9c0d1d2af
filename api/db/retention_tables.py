"""The tables of retention: sums of what was scored, how far they reach, and what was dropped."""

from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from api.db.tables import Base, Id


class RollUpRow(Base):
    """Sums over the windows of one workload that began in one hour or day (`api.retention.rollup`)."""

    __tablename__ = "rollups"
    __table_args__ = (
        Index("ix_rollups_span_ms_start", "span_ms", "start"),
        {"sqlite_with_rowid": False},
    )

    workload_id: Mapped[int] = mapped_column(Id, ForeignKey("workloads.id"), primary_key=True)
    span_ms: Mapped[int] = mapped_column(primary_key=True)
    start: Mapped[int] = mapped_column(primary_key=True)
    normal: Mapped[int]
    anomalous: Mapped[int]
    insufficient: Mapped[int]
    calls: Mapped[int]
    p_values: Mapped[list[Any]]
    """Windows in each bin of `EDGES`."""
    lost: Mapped[dict[str, Any]]


class RollUpMarkRow(Base):
    """One row: the newest score that is part of the roll-ups. Ids grow in the order of commits (ADR 0015)."""

    __tablename__ = "rollup_marks"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    score_id: Mapped[int]


class DroppedRow(Base):
    """What retention deleted on one day (UTC): of which kind, how many, and why."""

    __tablename__ = "dropped"

    day: Mapped[int] = mapped_column(primary_key=True)
    cause: Mapped[str] = mapped_column(primary_key=True)
    what: Mapped[str] = mapped_column(primary_key=True)
    count: Mapped[int]
    oldest: Mapped[int]
    """Earliest time of what was dropped: of a window its start, of all else when it came."""
    newest: Mapped[int]
