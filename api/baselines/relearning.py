"""Learns a workload anew from the windows that are kept since a date, as a version of its own."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from api.audit import record
from api.baselines.repository import VersionView
from api.db.baseline_tables import BaselineVersionRow
from api.db.tables import BaselineRow, ContainerRow, InboxRow, LedgerRow, ScoreRow
from api.errors import NotPossibleError
from api.lifecycle import versions
from api.vocabulary import BaselineState, Mode, Verdict
from api.worker import baselines
from api.worker.baselines import Learner
from api.worker.ledger import SEVERAL
from api.worker.repository import identify_replica, unpack
from api.worker.windows import facts_of, window_of
from model.baseline import Baseline
from model.teachers import Teachers
from model.window import Window
from wire.codec import decode_delta

_AT_ONCE: Final = 500


class Stock(NamedTuple):
    """What there is to learn from."""

    windows: int
    """Learned since the date, by whichever version."""
    missing: int
    """Of these, without counts."""
    oldest: int | None
    """Start of the oldest one that has them."""
    held: int
    """Quarantined since the date; no part of it."""


@dataclass(slots=True)
class Relearning:
    """One baseline that is learned anew; `read` may be called again for what came meanwhile."""

    workload_id: int
    since_ms: int
    learner: Learner
    several: bool
    scores: dict[int, float] = field(default_factory=dict)
    """What is remembered of each window, by the id of its score."""
    _newest: int = 0
    _seen: tuple[int, int] = (0, 0)
    _strange: dict[int, tuple[Window, int | None]] = field(default_factory=dict)

    @classmethod
    def of(cls, session: Session, view: VersionView, since_ms: int, arch: str) -> "Relearning":
        """Return one that has learned nothing yet.

        Args:
            session: A transaction.
            view: The live version.
            since_ms: Windows that began at or after this time are learned.
            arch: Architecture of the live version.
        """
        ledger = session.get(LedgerRow, view.workload.id)
        several = ledger is not None and ledger.replicas >= SEVERAL
        learner = Learner(Baseline(arch=arch), Teachers())
        return cls(view.workload.id, since_ms, learner, several)

    def read(self, session: Session) -> None:
        """Learn all kept windows that were not read yet, in the order in which they were scored.

        Raises:
            NotPossibleError: What was read before has been changed since.
        """
        if self._newest and self._state(session) != self._seen:
            msg = "Windows were unlearned, relearned or released in the meantime; ask again."
            raise NotPossibleError(msg)
        for score_id, verdict, payload, container in self._kept(session):
            delta = decode_delta(unpack(payload))
            window = window_of(delta, container)
            replica = identify_replica(container) if self.several else None
            if verdict == Verdict.ANOMALOUS.value:
                # It was released as one of its kind; alone it would enter the record as a stranger.
                self._strange[score_id] = window, replica
            else:
                score = self.learner.baseline.score_window(window, unvouched=self.learner.unvouched(window))
                self.learner.learn(window, score, replica)
                self.scores[score_id] = score.score
            self.learner.provenance.add(facts_of(session, delta, container))
        self._seen = self._state(session)

    def finish(self) -> None:
        """Learn those that had been held out and released, all together."""
        remembered = self.learner.release(list(self._strange.values()))
        self.scores |= {
            score_id: score.score
            for score_id, score in zip(self._strange, remembered, strict=True)
            if score is not None
        }

    def _kept(self, session: Session) -> Iterator[tuple[int, str, bytes, ContainerRow]]:
        found = [(0, "", b"", ContainerRow())]
        while found:
            query = (
                select(ScoreRow.id, ScoreRow.verdict, InboxRow.payload, ContainerRow)
                .join(InboxRow, InboxRow.id == ScoreRow.inbox_id)
                .join(ContainerRow, ContainerRow.id == ScoreRow.container_id)
                .where(_learned(self.workload_id, self.since_ms), ScoreRow.id > self._newest)
                .where(InboxRow.payload.is_not(None))
                .order_by(ScoreRow.id)
                .limit(_AT_ONCE)
            )
            found = [(each[0], each[1], each[2] or b"", each[3]) for each in session.execute(query)]
            for each in found:
                self._newest = each[0]
                yield each

    def _state(self, session: Session) -> tuple[int, int]:
        row = session.execute(
            select(func.count(), func.coalesce(func.sum(ScoreRow.learning_changed_at), 0)).where(
                _learned(self.workload_id, self.since_ms), ScoreRow.id <= self._newest
            )
        ).one()
        return row[0], int(row[1] or 0)


def take_stock(session: Session, workload_id: int, since_ms: int) -> Stock:
    """Return what there is to learn a workload anew from."""
    windows, missing = session.execute(
        select(func.count(), func.count().filter(InboxRow.payload.is_(None)))
        .select_from(ScoreRow)
        .join(InboxRow, InboxRow.id == ScoreRow.inbox_id)
        .where(_learned(workload_id, since_ms))
    ).one()
    oldest = session.scalar(
        select(func.min(ScoreRow.start))
        .join(InboxRow, InboxRow.id == ScoreRow.inbox_id)
        .where(_learned(workload_id, since_ms), InboxRow.payload.is_not(None))
    )
    held = session.scalar(
        select(func.count())
        .select_from(ScoreRow)
        .where(ScoreRow.workload_id == workload_id, ScoreRow.quarantined, ScoreRow.start >= since_ms)
    )
    return Stock(windows, missing, oldest, held or 0)


def check_enough(view: VersionView, learner: Learner) -> None:
    """Raise where a workload that raises alerts would be left without a baseline that can.

    Raises:
        NotPossibleError: It would.
    """
    if view.workload.mode == Mode.ENFORCEMENT.value and not baselines.is_ready(learner.baseline):
        msg = (
            f"The new version would have learned {learner.baseline.windows_learned} windows; "
            f"to be active it needs at least {versions.LEAST_WINDOWS}."
        )
        raise NotPossibleError(msg)


def put_live(
    session: Session, view: VersionView, done: Relearning, *, actor: str, reason: str, now_ms: int
) -> BaselineVersionRow:
    """Make what was learned anew the live version; the one before is stale, and a rollback returns to it.

    The caller tells the worker to read the baseline anew, before the transaction is committed.

    Args:
        session: A write transaction.
        view: The live version.
        done: What was learned.
        actor: Who asks.
        reason: Why.
        now_ms: Now.

    Raises:
        NotPossibleError: Another version is live by now.
    """
    row = session.get(BaselineRow, view.workload.id)
    if row is None or row.version_id != view.row.id:
        msg = "Another version took the place of the live one in the meantime; ask again."
        raise NotPossibleError(msg)
    workload, before = view.workload, view.row
    versions.keep(before, row)
    why = f"Relearned from a date: {reason}"
    versions.move(session, before, BaselineState.STALE, actor=actor, reason=why, now_ms=now_ms)
    version = versions.begin(session, workload.id, now_ms=now_ms)
    row.version_id, row.completeness = version.id, None
    baselines.store(session, baselines.Key(workload.id), done.learner, now_ms)
    versions.align(session, workload, row, actor=actor, reason=why, now_ms=now_ms)
    changed: list[dict[str, Any]] = [
        {"id": score_id, "learned_score": score, "learning_changed_at": now_ms}
        for score_id, score in done.scores.items()
    ]
    session.execute(update(ScoreRow), changed)
    detail = {
        "since": done.since_ms,
        "windows": len(changed),
        "version": version.number,
        "before": before.number,
        "reason": reason,
    }
    record(
        session,
        now_ms=now_ms,
        actor=actor,
        action="workload.relearn",
        target=str(workload.id),
        detail=detail,
    )
    session.flush()
    return version


def _learned(workload_id: int, since_ms: int) -> ColumnElement[bool]:
    return (ScoreRow.workload_id == workload_id) & ScoreRow.learned & (ScoreRow.start >= since_ms)
