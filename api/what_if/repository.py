"""Reads the scores of a range of time as a budget would have judged them: counts, and findings."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.orm import Session

from api.db.alert_tables import FindingRow
from api.db.tables import ContainerRow, ScoreRow
from api.ingest.service import MAX_WINDOW_MS
from api.retention import repository as retention
from api.vocabulary import Mode, Verdict
from api.what_if.grouping import Finding

_SKEW_MS: Final = 3_600_000
"""No window is scored so long before it begins, however wrong a node's clock is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Whose windows of which time, and how they are judged."""

    workload_id: int
    since_ms: int
    until_ms: int
    per_week: float
    rate: float
    """Windows a week, for scores of a release that did not keep theirs."""

    def within(self, since_ms: int, until_ms: int) -> ColumnElement[bool]:
        """Tell which ranked windows of the workload begin in a range of time."""
        # Scored after they began: the index of times leads to the first id, and ids lead on.
        first = select(func.min(ScoreRow.id)).where(ScoreRow.scored_at >= since_ms - _SKEW_MS)
        return and_(
            ScoreRow.workload_id == self.workload_id,
            ScoreRow.id >= first.scalar_subquery(),
            ScoreRow.start >= since_ms,
            ScoreRow.start < until_ms,
        )

    @property
    def raised(self) -> ColumnElement[bool]:
        """Tell which windows meet the threshold that the budget gives."""
        return ScoreRow.p_value <= self.per_week / func.coalesce(ScoreRow.windows_per_week, self.rate)


class Counts(NamedTuple):
    """What there is in a range of time."""

    windows: int
    ranked: int
    first: int | None
    """Start of the earliest window."""
    weeks: float
    """Ranked windows by those of a week."""
    unrated: int
    """Ranked windows of a release that did not keep the rate."""
    learning: int
    """Ranked windows in mode `learning`."""


class Judged(NamedTuple):
    """A window that one of two budgets makes a finding."""

    finding: Finding
    before: bool
    """With the budget of its time."""
    after: bool
    """With the budget asked."""
    teaches: bool
    """The baseline was learning: the finding decides whether it learned the window."""
    silent: bool
    """A suppression kept it from raising an alert."""


_FOUND: Final = ScoreRow.verdict == Verdict.ANOMALOUS.value


def count(session: Session, asked: Asked) -> Counts:
    """Return how many windows there are."""
    ranked = ScoreRow.p_value.is_not(None)
    row = session.execute(
        select(
            func.count(),
            func.count(ScoreRow.p_value),
            func.min(ScoreRow.start),
            func.coalesce(
                func.sum(case((ranked, 1.0 / func.coalesce(ScoreRow.windows_per_week, asked.rate)))), 0.0
            ),
            func.count(case((and_(ranked, ScoreRow.windows_per_week.is_(None)), 1))),
            func.count(case((and_(ranked, ScoreRow.mode == Mode.LEARNING.value), 1))),
        ).where(asked.within(asked.since_ms, asked.until_ms))
    ).one()
    return Counts(*row)


def judge(session: Session, asked: Asked) -> list[Judged]:
    """Return the windows that were or would have been findings, in the order in which they were handled."""
    learning = ScoreRow.mode == Mode.LEARNING.value
    rows = session.execute(
        select(
            ScoreRow.id,
            ScoreRow.container_id,
            ScoreRow.start,
            ScoreRow.end,
            ScoreRow.p_value,
            ScoreRow.score,
            _FOUND,
            func.coalesce(asked.raised, False),
            learning,
            FindingRow.suppression_id.is_not(None),
        )
        .outerjoin(FindingRow, FindingRow.score_id == ScoreRow.id)
        .where(asked.within(asked.since_ms, asked.until_ms), ScoreRow.p_value.is_not(None))
        .where(or_(_FOUND, asked.raised))
        .order_by(ScoreRow.id)
    )
    return [
        Judged(Finding(row_id, container, start, end, p_value, score), *map(bool, said))
        for row_id, container, start, end, p_value, score, *said in rows
        if p_value is not None
    ]


def joins_earlier(session: Session, asked: Asked, start: int, gap_ms: int) -> bool:
    """Tell whether an alert that begins at a time joins a finding from before the range."""
    earliest = asked.since_ms - gap_ms - MAX_WINDOW_MS
    query = select(ScoreRow.id).where(
        asked.within(earliest, asked.since_ms), asked.raised, ScoreRow.end >= start - gap_ms
    )
    return session.scalar(query.limit(1)) is not None


def find_kept_from(session: Session, asked: Asked) -> int | None:
    """Return from when on windows are kept, where there were earlier ones in the range; else None."""
    oldest = retention.find_oldest_start(session, asked.workload_id)
    oldest = asked.until_ms if oldest is None else min(oldest, asked.until_ms)
    for key, sums in retention.find_rollups(session, asked.workload_id).items():
        end = key.start + key.span_ms
        if asked.since_ms < end and asked.since_ms < oldest and key.start < oldest:
            rows = select(func.count()).where(
                ScoreRow.workload_id == asked.workload_id, ScoreRow.start >= key.start, ScoreRow.start < end
            )
            if (session.scalar(rows) or 0) < sums.windows:
                return oldest
    return None


def find_shown(session: Session, ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    """Return the contributions of some scores."""
    rows = session.execute(select(ScoreRow.id, ScoreRow.contributions).where(ScoreRow.id.in_(ids)))
    return {row.id: row.contributions for row in rows}


def find_containers(session: Session, ids: Sequence[int]) -> dict[int, str]:
    """Return the name of each of some containers: its pod where it has one."""
    rows = session.scalars(select(ContainerRow).where(ContainerRow.id.in_(ids)))
    return {row.id: row.pod or row.name or row.container_id for row in rows}
