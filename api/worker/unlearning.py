"""A learned window taken back out of its baseline, or why that cannot be done."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from api.db.tables import ContainerRow, InboxRow, ScoreRow
from api.errors import NotPossibleError
from api.lifecycle.provenance import Facts
from api.lifecycle.upgrades import is_open
from api.lifecycle.versions import Timeline
from api.worker.baselines import Learner
from api.worker.windows import delta_of, facts_of, window_of
from model.errors import UnlearnError
from model.window import Window


@dataclass(frozen=True, slots=True)
class KeptWindow:
    """What is still there of a window that was scored."""

    arch: str
    window: Window
    facts: Facts


def kept_window(session: Session, row: ScoreRow) -> KeptWindow:
    """Return the counts of a window that was scored, and where they come from.

    Raises:
        NotPossibleError: They are not kept, or not any more.
    """
    inbox, container = session.get(InboxRow, row.inbox_id), session.get(ContainerRow, row.container_id)
    if inbox is None or container is None or inbox.payload is None:
        msg = (
            f"The counts of window {row.id} are not kept, or not any more "
            "(learned_kept_hours): the baseline cannot be changed by exactly this window."
        )
        raise NotPossibleError(msg)
    delta = delta_of(inbox)
    return KeptWindow(delta.arch, window_of(delta, container), facts_of(session, delta, container))


def holder(session: Session, row: ScoreRow) -> int | None:
    """Return which version at rest a window can be learned by and taken out of; None is the live one.

    Raises:
        NotPossibleError: The version that learned it, or unlearned it, is neither live nor that of a
            new image.
    """
    if Timeline(session, row.workload_id).holds(changed_at(row), row.version_id):
        return None
    if row.version_id is not None and is_open(session, row.version_id):
        return row.version_id
    msg = f"Window {row.id} was learned or unlearned in another version than the live one."
    raise NotPossibleError(msg)


def changed_at(row: ScoreRow) -> int:
    """Return when what was learned of a window last changed, in ms."""
    return row.scored_at if row.learning_changed_at is None else row.learning_changed_at


def unlearn(learner: Learner, kept: KeptWindow, row: ScoreRow, *, reason: str, now_ms: int) -> None:
    """Take a learned window back; its score says why, and can be relearned.

    Raises:
        NotPossibleError: It cannot be told what of it was learned; nothing was changed.
    """
    take_back(learner, kept.window, row)
    learner.provenance.add(kept.facts, times=-1)
    row.learned, row.not_learned, row.not_unlearned = False, reason, None
    row.learning_changed_at = now_ms


def take_back(learner: Learner, window: Window, row: ScoreRow) -> None:
    """Take a window, and the score that is remembered with it, out of what was learned.

    Raises:
        NotPossibleError: It cannot be told what of it was learned; nothing was changed.
    """
    try:
        learner.unlearn(window, row.learned_score or 0.0)
    except UnlearnError as error:
        raise NotPossibleError(str(error)) from error
