"""Gathers the evidence of one version and holds it against a gate."""

from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field
from sqlalchemy.orm import Session

from api.baselines import content, repository, showing
from api.baselines.gate import Cycle, Evidence, Gate, check, verdict
from api.baselines.report_schemas import (
    WEEKDAYS,
    CalendarOut,
    LearnedPhase,
    LossesOut,
    PhasesOut,
    PromiseOut,
    ReplicasOut,
    ReportOut,
    RhythmOut,
)
from api.baselines.repository import VersionView
from api.clock import to_datetime
from api.lifecycle import rhythms
from api.lifecycle.provenance import HOURS, Provenance
from api.paging import NoQuery
from api.settings import ServiceSettings
from api.workloads import promises, rates, repository as workloads
from api.workloads.completeness import CompletenessOut
from model import snapshot, starts
from model.budget import rate_interval
from model.summary import BaselineSummary

_EPOCH: Final = date(1970, 1, 1)
_UNCOUNTED: Final = ("discarded", "untracked")
"""Losses that are no calls of their own window."""


class ReportFormat(StrEnum):
    """For whom a report is."""

    JSON = "json"
    HTML = "html"


class ReportQuery(NoQuery):
    """What a report is held against, and for whom it is."""

    format: ReportFormat = ReportFormat.JSON
    max_unseen: Annotated[
        float, Field(gt=0, le=1, description="Highest upper bound of the unseen mass that passes.")
    ] = Gate().max_unseen
    max_loss: Annotated[float, Field(ge=0, le=1, description="Highest share of lost calls that passes.")] = (
        Gate().max_loss
    )
    max_alerts_per_week: Annotated[
        float | None, Field(gt=0, allow_inf_nan=False, description="Highest promised rate that passes.")
    ] = None
    cycle: Annotated[Cycle, Field(description="Whether a whole day or week must have been learned.")] = (
        Cycle.NONE
    )

    def gate(self) -> Gate:
        """Return what is asked."""
        return Gate(
            max_unseen=self.max_unseen,
            max_loss=self.max_loss,
            max_alerts_per_week=self.max_alerts_per_week,
            cycle=self.cycle,
        )


def build(
    session: Session, version: VersionView, settings: ServiceSettings, gate: Gate, *, now_ms: int
) -> ReportOut:
    """Return the report of a version.

    Args:
        session: A transaction.
        version: The version.
        settings: Of the service.
        gate: What is asked of it.
        now_ms: Now.

    Raises:
        NotPossibleError: What it learned is gone.
    """
    learned = content.read(session, version)
    summary = snapshot.from_bytes(learned.snapshot).summary()
    workload = workloads.find(session, version.workload.id)
    ledger = workload.ledger if workload else None
    live = version.live is not None
    per_week = rates.measured(version.workload, ledger, settings, now_ms)
    weeks = workloads.find_weeks(session, version.workload.id, promises.RECENT_WEEKS) if live else None
    evidence = Evidence(
        windows_learned=summary.windows_learned,
        completeness=CompletenessOut.of(
            summary.unseen, windows_from_start=summary.windows_from_start, windows_per_week=per_week
        ),
        promise=_promise(version, summary, settings, session),
        losses=_losses(session, version, learned.provenance, summary),
        phases=_phases(summary),
        calendar=calendar(learned.provenance),
        rhythms=_rhythms(session, version, learned.provenance) if live else [],
        replicas=ReplicasOut(
            learned_from=len(learned.provenance.replicas),
            at_once=ledger.replicas if ledger and live else None,
        ),
        quarantined=repository.count_quarantined(session, version.workload.id) if live else 0,
        drifting=live and workload is not None and workload.drift is not None,
    )
    checks = check(evidence, gate)
    return ReportOut(
        baseline=showing.show(version),
        made_at=to_datetime(now_ms),
        verdict=verdict(checks),
        checks=checks,
        completeness=evidence.completeness,
        promise=evidence.promise,
        realised=promises.show_realised(weeks) if weeks is not None else None,
        losses=evidence.losses,
        phases=evidence.phases,
        calendar=evidence.calendar,
        rhythms=evidence.rhythms,
        replicas=evidence.replicas,
        quarantined=evidence.quarantined,
        images=dict(learned.provenance.images),
        kernels=dict(learned.provenance.kernels),
    )


def _phases(summary: BaselineSummary) -> PhasesOut:
    begun, stops = summary.unseen.starts.learned, summary.calibration.stops
    seen = {
        LearnedPhase.START: begun > 0,
        LearnedPhase.STEADY: summary.windows_learned > starts.WINDOWS * begun + stops,
        LearnedPhase.STOP: stops > 0,
        LearnedPhase.EXEC: summary.injected.calls > 0,
    }
    return PhasesOut(
        seen=[phase for phase, was in seen.items() if was],
        not_seen=[phase for phase, was in seen.items() if not was],
        starts_learned=begun,
        stops_learned=stops,
        windows_from_start=summary.windows_from_start,
        own_calls=summary.own.calls,
        exec_calls=summary.injected.calls,
    )


def calendar(provenance: Provenance) -> CalendarOut:
    """Return which hours and days were learned."""
    hours, weekdays = provenance.hours_of_day, provenance.weekdays
    daily = len(hours) == 24
    weekly = len(weekdays) == 7 and provenance.days_spanned >= 7
    days = sorted(provenance.days)
    return CalendarOut(
        known_windows=provenance.windows,
        first_day=_EPOCH + timedelta(days=days[0]) if days else None,
        last_day=_EPOCH + timedelta(days=days[-1]) if days else None,
        days_learned=len(days),
        hours_seen=hours,
        hours_not_seen=[each for each in range(24) if each not in hours],
        weekdays_seen=[WEEKDAYS[each] for each in weekdays],
        weekdays_not_seen=[name for number, name in enumerate(WEEKDAYS) if number not in weekdays],
        hours_of_week=[provenance.hours[each] for each in range(HOURS)],
        daily_cycle=daily,
        weekly_cycle=weekly,
        text=_tell(provenance, daily=daily, weekly=weekly),
    )


def _rhythms(session: Session, version: VersionView, provenance: Provenance) -> list[RhythmOut]:
    strange = repository.list_strange(session, version.workload.id)
    return [_show_rhythm(each) for each in rhythms.find(strange, provenance.days)]


def _show_rhythm(each: rhythms.Rhythm) -> RhythmOut:
    at = f"{each.minute // 60:02}:{each.minute % 60:02}"
    weekday = None if each.weekday is None else WEEKDAYS[each.weekday]
    when = f"daily about {at} UTC, on {each.seen} of {each.watched} days"
    if weekday:
        when = f"on {weekday}s about {at} UTC, {each.seen} of {each.watched} times"
    return RhythmOut(
        at=at,
        weekday=weekday,
        days_seen=each.seen,
        days_watched=each.watched,
        windows=each.windows,
        quarantined=each.held,
        text=when,
    )


def _tell(provenance: Provenance, *, daily: bool, weekly: bool) -> str:
    if not provenance.windows:
        return "It is not known when its windows were learned."
    week = "A whole week was seen." if weekly else "No weekly cycle seen yet"
    day = "" if daily else f"; {len(provenance.hours_of_day)} of 24 hours of the day seen"
    if weekly:
        return week if daily else f"{week} {len(provenance.hours_of_day)} of 24 hours of the day were seen."
    return f"{week}: {len(provenance.weekdays)} of 7 days of the week{day}."


def _promise(
    version: VersionView, summary: BaselineSummary, settings: ServiceSettings, session: Session
) -> PromiseOut:
    workload = workloads.find(session, version.workload.id)
    asked = promises.promise(
        workload.ledger if workload else None,
        settings,
        learned=summary.windows_learned,
        per_week=version.workload.budget_per_week,
    )
    low, high = rate_interval(asked.promised_per_week / asked.windows_per_week, summary.calibration.scores)
    return PromiseOut(
        asked_per_week=asked.per_week,
        promised_per_week=asked.promised_per_week,
        low=low * asked.windows_per_week,
        high=high * asked.windows_per_week,
    )


def _losses(
    session: Session, version: VersionView, provenance: Provenance, summary: BaselineSummary
) -> LossesOut:
    newest = repository.sum_losses(session, version.workload.id) if version.live is not None else None
    return LossesOut(
        learned_calls=summary.calls_learned,
        learned_lost=sum(count for cause, count in provenance.lost.items() if cause not in _UNCOUNTED),
        newest_windows=newest.windows if newest else None,
        newest_calls=newest.calls if newest else None,
        newest_lost=newest.lost if newest else None,
    )
