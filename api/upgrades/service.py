"""Decides what is shown of upgrades, and what a person may decide."""

from sqlalchemy.orm import Session

from api.baselines import diff
from api.baselines.schemas import DifferenceOut, VersionWorkloadOut
from api.clock import to_datetime
from api.db.baseline_tables import BaselineVersionRow
from api.db.upgrade_tables import UpgradeRow
from api.errors import existing
from api.lifecycle import upgrades
from api.lifecycle.provenance import Provenance
from api.upgrades import repository
from api.upgrades.repository import UpgradeView
from api.upgrades.schemas import ConfidenceOut, UpgradeDetailOut, UpgradeOut, UpgradeQuery
from api.vocabulary import UpgradeState
from model import snapshot
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
    is_open = row.closed_at is None
    return UpgradeDetailOut(
        **_show(view).model_dump(),
        held=repository.count_held(session, row),
        confidence=_confidence(session, row) if is_open else None,
        difference=_difference(session, row) if is_open else _kept(row),
    )


def approve(session: Session, upgrade_id: int, *, reason: str, actor: str, now_ms: int) -> UpgradeDetailOut:
    """Make the version of an upgrade the live one.

    The caller tells the worker to read the baseline anew, before the transaction is committed.

    Raises:
        NotFoundError: There is none of this id.
        NotPossibleError: It is closed, or its version cannot rank scores.
    """
    row = _find(session, upgrade_id).row
    told = _difference(session, row).model_dump() if row.closed_at is None else {}
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
    told = _difference(session, row).model_dump() if row.closed_at is None else {}
    upgrades.reject(
        session,
        row,
        to=UpgradeState.REJECTED,
        difference=told,
        actor=actor,
        reason=reason,
        now_ms=now_ms,
    )
    return get(session, upgrade_id)


def _find(session: Session, upgrade_id: int) -> UpgradeView:
    return existing(repository.find(session, upgrade_id), f"upgrade {upgrade_id}")


def _confidence(session: Session, row: UpgradeRow) -> ConfidenceOut:
    version = session.get_one(BaselineVersionRow, row.version_id)
    known = Provenance.from_plain(version.provenance)
    unseen = snapshot.from_bytes(version.snapshot or b"").unseen()
    return ConfidenceOut(
        windows_learned=known.windows,
        windows_inherited=snapshot.from_bytes(row.inherited or b"").windows_learned,
        replicas=len(known.replicas),
        unseen=unseen.estimate,
        low=unseen.low,
        high=unseen.high,
    )


def _difference(session: Session, row: UpgradeRow) -> DifferenceOut:
    version = session.get_one(BaselineVersionRow, row.version_id)
    began = snapshot.from_bytes(row.inherited or b"").state()
    now = snapshot.from_bytes(version.snapshot or b"").state()
    return diff.between(began, added(now, began))


def _kept(row: UpgradeRow) -> DifferenceOut | None:
    return DifferenceOut.model_validate(row.difference) if row.difference else None


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
