"""Decides what is shown of a workload's history and of retention."""

from typing import Final

from sqlalchemy.orm import Session

from api.clock import to_datetime, to_ms
from api.db.tables import WorkloadRow
from api.errors import existing
from api.retention import candidates, repository
from api.retention.rollup import DAY_MS, EDGES, Key, Sums, by_day, by_hour
from api.retention.schemas import (
    DatabaseOut,
    DroppedOut,
    HistoryEntryOut,
    HistoryQuery,
    HistoryStep,
    KeptOut,
    RetentionOut,
    VerdictsOut,
    VersionsOut,
    WorkloadHistoryOut,
)
from api.settings import MIB, ServiceSettings

_SHOWN_DAYS: Final = 31
_MOST_DUE: Final = 1000


def get_history(session: Session, workload_id: int, query: HistoryQuery) -> WorkloadHistoryOut:
    """Return the sums of a workload, those of scores that are not rolled up yet included.

    Raises:
        NotFoundError: There is no workload of this id.
    """
    existing(session.get(WorkloadRow, workload_id), f"workload {workload_id}")
    found = read_sums(session, workload_id)
    if query.step is HistoryStep.DAY:
        found = by_day(found)
    since = to_ms(query.since) if query.since else 0
    until = to_ms(query.until) if query.until else None
    oldest = repository.find_oldest_start(session, workload_id)
    return WorkloadHistoryOut(
        workload_id=workload_id,
        windows_since=None if oldest is None else to_datetime(oldest),
        edges=list(EDGES),
        items=[
            _show(key, found[key])
            for key in sorted(found, key=lambda each: each.start)
            if key.start + key.span_ms > since and (until is None or key.start < until)
        ],
    )


def read_sums(session: Session, workload_id: int) -> dict[Key, Sums]:
    """Return the sums of a workload by hour, and by day where hours are no longer kept."""
    found = repository.find_rollups(session, workload_id)
    tail = repository.find_scored(session, repository.find_mark(session), workload_id=workload_id)
    for key, sums in by_hour(tail).items():
        found.setdefault(key, Sums()).add(sums)
    return found


def get_retention(session: Session, settings: ServiceSettings, *, now_ms: int) -> RetentionOut:
    """Return what is kept, and what was dropped lately."""
    measured = repository.measure(session)
    return RetentionOut(
        days=KeptOut(
            scores=settings.retention_days,
            findings=settings.finding_retention_days,
            changes=settings.change_retention_days,
            hourly_history=settings.hourly_history_days,
            history=settings.history_days,
            stale_versions=settings.stale_version_days,
        ),
        versions=_show_versions(session, settings, now_ms),
        database=DatabaseOut(
            used_bytes=measured[0],
            free_bytes=measured[1],
            limit_bytes=settings.max_database_mib * MIB or None,
        )
        if measured
        else None,
        waiting=repository.count_waiting(session),
        dropped=[
            DroppedOut(
                day=to_datetime(row.day),
                cause=row.cause,
                what=row.what,
                count=row.count,
                oldest=to_datetime(row.oldest),
                newest=to_datetime(row.newest),
            )
            for row in repository.list_dropped(session, now_ms - _SHOWN_DAYS * DAY_MS)
        ],
    )


def _show_versions(session: Session, settings: ServiceSettings, now_ms: int) -> VersionsOut:
    due = candidates.find_versions(
        session,
        candidates.Place(),
        before_ms=now_ms - settings.stale_version_days * DAY_MS,
        limit=_MOST_DUE,
        kept=candidates.Versions(settings.rollback_versions, settings.stale_versions),
    )
    return VersionsOut(
        stale=repository.count_stale(session),
        rollback=settings.rollback_versions,
        most=settings.stale_versions or None,
        due=len(due),
    )


def _show(key: Key, sums: Sums) -> HistoryEntryOut:
    return HistoryEntryOut(
        start=to_datetime(key.start),
        end=to_datetime(key.start + key.span_ms),
        windows=sums.windows,
        verdicts=VerdictsOut(
            normal=sums.normal, anomalous=sums.anomalous, insufficient_evidence=sums.insufficient
        ),
        ranked=sums.ranked,
        p_values=sums.p_values,
        calls=sums.calls,
        lost=dict(sums.lost),
    )
