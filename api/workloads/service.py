"""Decides what is shown of a workload, and changes its mode and budget."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from api.audit import record
from api.clock import to_datetime
from api.db.tables import BaselineRow, WeekRow
from api.errors import existing
from api.lifecycle import versions
from api.paging import PageQuery
from api.settings import ServiceSettings
from api.vocabulary import BaselineState, Mode, state_of
from api.workloads import drift, promises, rates, repository
from api.workloads.completeness import CompletenessOut
from api.workloads.drift import DriftPeriodOut
from api.workloads.repository import WorkloadView
from api.workloads.schemas import (
    BaselineOut,
    CalibrationOut,
    LastScoreOut,
    LineageOut,
    QuantileOut,
    ReasonOut,
    TopNgramOut,
    WorkloadOut,
    WorkloadQuery,
)
from model import snapshot
from model.baseline import Baseline
from model.summary import BaselineSummary


def list_page(session: Session, query: WorkloadQuery, settings: ServiceSettings) -> list[WorkloadOut]:
    """Return one page of workloads."""
    views = repository.list_page(
        session,
        query.slice(),
        filters={
            "namespace": query.namespace,
            "name": query.name,
            "mode": query.mode.value if query.mode else None,
        },
    )
    return [_show(view, settings) for view in views]


def get(session: Session, workload_id: int, settings: ServiceSettings) -> WorkloadOut:
    """Return one workload.

    Raises:
        NotFoundError: There is none of this id.
    """
    return _show(_find(session, workload_id), settings)


def set_mode(
    session: Session,
    workload_id: int,
    settings: ServiceSettings,
    *,
    mode: Mode,
    reason: str,
    actor: str,
    now_ms: int,
) -> WorkloadOut:
    """Change a workload's mode and record who did; windows scored from now on follow it.

    Raises:
        NotFoundError: There is none of this id.
    """
    row = _find(session, workload_id).row
    if versions.switch(session, row, mode, actor=actor, reason=reason, now_ms=now_ms):
        baseline = repository.find_baseline(session, workload_id)
        if baseline is not None:
            versions.align(session, row, baseline, actor=actor, reason=reason, now_ms=now_ms)
        session.flush()
    return get(session, workload_id, settings)


def set_budget(
    session: Session,
    workload_id: int,
    settings: ServiceSettings,
    *,
    per_week: float | None,
    reason: str,
    actor: str,
    now_ms: int,
) -> WorkloadOut:
    """Change a workload's budget and record who did; windows scored from now on follow it.

    None gives the workload the budget of the service, which is never refused.

    Raises:
        NotFoundError: There is none of this id.
        BudgetError: The budget is finer than the evidence allows.
    """
    view = _find(session, workload_id)
    if per_week is not None:
        asked = promises.promise(view.ledger, settings, learned=view.windows_learned, per_week=per_week)
        learns = state_of(Mode(view.row.mode), ready=view.ready) is not BaselineState.ACTIVE
        per_week_real = rates.measured(view.row, view.ledger, settings, now_ms)
        promises.refuse_too_fine(asked, learns=learns, windows_per_week=per_week_real, now_ms=now_ms)
    if view.row.budget_per_week != per_week:
        detail = {"from": view.row.budget_per_week, "to": per_week, "reason": reason}
        record(
            session,
            now_ms=now_ms,
            actor=actor,
            action="workload.budget",
            target=str(workload_id),
            detail=detail,
        )
        view.row.budget_per_week = per_week
        session.flush()
    return get(session, workload_id, settings)


def list_drifts(session: Session, workload_id: int, query: PageQuery) -> list[DriftPeriodOut]:
    """Return one page of a workload's drifts.

    Raises:
        NotFoundError: There is no workload of this id.
    """
    _find(session, workload_id)
    return drift.show_history(session, repository.list_drifts(session, workload_id, query.slice()))


def get_baseline(
    session: Session, workload_id: int, settings: ServiceSettings, *, now_ms: int
) -> BaselineOut:
    """Return what was learned of a workload.

    Raises:
        NotFoundError: There is none of this id.
    """
    view = _find(session, workload_id)
    row = repository.find_baseline(session, workload_id)
    summary = (snapshot.from_bytes(row.snapshot) if row else Baseline()).summary()
    weeks = repository.find_weeks(session, workload_id, promises.RECENT_WEEKS)
    per_week = rates.measured(view.row, view.ledger, settings, now_ms)
    return _show_baseline(view, summary, row, weeks, settings, windows_per_week=per_week)


def _find(session: Session, workload_id: int) -> WorkloadView:
    return existing(repository.find(session, workload_id), f"workload {workload_id}")


def _show(view: WorkloadView, settings: ServiceSettings) -> WorkloadOut:
    row, last = view.row, view.last_score
    return WorkloadOut.model_validate(
        {
            "id": row.id,
            "kind": row.kind,
            "cluster": row.cluster,
            "namespace": row.namespace,
            "name": row.name,
            "container": row.container,
            "identity_source": row.identity_source,
            "owner": {"kind": row.owner_kind, "name": row.owner_name} if row.owner_kind else None,
            "role": row.role,
            "mode": row.mode,
            "mode_changed_at": to_datetime(row.mode_changed_at),
            "created_at": to_datetime(row.created_at),
            "state": state_of(Mode(row.mode), ready=view.ready),
            "windows": row.windows,
            "windows_learned": view.windows_learned,
            "quarantined": view.quarantined,
            "open_alerts": view.open_alerts,
            "budget": promises.show_budget(row, view.ledger, settings, view.windows_learned),
            "drift": drift.show_now(view.drift, view.ledger, settings),
            "completeness": view.completeness,
            "last_score": LastScoreOut.model_validate(
                {
                    "id": last.id,
                    "end": to_datetime(last.end),
                    "score": last.score,
                    "p_value": last.p_value,
                    "verdict": last.verdict,
                }
            )
            if last
            else None,
        }
    )


def _show_baseline(
    view: WorkloadView,
    summary: BaselineSummary,
    row: BaselineRow | None,
    weeks: Sequence[WeekRow],
    settings: ServiceSettings,
    *,
    windows_per_week: float,
) -> BaselineOut:
    return BaselineOut(
        workload_id=view.row.id,
        state=state_of(Mode(view.row.mode), ready=view.ready),
        version_id=row.version_id if row else None,
        updated_at=to_datetime(row.updated_at) if row else None,
        arch=summary.arch,
        windows_learned=summary.windows_learned,
        windows_from_start=summary.windows_from_start,
        completeness=CompletenessOut.of(
            summary.unseen, windows_from_start=summary.windows_from_start, windows_per_week=windows_per_week
        ),
        calls_learned=summary.calls_learned,
        distinct_ngrams=summary.distinct_ngrams,
        distinct_by_order=list(summary.distinct_by_order),
        full=summary.full,
        refused_calls=summary.refused_calls,
        own=LineageOut(calls=summary.own.calls, distinct_ngrams=summary.own.distinct_ngrams),
        injected=LineageOut(calls=summary.injected.calls, distinct_ngrams=summary.injected.distinct_ngrams),
        evidence=[ReasonOut(code=each.code.value, text=each.text) for each in summary.evidence.reasons],
        calibration=CalibrationOut(
            scores=summary.calibration.scores,
            start_scores=summary.calibration.start_scores,
            stop_scores=summary.calibration.stop_scores,
            resolution=summary.calibration.resolution,
            quantiles=[
                QuantileOut(level=level, score=score) for level, score in summary.calibration.quantiles
            ],
            tail_scale=summary.calibration.tail_scale,
        ),
        budget=promises.show_budget(view.row, view.ledger, settings, summary.windows_learned),
        realised=promises.show_realised(weeks),
        drift=drift.show_now(view.drift, view.ledger, settings),
        top=[
            TopNgramOut(
                ngram=hex(each.ngram),
                syscalls=list(each.names),
                injected=each.injected,
                count=each.count,
                share=each.share,
                windows=each.windows,
            )
            for each in summary.top
        ],
    )
