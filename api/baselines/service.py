"""Decides what is shown of versions, and moves them."""

from sqlalchemy.orm import Session

from api.baselines import content, repository, showing
from api.baselines.gate import Gate
from api.baselines.report import build
from api.baselines.repository import VersionView
from api.baselines.schemas import (
    BaselineHistoryOut,
    BundleOut,
    MoveOut,
    ReleasedOut,
    ReleaseIn,
    UnlearnedOut,
    UnlearnIn,
    VersionDetailOut,
    VersionOut,
    VersionQuery,
)
from api.clock import to_datetime, to_ms
from api.errors import NotPossibleError
from api.lifecycle import versions
from api.scores.learning import Span, release_all, unlearn_all
from api.settings import ServiceSettings
from api.vocabulary import BaselineState, Mode


def list_page(session: Session, query: VersionQuery) -> list[VersionOut]:
    """Return one page of versions."""
    views = repository.list_page(session, query.slice(), workload=query.workload, state=query.state)
    return [showing.show(view) for view in views]


def get(session: Session, version_id: int) -> VersionOut:
    """Return one version.

    Raises:
        NotFoundError: There is none of this id.
    """
    return showing.show(content.find(session, version_id))


def get_detail(session: Session, version_id: int) -> VersionDetailOut:
    """Return one version with the file it came from.

    Raises:
        NotFoundError: There is none of this id.
    """
    view = content.find(session, version_id)
    told = view.row.manifest
    bundle = (
        BundleOut(signed_by=told["signed_by"], sha256=told["sha256"], manifest=told["told"]) if told else None
    )
    return VersionDetailOut(**showing.show(view).model_dump(), bundle=bundle)


def get_history(session: Session, version_id: int) -> BaselineHistoryOut:
    """Return the moves of a version.

    Raises:
        NotFoundError: There is none of this id.
    """
    content.find(session, version_id)
    return BaselineHistoryOut(
        items=[
            MoveOut(
                at=to_datetime(row.created_at),
                actor=row.actor,
                before=row.detail["from"],
                after=BaselineState(row.action.removeprefix("baseline.")),
                reason=row.detail["reason"],
            )
            for row in repository.list_moves(session, version_id)
        ]
    )


def transit(
    session: Session,
    version_id: int,
    to: BaselineState,
    settings: ServiceSettings,
    *,
    actor: str,
    reason: str,
    gate: Gate | None,
    now_ms: int,
) -> VersionOut:
    """Move a version into a state that a person may ask for; return it as it then is.

    The caller tells the worker to read the baseline anew, before the transaction is committed.

    Args:
        session: A write transaction.
        version_id: Of the version.
        to: `active`, `stale` or `retired`.
        settings: Of the service.
        actor: Who asks.
        reason: Why.
        gate: What its report must meet to become `active`; None asks nothing of it.
        now_ms: Now.

    Raises:
        NotFoundError: There is none of this id.
        NotPossibleError: The move is not legal, or the report does not pass.
    """
    view = content.find(session, version_id)
    if to is BaselineState.ACTIVE:
        if view.row.state == BaselineState.STALE.value:
            msg = f"Version {view.row.number} is stale; a rollback makes it active again, not a promotion."
            raise NotPossibleError(msg)
        versions.check_move(view.row, to)
        if gate is not None:
            _check_gate(session, view, gate, settings, now_ms)
        versions.activate(session, view.workload, view.row, actor=actor, reason=reason, now_ms=now_ms)
    elif to is BaselineState.RETIRED:
        versions.retire(session, view.row, actor=actor, reason=reason, now_ms=now_ms)
    else:
        _learn_on(session, view, actor=actor, reason=reason, now_ms=now_ms)
    return get(session, version_id)


def roll_back(session: Session, version_id: int, *, actor: str, reason: str, now_ms: int) -> VersionOut:
    """Make a stale version the active one again; the one it replaces becomes stale.

    The caller tells the worker to read the baseline anew, before the transaction is committed.

    Raises:
        NotFoundError: There is none of this id.
        NotPossibleError: It is not stale, or has seen too little to rank scores.
    """
    view = content.find(session, version_id)
    if view.row.state != BaselineState.STALE.value:
        msg = (
            f"To roll back, expected a version that is stale; version {view.row.number} is {view.row.state}."
        )
        raise NotPossibleError(msg)
    versions.activate(session, view.workload, view.row, actor=actor, reason=reason, now_ms=now_ms)
    return get(session, version_id)


def unlearn(session: Session, version_id: int, wish: UnlearnIn, *, actor: str, now_ms: int) -> UnlearnedOut:
    """Take back what the live version learned within a time, all of it or nothing.

    The caller tells the worker to read the baseline anew, before the transaction is committed.

    Raises:
        NotFoundError: There is none of this id.
        NotPossibleError: It is not live, or the counts of some windows are no longer kept.
    """
    view = content.find(session, version_id)
    if view.live is None:
        msg = f"To unlearn, expected the live version; version {view.row.number} is at rest."
        raise NotPossibleError(msg)
    span = Span(
        workload_id=view.workload.id,
        since_ms=to_ms(wish.since),
        until_ms=to_ms(wish.until),
        container=wish.container,
    )
    windows = unlearn_all(session, span, reason=wish.reason, actor=actor, now_ms=now_ms)
    return UnlearnedOut(windows=windows, baseline=get(session, version_id))


def release(session: Session, version_id: int, wish: ReleaseIn, *, actor: str, now_ms: int) -> ReleasedOut:
    """Learn what is quarantined of a time, in the live version.

    The caller tells the worker to read the baseline anew, before the transaction is committed.

    Raises:
        NotFoundError: There is none of this id.
        NotPossibleError: It is not live, or nothing is quarantined.
    """
    view = content.find(session, version_id)
    if view.live is None:
        msg = f"To release, expected the live version; version {view.row.number} is at rest."
        raise NotPossibleError(msg)
    span = Span(
        workload_id=view.workload.id,
        since_ms=to_ms(wish.since),
        until_ms=to_ms(wish.until),
        container=wish.container,
    )
    minute = None if wish.at is None else int(wish.at[:2]) * 60 + int(wish.at[3:])
    windows = release_all(session, span, minute=minute, reason=wish.reason, actor=actor, now_ms=now_ms)
    return ReleasedOut(windows=windows, baseline=get(session, version_id))


def _learn_on(session: Session, view: VersionView, *, actor: str, reason: str, now_ms: int) -> None:
    live = repository.find_live(session, view.workload.id)
    if live is None or view.row.state != BaselineState.ACTIVE.value:
        msg = f"To learn on, expected the active version; version {view.row.number} is {view.row.state}."
        raise NotPossibleError(msg)
    versions.switch(session, view.workload, Mode.LEARNING, actor=actor, reason=reason, now_ms=now_ms)
    versions.align(session, view.workload, live, actor=actor, reason=reason, now_ms=now_ms)


def _check_gate(
    session: Session, view: VersionView, gate: Gate, settings: ServiceSettings, now_ms: int
) -> None:
    report = build(session, view, settings, gate, now_ms=now_ms)
    if report.failed:
        reasons = " ".join(each.text for each in report.failed)
        msg = f"The promotion report of version {view.row.number} does not pass: {reasons}"
        raise NotPossibleError(msg, failed=[each.name for each in report.failed])
