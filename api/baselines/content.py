"""What a version has learned, whether it is live or at rest."""

from typing import NamedTuple

from sqlalchemy.orm import Session

from api.baselines import repository
from api.baselines.repository import VersionView
from api.errors import NotPossibleError, existing
from api.lifecycle.provenance import Provenance
from model import snapshot
from model.state import BaselineState


class Content(NamedTuple):
    """What was learned, as it is stored."""

    snapshot: bytes
    taught_by: bytes | None
    provenance: Provenance


def find(session: Session, version_id: int) -> VersionView:
    """Return one version with what belongs to it.

    Raises:
        NotFoundError: There is none of this id.
    """
    return existing(repository.find(session, version_id), f"baseline {version_id}")


def read(session: Session, view: VersionView) -> Content:
    """Return what a version has learned.

    Raises:
        NotPossibleError: It is gone, since the version was retired.
    """
    live = repository.find_live(session, view.workload.id) if view.live is not None else None
    row = live or view.row
    if row.snapshot is None:
        msg = f"What version {view.row.number} had learned is gone: it is {view.row.state}."
        raise NotPossibleError(msg)
    return Content(row.snapshot, row.taught_by, Provenance.from_plain(row.provenance))


def state_of(session: Session, view: VersionView) -> BaselineState:
    """Return the counts of a version.

    Raises:
        NotPossibleError: What it learned is gone.
    """
    return snapshot.from_bytes(read(session, view).snapshot).state()
