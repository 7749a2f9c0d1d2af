"""Decides what is shown of upgrades, and what a person may decide."""

from typing import NamedTuple

from sqlalchemy.orm import Session

from api.baselines import content, diff
from api.baselines.repository import VersionView
from api.baselines.schemas import DifferenceOut, VersionWorkloadOut
from api.clock import to_datetime
from api.db.upgrade_tables import UpgradeRow
from api.errors import existing
from api.lifecycle import upgrades
from api.lifecycle.provenance import Provenance
from api.upgrades import repository
from api.upgrades.repository import UpgradeView
from api.upgrades.schemas import ConfidenceOut, UpgradeDetailOut, UpgradeOut, UpgradeQuery
from api.vocabulary import BaselineState, UpgradeState
from model import snapshot
from model.baseline import Baseline
from model.inherit import added


def list_page(session: Session, query: UpgradeQuery) -> list[UpgradeOut]:
    """Return one page of upgrades."""
    found = repository.list_page(
        session, query.slice(), workload=query.workload, state=query.state, is_open=query.open
    )
    return [_show(each) for each in found]


def get(session: Session, upgrade_id: int) -> UpgradeDetailOut:
    """Return one upgrade with what its image does otherwise.

    Raises:
        NotFoundError: There is none of this id.
    """
    view = _find(session, upgrade_id)
    row = view.row
    shown = _show(view).model_dump() | {"held": repository.count_held(session, row)}
    version = content.find(session, row.version_id)
    if row.closed_at is not None or version.row.state == BaselineState.RETIRED.value:
        kept = DifferenceOut.model_validate(row.difference) if row.difference else None
        return UpgradeDetailOut(**shown, confidence=None, difference=kept)
    learned = _learned(session, row, version)
    return UpgradeDetailOut(**shown, confidence=_confidence(learned), difference=_difference(learned))


def approve(session: Session, upgrade_id: int, *, reason: str, actor: str, now_ms: int) -> UpgradeDetailOut:
    """Make the version of an upgrade the live one.

    The caller tells the worker to read the baseline anew, before the transaction is committed.

    Raises:
        NotFoundError: There is none of this id.
        NotPossibleError: It is closed, or its version cannot rank scores.
    """
    row = _find(session, upgrade_id).row
    upgrades.check_open(row)
    version = content.find(session, row.version_id)
    told = _difference(_learned(session, row, version)).model_dump()
    upgrades.approve(session, row, difference=told, actor=actor, reason=reason, now_ms=now_ms)
    return get(session, upgrade_id)


def reject(session: Session, upgrade_id: int, *, reason: str, actor: str, now_ms: int) -> UpgradeDetailOut:
    """Retire the version of an upgrade: the image is judged by the live version from now on.

    The caller tells the worker to read the baseline anew, before the transaction is committed.

    Raises:
        NotFoundError: There is none of this id.
        NotPossibleError: It is closed.
    """
    row = _find(session, upgrade_id).row
    upgrades.check_open(row)
    version = content.find(session, row.version_id)
    told = _difference(_learned(session, row, version)).model_dump()
    upgrades.close(
        session,
        row,
        to=UpgradeState.REJECTED,
        difference=told,
        actor=actor,
        reason=reason,
        now_ms=now_ms,
    )
    return get(session, upgrade_id)


class _Learned(NamedTuple):
    """What the version of an open upgrade knows, and what of it was inherited."""

    known: Provenance
    now: Baseline
    began: Baseline


def _find(session: Session, upgrade_id: int) -> UpgradeView:
    return existing(repository.find(session, upgrade_id), f"upgrade {upgrade_id}")


def _learned(session: Session, row: UpgradeRow, version: VersionView) -> _Learned:
    """Return what is known of the image of an open upgrade.

    Raises:
        NotPossibleError: It is gone, since the version was retired.
    """
    found = content.read(session, version)
    began = snapshot.from_bytes(row.inherited or b"")
    return _Learned(found.provenance, snapshot.from_bytes(found.snapshot), began)


def _confidence(learned: _Learned) -> ConfidenceOut:
    unseen = learned.now.unseen()
    return ConfidenceOut(
        windows_learned=learned.known.windows,
        windows_inherited=learned.began.windows_learned,
        replicas=len(learned.known.replicas),
        unseen=unseen.estimate,
        low=unseen.low,
        high=unseen.high,
    )


def _difference(learned: _Learned) -> DifferenceOut:
    began = learned.began.state()
    return diff.between(began, added(learned.now.state(), began))


def _show(view: UpgradeView) -> UpgradeOut:
    row = view.row
    return UpgradeOut(
        id=row.id,
        workload=VersionWorkloadOut.model_validate(view.workload, from_attributes=True),
        image=row.image,
        digest=row.digest,
        predecessor_id=row.predecessor_id,
        version_id=row.version_id,
        state=UpgradeState(row.state),
        opened_at=to_datetime(row.opened_at),
        settled_at=to_datetime(row.settled_at) if row.settled_at is not None else None,
        closed_at=to_datetime(row.closed_at) if row.closed_at is not None else None,
        closed_by=row.closed_by,
        reason=row.reason,
        windows=row.windows,
    )
