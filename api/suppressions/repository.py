"""Reads and writes suppressions, and reads the findings that one would silence."""

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from sqlalchemy import and_, not_, select
from sqlalchemy.orm import Session

from api.db.alert_tables import AlertRow, FindingRow
from api.db.rule_tables import MatchRow
from api.db.slices import Slice
from api.db.suppression_tables import SuppressionRow
from api.db.tables import ScoreRow
from api.suppressions.matching import By, Scope, carriers

MOST: Final = 10_000
"""Findings that a preview looks at."""


class Found(NamedTuple):
    """A finding that a preview looks at."""

    alert_id: int | None
    created_at: int
    silenced: bool


def scope_of(row: SuppressionRow) -> Scope:
    """Return what a stored suppression silences."""
    return Scope(
        by=By(row.by),
        workload=row.workload_id,
        rule=row.rule or "",
        ngrams=frozenset(row.ngrams),
        tokens=frozenset(row.tokens),
    )


def list_active(session: Session, now_ms: int) -> Sequence[SuppressionRow]:
    """Return all suppressions that silence now, oldest first."""
    return session.scalars(
        select(SuppressionRow)
        .where(SuppressionRow.ended_at.is_(None), SuppressionRow.expires_at > now_ms)
        .order_by(SuppressionRow.id)
    ).all()


def list_page(
    session: Session, page: Slice, *, workload: int | None, active: bool | None, now_ms: int
) -> Sequence[SuppressionRow]:
    """Return one page of suppressions, oldest first."""
    query = select(SuppressionRow)
    if workload is not None:
        query = query.where(SuppressionRow.workload_id == workload)
    if active is not None:
        silences = and_(SuppressionRow.ended_at.is_(None), SuppressionRow.expires_at > now_ms)
        query = query.where(silences if active else not_(silences))
    return session.scalars(page.of(query, SuppressionRow.id, SuppressionRow.created_at)).all()


def carriers_of_alerts(session: Session, ids: Collection[int]) -> set[int]:
    """Return the n-grams that carried the newest 10,000 findings of alerts, as far as these are kept."""
    rows = session.execute(
        select(ScoreRow.contributions, FindingRow.unseen)
        .join(FindingRow, FindingRow.score_id == ScoreRow.id)
        .where(FindingRow.alert_id.in_(ids))
        .order_by(FindingRow.id.desc())
        .limit(MOST)
    )
    return set().union(*(carriers(contributions, unseen) for contributions, unseen in rows))


def find_anomalies(session: Session, scope: Scope) -> list[Found]:
    """Return the newest findings of a workload's windows, and whether a suppression fits each."""
    rows = session.execute(
        select(FindingRow, ScoreRow.contributions)
        .join(ScoreRow, ScoreRow.id == FindingRow.score_id)
        .where(FindingRow.workload_id == scope.workload)
        .order_by(FindingRow.id.desc())
        .limit(MOST)
    )
    return [
        Found(row.alert_id, row.created_at, scope.fits_anomaly(row.workload_id, contributions, row.unseen))
        for row, contributions in rows
    ]


def find_matches(session: Session, scope: Scope) -> list[Found]:
    """Return the newest matches of a workload, or of all, and whether a suppression fits each."""
    query = select(MatchRow.alert_id, MatchRow.raised_at, MatchRow.workload_id, MatchRow.rule).where(
        MatchRow.finding_id.is_not(None)
    )
    if scope.workload is not None:
        query = query.where(MatchRow.workload_id == scope.workload)
    rows = session.execute(query.order_by(MatchRow.finding_id.desc()).limit(MOST))
    return [
        Found(alert_id, raised_at or 0, scope.fits_match(workload_id or 0, rule))
        for alert_id, raised_at, workload_id, rule in rows
    ]


def find_alerts(session: Session, ids: Collection[int]) -> Sequence[AlertRow]:
    """Return alerts, newest first."""
    return session.scalars(select(AlertRow).where(AlertRow.id.in_(ids)).order_by(AlertRow.id.desc())).all()
