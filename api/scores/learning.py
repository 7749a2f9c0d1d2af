"""What a person may do with the learning of one window: unlearn, relearn, release, drop; all is audited."""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy.orm import Session

from api.audit import record
from api.db.tables import ScoreRow
from api.errors import NotPossibleError, existing
from api.lifecycle import rhythms
from api.lifecycle.versions import Timeline
from api.vocabulary import Verdict
from api.worker import baselines
from api.worker.baselines import Key, Learner
from api.worker.repository import find_learned, find_quarantined
from api.worker.unlearning import changed_at, holder, kept_window, take_back, unlearn
from api.worker.windows import delta_of, facts_of, window_of
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
    row = existing(session.get(ScoreRow, score_id), f"score {score_id}")
    _check(row, step)
    if step is Step.DROP:
        row.quarantined, row.not_learned = False, f"Dropped by {actor}: {reason}"
    else:
        _change(session, row, step, reason=reason, actor=actor, now_ms=now_ms)
    detail = {"workload": row.workload_id, "reason": reason}
    record(session, now_ms=now_ms, actor=actor, action=f"score.{step}", target=str(score_id), detail=detail)
    session.flush()
    return row


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Windows of one workload that began within `[since_ms, until_ms)`."""

    workload_id: int
    since_ms: int
    until_ms: int
    container: str | None = None
    """Only those of the container of this runtime id; None takes all."""


def unlearn_all(session: Session, span: Span, *, reason: str, actor: str, now_ms: int) -> int:
    """Take back every learned window of a span, all or none, and record who did; return how many.

    The caller tells the worker to read the baseline anew, before the transaction is committed.

    Raises:
        NotPossibleError: Nothing of it is learned, or counts of some windows are no longer kept.
    """
    timeline = Timeline(session, span.workload_id)
    found = find_learned(session, span.workload_id, span.since_ms, span.until_ms, span.container)
    held = [each for each in found if timeline.holds(changed_at(each.score), each.score.version_id)]
    gone = sum(each.inbox.payload is None for each in held)
    if not held or gone:
        got = f"{gone} of {len(held)} windows have none (learned_kept_hours)" if held else "there is none"
        msg = f"To unlearn a span, expected windows that the live version learned, with their counts; {got}."
        raise NotPossibleError(msg)
    key = Key(span.workload_id)
    learner = baselines.load(session, key, delta_of(held[0].inbox).arch)
    for each in reversed(held):
        delta = delta_of(each.inbox)
        take_back(learner, window_of(delta, each.container), each.score)
        learner.provenance.add(facts_of(session, delta, each.container), times=-1)
        each.score.learned, each.score.not_learned = False, f"Unlearned by {actor}: {reason}"
        each.score.not_unlearned, each.score.learning_changed_at = None, now_ms
    baselines.store(session, key, learner, now_ms)
    detail = {
        "since": span.since_ms,
        "until": span.until_ms,
        "container": span.container,
        "windows": len(held),
        "reason": reason,
    }
    record(
        session,
        now_ms=now_ms,
        actor=actor,
        action="workload.unlearn",
        target=str(span.workload_id),
        detail=detail,
    )
    session.flush()
    return len(held)


def release_all(
    session: Session, span: Span, *, minute: int | None, reason: str, actor: str, now_ms: int
) -> int:
    """Learn every quarantined window of a span as one of its kind, and record who said so; return how many.

    The caller tells the worker to read the baseline anew, before the transaction is committed.

    Args:
        session: A write transaction.
        span: The windows.
        minute: Only those within an hour of this minute of the day, UTC; None takes all.
        reason: Why they belong.
        actor: Who says so.
        now_ms: Now.

    Raises:
        NotPossibleError: None is quarantined, or none is evidence.
    """
    found = find_quarantined(session, span.workload_id, span.since_ms, span.until_ms)
    held = [
        each
        for each in found
        if (minute is None or rhythms.is_at(each.score.start, minute))
        and span.container in {None, each.container.container_id}
        and each.inbox.payload is not None
    ]
    if not held:
        msg = "To release a span, expected quarantined windows in it; there is none."
        raise NotPossibleError(msg)
    deltas = [delta_of(each.inbox) for each in held]
    key = Key(span.workload_id)
    learner = baselines.load(session, key, deltas[0].arch)
    # A person vouches for them, so it does not matter which replica showed them.
    scores = learner.release(
        [(window_of(delta, each.container), None) for delta, each in zip(deltas, held, strict=True)]
    )
    for each, delta, score in zip(held, deltas, scores, strict=True):
        if score is not None:
            learner.provenance.add(facts_of(session, delta, each.container))
            each.score.learned, each.score.quarantined, each.score.not_learned = True, False, None
            each.score.learned_score, each.score.learning_changed_at = score.score, now_ms
    released = sum(score is not None for score in scores)
    baselines.store(session, key, learner, now_ms)
    detail = {
        "since": span.since_ms,
        "until": span.until_ms,
        "container": span.container,
        "minute": minute,
        "windows": released,
        "reason": reason,
    }
    target = str(span.workload_id)
    record(session, now_ms=now_ms, actor=actor, action="workload.release", target=target, detail=detail)
    session.flush()
    return released


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
    kept = kept_window(session, row)
    # What was held out of a baseline that is live no longer may still be learned by the one that is.
    at_rest = step is not Step.RELEASE or row.version_id is not None
    key = Key(row.workload_id, holder(session, row) if at_rest else None)
    learner = baselines.load(session, key, kept.arch)
    if step is Step.UNLEARN:
        unlearn(learner, kept, row, reason=f"Unlearned by {actor}: {reason}", now_ms=now_ms)
    else:
        _learn(learner, kept.window, row, again=step is Step.RELEARN)
        learner.provenance.add(kept.facts)
        row.learning_changed_at = now_ms
    baselines.store(session, key, learner, now_ms)


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
