"""What a person may do with the learning of one window: unlearn, relearn, release, drop; all is audited."""

from dataclasses import replace
from enum import StrEnum

from sqlalchemy.orm import Session

from api.audit import record
from api.db.tables import ContainerRow, InboxRow, ScoreRow
from api.errors import NotFoundError, NotPossibleError
from api.vocabulary import Verdict
from api.worker import baselines
from api.worker.baselines import Learner
from api.worker.batch import delta_of, window_of
from model.baseline import Baseline
from model.errors import UnlearnError
from model.window import Window


class Step(StrEnum):
    """What is done."""

    UNLEARN = "unlearn"
    """Take a learned window back, exactly."""
    RELEARN = "relearn"
    """Undo that."""
    RELEASE = "release"
    """Learn a window that was held out of learning."""
    DROP = "drop"
    """Never learn one that is quarantined, unless it is released later."""


def take(session: Session, score_id: int, step: Step, *, reason: str, actor: str, now_ms: int) -> ScoreRow:
    """Do one step with one window, and record who did.

    The caller tells the worker to read the baseline anew, before the transaction is committed.

    Raises:
        NotFoundError: There is no score of this id.
        NotPossibleError: The window is in no state for that, or its counts are no longer kept.
    """
    row = session.get(ScoreRow, score_id)
    if row is None:
        msg = f"There is no score {score_id}."
        raise NotFoundError(msg)
    _check(row, step)
    if step is Step.DROP:
        row.quarantined, row.not_learned = False, f"Dropped by {actor}: {reason}"
    else:
        _change(session, row, step, reason=reason, actor=actor, now_ms=now_ms)
    detail = {"workload": row.workload_id, "reason": reason}
    record(session, now_ms=now_ms, actor=actor, action=f"score.{step}", target=str(score_id), detail=detail)
    session.flush()
    return row


def _check(row: ScoreRow, step: Step) -> None:
    unlearned = not row.learned and row.learned_score is not None
    fits, expected = {
        Step.UNLEARN: (row.learned, "one that is learned"),
        Step.RELEARN: (unlearned, "one that was unlearned"),
        Step.RELEASE: (not row.learned and not unlearned, "one that was held out of learning"),
        Step.DROP: (row.quarantined, "one that is quarantined"),
    }[step]
    if fits:
        return
    if row.learned:
        got = "is learned"
    elif row.quarantined:
        got = "is quarantined"
    else:
        got = "was unlearned" if unlearned else "is not learned"
    msg = f"To {step} a window, expected {expected}; this one {got}."
    raise NotPossibleError(msg)


def _change(session: Session, row: ScoreRow, step: Step, *, reason: str, actor: str, now_ms: int) -> None:
    inbox, container = session.get(InboxRow, row.inbox_id), session.get(ContainerRow, row.container_id)
    if inbox is None or container is None or inbox.payload is None:
        msg = (
            f"The counts of window {row.id} are not kept, or not any more "
            "(learned_kept_hours): the baseline cannot be changed by exactly this window."
        )
        raise NotPossibleError(msg)
    delta = delta_of(inbox)
    learner = baselines.load(session, row.workload_id, delta.arch)
    window, baseline = window_of(delta, container), learner.baseline
    if step is Step.UNLEARN:
        _unlearn(baseline, window, row)
        row.learned, row.not_learned = False, f"Unlearned by {actor}: {reason}"
    else:
        _learn(learner, window, row, again=step is Step.RELEARN)
    baselines.store(session, row.workload_id, learner, now_ms)


def _unlearn(baseline: Baseline, window: Window, row: ScoreRow) -> None:
    score = replace(baseline.score_window(window), score=row.learned_score or 0.0)
    try:
        baseline.unlearn_window(window, score)
    except UnlearnError as error:
        raise NotPossibleError(str(error)) from error


def _learn(learner: Learner, window: Window, row: ScoreRow, *, again: bool) -> None:
    # A person vouches for it, so it does not matter which replica showed it.
    if again and row.verdict != Verdict.ANOMALOUS.value:
        found = learner.baseline.score_window(window, unvouched=learner.unvouched(window))
        score = found if learner.baseline.learn_window(window, found, again=True) else None
    else:
        (score,) = learner.release([(window, None)], again=again)
    if score is None:
        msg = "The window is no evidence: calls are missing, or it has none."
        raise NotPossibleError(msg)
    row.learned, row.quarantined, row.not_learned = True, False, None
    row.learned_score = score.score
