"""Reads the two sequences from the database: the one place that makes events of rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from api import changes, streams
from api.alerts import service as alerts, triage
from api.db.alert_tables import AlertChangeRow
from api.db.retention_tables import DroppedRow
from api.db.slices import Slice
from api.db.tables import ScoreRow, WorkloadRow
from api.events.event import Event, render
from api.events.position import Topic
from api.scores import repository as scores, service as score_service

SKEW_MS: Final = 300_000
"""How far a clock may have been set back: so much before a time is looked through for rows of that time."""
_SCORES: Final = "scores"


class Page(NamedTuple):
    """Some entries of a sequence."""

    events: Sequence[Event]
    last: int | None
    """The last row that was looked at; None where there is none."""
    full: bool
    """Whether there may be more."""


@dataclass(frozen=True, slots=True)
class Feed:
    """One sequence: rows whose ids grow in the order of commits."""

    topic: Topic
    after: Callable[[Session, int, int], Page]
    """Returns what follows an id, at most so many."""
    row_id: InstrumentedAttribute[int]
    recorded_at: InstrumentedAttribute[int]
    lost: Callable[[Session, int], bool]
    """Tells whether what follows an id may have been deleted in part; the session sees everything."""

    def newest(self, session: Session) -> int:
        """Return the id after which only what is to come is; the session sees everything."""
        return session.scalar(select(func.max(self.row_id))) or 0

    def before(self, session: Session, time_ms: int) -> int:
        """Return an id after which all is that was recorded at a time or later; the session sees everything.

        From the newest row backwards: what it costs goes with how far back the time is.
        """
        early = self.recorded_at + 0 < time_ms - SKEW_MS
        return session.scalar(select(self.row_id).where(early).order_by(self.row_id.desc()).limit(1)) or 0


def _changes_after(session: Session, row_id: int, limit: int) -> Page:
    rows = changes.after(session, row_id, limit=limit)
    shown = alerts.of_ids(session, {each.alert_id for each in rows})
    events = [_of_change(each, shown[each.alert_id]) for each in rows if each.alert_id in shown]
    return Page(events, rows[-1].id if rows else None, len(rows) == limit)


def _of_change(row: AlertChangeRow, alert: Mapping[str, Any]) -> Event:
    data = {"change": triage.show(row).model_dump(mode="json"), "alert": alert}
    workload = alert["workload"]
    return Event(
        topic=Topic.ALERTS,
        id=row.id,
        recorded_at=row.created_at,
        workload=workload["id"],
        namespace=workload["namespace"],
        cluster=workload["cluster"],
        facts=data,
        text=render(f"alert.{row.change}", data),
    )


def _scores_after(session: Session, row_id: int, limit: int) -> Page:
    views = scores.list_page(
        session,
        Slice(after=row_id, limit=limit),
        workload_id=None,
        verdict=None,
        quarantined=None,
        suppression_id=None,
    )
    ids = {each.row.workload_id for each in views}
    of = {row.id: row for row in session.scalars(select(WorkloadRow).where(WorkloadRow.id.in_(ids)))}
    events = []
    for each in views:
        data = score_service.show(each, explain=False).model_dump(mode="json")
        workload = of[each.row.workload_id]
        events.append(
            Event(
                topic=Topic.SCORES,
                id=each.row.id,
                recorded_at=each.row.scored_at,
                workload=workload.id,
                namespace=workload.namespace,
                cluster=workload.cluster,
                facts=data,
                text=render("score", data),
            )
        )
    return Page(events, views[-1].row.id if views else None, len(views) == limit)


def _changes_lost(session: Session, row_id: int) -> bool:
    return row_id < streams.find_mark(session, streams.Stream.ALERTS)


def _scores_lost(session: Session, row_id: int) -> bool:
    dropped = session.scalar(select(func.max(DroppedRow.newest)).where(DroppedRow.what == _SCORES))
    if row_id == 0:
        return dropped is not None
    start = session.scalar(select(ScoreRow.start).where(ScoreRow.id == row_id))
    return start is None or (dropped is not None and start <= dropped)


def gap_text(topic: Topic, asked: int, resumed: int, *, deleted: bool) -> str:
    """Return a sentence on what is missing."""
    if deleted:
        return f"Some {topic.value} after {asked} may have been deleted by retention; the rest follows."
    return (
        f"No {topic.value} reach as far as {asked}: the database is another one. It goes on after {resumed}."
    )


FEEDS: Final = {
    Topic.ALERTS: Feed(
        topic=Topic.ALERTS,
        after=_changes_after,
        row_id=AlertChangeRow.id,
        recorded_at=AlertChangeRow.created_at,
        lost=_changes_lost,
    ),
    Topic.SCORES: Feed(
        topic=Topic.SCORES,
        after=_scores_after,
        row_id=ScoreRow.id,
        recorded_at=ScoreRow.scored_at,
        lost=_scores_lost,
    ),
}
