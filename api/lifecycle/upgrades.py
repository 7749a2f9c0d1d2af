"""A workload's change to a new image: the version that it learns, how it is opened, settled and closed."""

from typing import Any, Final

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from api.audit import record
from api.db.baseline_tables import BaselineVersionRow
from api.db.tables import BaselineRow, ScoreRow, WorkloadRow
from api.db.upgrade_tables import UpgradeRow
from api.errors import NotPossibleError
from api.lifecycle import versions
from api.lifecycle.provenance import Provenance
from api.vocabulary import BaselineState, Origin, UpgradeState
from model import snapshot
from model.baseline import Baseline
from model.inherit import inherit

AT_REST: Final = (BaselineState.LEARNING.value, BaselineState.READY.value)
"""States of a change's version until it is decided, or moved by itself."""


def digests_of(provenance: Provenance) -> set[str]:
    """Return the digests of the images that a version learned windows of; of some images none is known.

    Examples:
        >>> from collections import Counter
        >>> digests_of(Provenance(images=Counter({"web:1@sha256:0123": 2, "web:2": 1})))
        {'sha256:0123'}
    """
    return {digest for image in provenance.images if (digest := image.partition("@")[2])}


def find(session: Session, workload_id: int, digest: str) -> UpgradeRow | None:
    """Return the newest change of a workload to an image."""
    return session.scalar(
        select(UpgradeRow)
        .where(UpgradeRow.workload_id == workload_id, UpgradeRow.digest == digest)
        .order_by(UpgradeRow.id.desc())
        .limit(1)
    )


def list_recent(session: Session, since_ms: int) -> list[UpgradeRow]:
    """Return the changes that are open, and those that were closed since a time, oldest first."""
    recent = or_(UpgradeRow.closed_at.is_(None), UpgradeRow.closed_at >= since_ms)
    return list(session.scalars(select(UpgradeRow).where(recent).order_by(UpgradeRow.id)))


def is_open(session: Session, version_id: int) -> bool:
    """Tell whether a version is that of a change which is not decided."""
    query = select(UpgradeRow.id).where(UpgradeRow.version_id == version_id, UpgradeRow.closed_at.is_(None))
    return session.scalar(query.limit(1)) is not None


def find_ancestor(session: Session, live: BaselineVersionRow, digest: str) -> BaselineVersionRow | None:
    """Return the nearest version before the live one that knows an image, and is kept.

    So a workload that goes back to an earlier image is judged by what was learned of that one.
    """
    parent_id = live.parent_id
    while parent_id is not None and (version := session.get(BaselineVersionRow, parent_id)) is not None:
        kept = version.state != BaselineState.RETIRED.value
        if kept and digest in digests_of(Provenance.from_plain(version.provenance)):
            return version
        parent_id = version.parent_id
    return None


def held(upgrade: UpgradeRow) -> tuple[ColumnElement[bool], ...]:
    """Return what is so of the windows that are held out of the version of a change."""
    return (
        ScoreRow.workload_id == upgrade.workload_id,
        ScoreRow.quarantined.is_(True),
        ScoreRow.version_id == upgrade.version_id,
    )


def begin(
    session: Session,
    live: BaselineVersionRow,
    row: BaselineRow,
    *,
    image: str,
    digest: str,
    now_ms: int,
) -> UpgradeRow:
    """Open a change to an image: a version at rest that inherits from the live one, at a reduced weight.

    Args:
        session: A write transaction.
        live: Of a workload in mode `enforcement-alert`.
        row: What that has learned.
        image: Name of the image.
        digest: Its digest, which no version of the workload in use knows.
        now_ms: Now.
    """
    heir = Baseline.from_state(inherit(snapshot.from_bytes(row.snapshot).state()))
    began = snapshot.to_bytes(heir)
    version = versions.begin(session, live.workload_id, parent=live, origin=Origin.UPGRADED, now_ms=now_ms)
    version.snapshot, version.taught_by = began, row.taught_by
    version.windows_learned = heir.windows_learned
    version.provenance = Provenance().to_plain()
    upgrade = UpgradeRow(
        workload_id=live.workload_id,
        image=image,
        digest=digest,
        predecessor_id=live.id,
        version_id=version.id,
        state=UpgradeState.SETTLING.value,
        opened_at=now_ms,
        windows=0,
        quiet=0,
        newest_start=0,
        inherited=began,
    )
    session.add(upgrade)
    session.flush()
    _record(session, upgrade, UpgradeState.SETTLING, actor=versions.WORKER, reason=None, now_ms=now_ms)
    return upgrade


def settle(session: Session, upgrade: UpgradeRow, *, reason: str, now_ms: int) -> None:
    """Freeze a change's version: it waits for a person, and every finding raises an alert."""
    upgrade.state, upgrade.settled_at = UpgradeState.REVIEW.value, now_ms
    version = session.get_one(BaselineVersionRow, upgrade.version_id)
    _to_ready(session, version, actor=versions.WORKER, reason=reason, now_ms=now_ms)
    _record(session, upgrade, UpgradeState.REVIEW, actor=versions.WORKER, reason=reason, now_ms=now_ms)


def approve(
    session: Session,
    upgrade: UpgradeRow,
    *,
    difference: dict[str, Any],
    actor: str,
    reason: str,
    now_ms: int,
) -> None:
    """Make a change's version the live one; the predecessor is `stale`, and judges its own images still.

    The caller tells the worker to read the baseline anew, before the transaction is committed.

    Raises:
        NotPossibleError: The change is not open.
    """
    check_open(upgrade)
    version = session.get_one(BaselineVersionRow, upgrade.version_id)
    _to_ready(session, version, actor=actor, reason=reason, now_ms=now_ms)
    workload = session.get_one(WorkloadRow, upgrade.workload_id)
    versions.activate(session, workload, version, actor=actor, reason=reason, now_ms=now_ms)
    _close(session, upgrade, UpgradeState.APPROVED, difference, actor=actor, reason=reason, now_ms=now_ms)


def close(
    session: Session,
    upgrade: UpgradeRow,
    *,
    to: UpgradeState,
    difference: dict[str, Any],
    actor: str,
    reason: str,
    now_ms: int,
) -> None:
    """End a change otherwise: its version is retired, unless somebody has moved it by itself already.

    The caller tells the worker to read the baseline anew, before the transaction is committed.

    Raises:
        NotPossibleError: The change is not open.
    """
    check_open(upgrade)
    version = session.get_one(BaselineVersionRow, upgrade.version_id)
    if version.state in AT_REST:
        versions.retire(session, version, actor=actor, reason=reason, now_ms=now_ms)
    _close(session, upgrade, to, difference, actor=actor, reason=reason, now_ms=now_ms)


def check_open(upgrade: UpgradeRow) -> None:
    """Raise where a change was closed.

    Raises:
        NotPossibleError: It was; the sentence says how.
    """
    if upgrade.closed_at is not None:
        msg = f"Expected an upgrade that is open; upgrade {upgrade.id} is {upgrade.state}."
        raise NotPossibleError(msg)


def _to_ready(session: Session, version: BaselineVersionRow, *, actor: str, reason: str, now_ms: int) -> None:
    if version.state == BaselineState.LEARNING.value:
        versions.move(session, version, BaselineState.READY, actor=actor, reason=reason, now_ms=now_ms)


def _close(
    session: Session,
    upgrade: UpgradeRow,
    to: UpgradeState,
    difference: dict[str, Any],
    *,
    actor: str,
    reason: str,
    now_ms: int,
) -> None:
    upgrade.state, upgrade.closed_at, upgrade.closed_by = to.value, now_ms, actor
    upgrade.reason, upgrade.difference, upgrade.inherited = reason, difference, None
    _record(session, upgrade, to, actor=actor, reason=reason, now_ms=now_ms)


def _record(
    session: Session, upgrade: UpgradeRow, to: UpgradeState, *, actor: str, reason: str | None, now_ms: int
) -> None:
    told = {"workload": upgrade.workload_id, "digest": upgrade.digest, "reason": reason}
    record(
        session,
        now_ms=now_ms,
        actor=actor,
        action=f"upgrade.{to.value}",
        target=str(upgrade.id),
        detail=told,
    )
    session.flush()
