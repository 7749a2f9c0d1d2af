"""A learned window taken back out of its baseline, or why that cannot be done."""

from dataclasses import replace

from sqlalchemy.orm import Session

from api.db.tables import ContainerRow, InboxRow, ScoreRow
from api.errors import NotPossibleError
from api.worker.batch import delta_of, window_of
from model.baseline import Baseline
from model.errors import UnlearnError
from model.window import Window


def kept_window(session: Session, row: ScoreRow) -> tuple[str, Window]:
    """Return the architecture and the counts of a window that was scored.

    Raises:
        NotPossibleError: Its counts are not kept, or not any more.
    """
    inbox, container = session.get(InboxRow, row.inbox_id), session.get(ContainerRow, row.container_id)
    if inbox is None or container is None or inbox.payload is None:
        msg = (
            f"The counts of window {row.id} are not kept, or not any more "
            "(learned_kept_hours): the baseline cannot be changed by exactly this window."
        )
        raise NotPossibleError(msg)
    delta = delta_of(inbox)
    return delta.arch, window_of(delta, container)


def unlearn(baseline: Baseline, window: Window, row: ScoreRow, *, reason: str) -> None:
    """Take a learned window back; its score says why, and can be relearned.

    Raises:
        NotPossibleError: It cannot be told what of it was learned; nothing was changed.
    """
    score = replace(baseline.score_window(window), score=row.learned_score or 0.0)
    try:
        baseline.unlearn_window(window, score)
    except UnlearnError as error:
        raise NotPossibleError(str(error)) from error
    row.learned, row.not_learned, row.not_unlearned = False, reason, None
