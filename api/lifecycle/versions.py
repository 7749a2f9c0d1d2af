"""The versions of a workload's baseline: which is live, how they move, and what is written down of it.

The live version is the one that windows are scored against. Its state follows
from evidence and from the workload's mode; `align` is the one place that says
so. All others are at rest.
"""

from typing import Any, Final

from sqlalchemy import String, cast, func, select
from sqlalchemy.orm import Session

from api.audit import record
from api.db.access_tables import AuditRow
from api.db.baseline_tables import BaselineVersionRow
from api.db.tables import BaselineRow, WorkloadRow
from api.errors import NotPossibleError
from api.lifecycle.moves import LEGAL, is_legal, way
from api.vocabulary import BaselineState, Mode, Origin, state_of
from model.settings import BaselineSettings

WORKER: Final = "worker"
LEAST_WINDOWS: Final = BaselineSettings().min_windows
ACTIONS: Final = tuple(f"baseline.{state.value}" for state in BaselineState)
"""Actions of the audit record that are moves."""
_FOLLOWS: Final = {
    BaselineState.LEARNING: "Windows were unlearned: scores cannot be ranked any more.",
    BaselineState.READY: "Enough windows are learned to rank scores.",
    BaselineState.ACTIVE: "Scores can be ranked, and the workload is in mode enforcement-alert.",
}


def align(
    session: Session, workload: WorkloadRow, row: BaselineRow, *, actor: str, reason: str, now_ms: int
) -> BaselineVersionRow:
    """Bring the live version into the state that mode and evidence give it; return it.

    A workload that has none yet gets its first. Learning on from an active version begins a new one.

    Args:
        session: A write transaction.
        workload: The workload.
        row: What its live version has learned.
        actor: Who caused it.
        reason: Why; empty gives the rule that was followed.
        now_ms: Now.
    """
    version = find_live(session, row)
    if version is None:
        version = begin(session, workload.id, now_ms=now_ms)
        row.version_id = version.id
    state = BaselineState(version.state)
    wanted = state_of(Mode(workload.mode), ready=row.ready)
    if state is BaselineState.ACTIVE and workload.mode == Mode.LEARNING.value:
        keep(version, row)
        why = reason or "The workload is in mode learning again: it learns on from a copy."
        move(session, version, BaselineState.STALE, actor=actor, reason=why, now_ms=now_ms)
        version = begin(session, workload.id, parent=version, now_ms=now_ms)
        row.version_id, state = version.id, BaselineState.LEARNING
    for step in way(state, wanted):
        why = reason or _FOLLOWS[step]
        move(session, version, step, actor=actor, reason=why, now_ms=now_ms, windows=row.windows_learned)
    return version


def align_all(session: Session, now_ms: int) -> int:
    """Give each live version its state where another release changed mode or evidence; return how many.

    A release without versions may have run beside or before this one.
    """
    # Without what was learned: of all workloads together that may be more than fits into memory.
    rows = session.execute(
        select(BaselineRow.workload_id, BaselineRow.ready, WorkloadRow.mode, BaselineVersionRow.state)
        .join(WorkloadRow, WorkloadRow.id == BaselineRow.workload_id)
        .outerjoin(BaselineVersionRow, BaselineVersionRow.id == BaselineRow.version_id)
    )
    behind = [
        workload_id
        for workload_id, ready, mode, state in rows
        if state != state_of(Mode(mode), ready=ready).value
    ]
    for workload_id in behind:
        workload, row = session.get_one(WorkloadRow, workload_id), session.get_one(BaselineRow, workload_id)
        align(session, workload, row, actor=WORKER, reason="", now_ms=now_ms)
    return len(behind)


def find_live(session: Session, row: BaselineRow | None) -> BaselineVersionRow | None:
    """Return the live version of a workload; None where it has learned nothing under this release."""
    if row is None or row.version_id is None:
        return None
    return session.get(BaselineVersionRow, row.version_id)


class Timeline:
    """Which version of a workload was live when, and so whose content a change of learning became part of.

    Args:
        session: A transaction.
        workload_id: Of the workload.
    """

    def __init__(self, session: Session, workload_id: int) -> None:
        rows = session.scalars(
            select(BaselineVersionRow)
            .where(BaselineVersionRow.workload_id == workload_id)
            .order_by(BaselineVersionRow.number)
        ).all()
        self._known = {row.id: row for row in rows}
        activated = session.execute(
            # Joined to the versions, so that the entries are seen by whom they are seen.
            select(AuditRow.created_at, AuditRow.target)
            .join(BaselineVersionRow, AuditRow.target == cast(BaselineVersionRow.id, String))
            .where(
                AuditRow.target.in_([str(row.id) for row in rows]),
                AuditRow.action == f"baseline.{BaselineState.ACTIVE}",
            )
        )
        begun = [(row.created_at, row.id) for row in rows if row.origin == Origin.LEARNED.value]
        self._live = sorted([*begun, *((at, int(target)) for at, target in activated)])
        row = session.get(BaselineRow, workload_id)
        self._version = find_live(session, row)

    def holds(self, changed_at: int, version_id: int | None = None) -> bool:
        """Tell whether what was learned or unlearned at a time is part of what the live version is.

        Args:
            changed_at: When, in ms.
            version_id: Of the version that learned it, where that was not the live one.
        """
        owner = version_id or self._owner(changed_at)
        version = self._version
        while version is not None and version.id != owner:
            # A copy has what its parent was until then, and nothing of what that became later;
            # a version of a new image has only a share of it.
            if changed_at > version.created_at or version.origin == Origin.UPGRADED.value:
                return False
            version = self._known.get(version.parent_id or 0)
        return version is not None

    def _owner(self, at: int) -> int | None:
        """Return the version that was live; the first one for what is older than versions."""
        before = [version for since, version in self._live if since <= at]
        return before[-1] if before else min(self._known, default=None)


def begin(
    session: Session,
    workload_id: int,
    *,
    now_ms: int,
    parent: BaselineVersionRow | None = None,
    origin: Origin = Origin.LEARNED,
) -> BaselineVersionRow:
    """Store a new version in state `learning`."""
    newest = select(func.max(BaselineVersionRow.number)).where(BaselineVersionRow.workload_id == workload_id)
    version = BaselineVersionRow(
        workload_id=workload_id,
        number=(session.scalar(newest) or 0) + 1,
        state=BaselineState.LEARNING.value,
        origin=origin.value,
        parent_id=parent.id if parent else None,
        created_at=now_ms,
        changed_at=now_ms,
        windows_learned=0,
    )
    session.add(version)
    session.flush()
    return version


def activate(
    session: Session,
    workload: WorkloadRow,
    version: BaselineVersionRow,
    *,
    actor: str,
    reason: str,
    now_ms: int,
) -> None:
    """Make a version the live one and `active`, in mode `enforcement-alert`; the one before is `stale`.

    The caller tells the worker to read the baseline anew, before the transaction is committed.

    Raises:
        NotPossibleError: It is neither `ready` nor `stale`, or cannot rank scores.
    """
    check_move(version, BaselineState.ACTIVE)
    row = session.get(BaselineRow, workload.id)
    live = find_live(session, row)
    if version is not live:
        check_ranks(version)
        if row is None:
            row = BaselineRow(workload_id=workload.id)
            session.add(row)
        elif live is not None:
            keep(live, row)
            why = f"Version {version.number} took its place: {reason}"
            move(session, live, BaselineState.STALE, actor=actor, reason=why, now_ms=now_ms)
        _put_live(version, row, now_ms)
    switch(session, workload, Mode.ENFORCEMENT, actor=actor, reason=reason, now_ms=now_ms)
    windows = row.windows_learned if row else 0
    move(session, version, BaselineState.ACTIVE, actor=actor, reason=reason, now_ms=now_ms, windows=windows)


def retire(session: Session, version: BaselineVersionRow, *, actor: str, reason: str, now_ms: int) -> None:
    """End a version's life: what it learned is gone.

    A workload whose live version it was learns anew, from nothing.
    The caller tells the worker to read the baseline anew, before the transaction is committed.

    Raises:
        NotPossibleError: It is `active`, or was retired before.
    """
    check_move(version, BaselineState.RETIRED)
    row = session.get(BaselineRow, version.workload_id)
    if row is not None and row.version_id == version.id:
        keep(version, row)
        session.delete(row)
    version.snapshot = version.taught_by = None
    move(session, version, BaselineState.RETIRED, actor=actor, reason=reason, now_ms=now_ms)


def switch(
    session: Session, workload: WorkloadRow, mode: Mode, *, actor: str, reason: str, now_ms: int
) -> bool:
    """Set a workload's mode and record who did; return whether it was another one. `align` comes next."""
    if workload.mode == mode.value:
        return False
    detail = {"from": workload.mode, "to": mode.value, "reason": reason}
    record(
        session, now_ms=now_ms, actor=actor, action="workload.mode", target=str(workload.id), detail=detail
    )
    workload.mode, workload.mode_changed_at = mode.value, now_ms
    return True


def keep(version: BaselineVersionRow, row: BaselineRow) -> None:
    """Write into a version that is live no longer what it has learned."""
    version.snapshot, version.taught_by = row.snapshot, row.taught_by
    version.windows_learned, version.completeness = row.windows_learned, row.completeness
    version.provenance = row.provenance


def check_move(version: BaselineVersionRow, to: BaselineState) -> None:
    """Raise where a version may not move so.

    Raises:
        NotPossibleError: It may not; the sentence names what is possible.
    """
    state = BaselineState(version.state)
    if state is to:
        msg = f"Version {version.number} is {state.value} already."
        raise NotPossibleError(msg)
    if not is_legal(state, to):
        possible = " or ".join(sorted(each.value for each in LEGAL[state])) or "no other state"
        msg = (
            f"Version {version.number} is {state.value}; from there it can become {possible}, not {to.value}."
        )
        raise NotPossibleError(msg)


def move(
    session: Session,
    version: BaselineVersionRow,
    to: BaselineState,
    *,
    actor: str,
    reason: str,
    now_ms: int,
    **detail: Any,  # noqa: ANN401 - JSON
) -> None:
    """Move a version and record who did, and why.

    Raises:
        NotPossibleError: The move is not legal.
    """
    check_move(version, to)
    told = {
        "workload": version.workload_id,
        "number": version.number,
        "from": version.state,
        "reason": reason,
    }
    version.state, version.changed_at = to.value, now_ms
    record(
        session,
        now_ms=now_ms,
        actor=actor,
        action=f"baseline.{to.value}",
        target=str(version.id),
        detail=told | detail,
    )
    session.flush()


def check_ranks(version: BaselineVersionRow) -> None:
    """Raise where a version at rest has seen too little to rank a score.

    Raises:
        NotPossibleError: It has; the sentence says how many windows there are and how many it takes.
    """
    if version.snapshot is None or version.windows_learned < LEAST_WINDOWS:
        msg = (
            f"Version {version.number} has learned {version.windows_learned} windows; "
            f"to be active it needs at least {LEAST_WINDOWS}."
        )
        raise NotPossibleError(msg)


def _put_live(version: BaselineVersionRow, row: BaselineRow, now_ms: int) -> None:
    row.version_id, row.snapshot, row.taught_by = version.id, version.snapshot or b"", version.taught_by
    row.windows_learned, row.completeness = version.windows_learned, version.completeness
    row.provenance, row.ready, row.updated_at = version.provenance, True, now_ms
    version.snapshot = version.taught_by = None
