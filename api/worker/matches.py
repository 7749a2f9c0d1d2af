"""One transaction of matches: whose they are, whether the rule is on there, whether they are certain."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.audit import record
from api.db.rule_tables import MatchRow
from api.db.selections import read_selections
from api.db.tables import ContainerRow, ScoreRow
from api.errors import NotPossibleError
from api.owners import OwnerOf, unasked
from api.settings import ServiceSettings
from api.tracing.tracer import Untraced
from api.vocabulary import MatchOutcome
from api.worker import repository
from api.worker.baselines import Baselines, Key
from api.worker.identities import Identities
from api.worker.open_conditions import decide, read
from api.worker.signatures import SignatureBook
from api.worker.spans import Spans
from api.worker.suppressing import Suppressions
from api.worker.unlearning import holder, kept_window, unlearn
from wire.bundle import is_enabled
from wire.match import SignatureMatch, decode_match
from wire.profile import ContainerRef

_ACTOR: Final = "nonself"
"""Who did what nobody asked for, in the audit."""


@dataclass(slots=True)
class MatchTally:
    """What one transaction did, to be counted once it is committed."""

    outcomes: Counter[str] = field(default_factory=Counter)
    late: Counter[bool] = field(default_factory=Counter)
    """Windows that had been learned before their first match, by whether that could be undone."""
    alerts_opened: list[int] = field(default_factory=list)


class MatchProcessor:
    """Handles matches within a transaction that the caller opened and commits.

    Args:
        session: The transaction.
        baselines: Those in memory; what is unlearned is written with the transaction.
        settings: The service's.
        now_ms: Its time.
        emit: Told of every match that is raised.
        owner_of: Says what the Kubernetes API knows of a container's pod.
        spans: Of each match whose trace is kept.
    """

    def __init__(
        self,
        session: Session,
        baselines: Baselines,
        settings: ServiceSettings,
        now_ms: int,
        emit: Callable[[SignatureMatch], None],
        *,
        owner_of: OwnerOf = unasked,
        spans: Spans | None = None,
    ) -> None:
        self._session = session
        self._spans = spans or Spans(Untraced())
        self._baselines = baselines
        self._settings = settings
        self._now_ms = now_ms
        self._book = SignatureBook(session, gap_s=settings.alert_gap_s, now_ms=now_ms, emit=emit)
        self._selections = read_selections(session)
        self._suppressions = Suppressions(session, now_ms)
        self._containers: dict[tuple[int, str, str], ContainerRow] = {}
        self._identities = Identities(session, settings, now_ms, owner_of)
        self._tally = MatchTally(alerts_opened=self._book.opened)

    def process(self, rows: Sequence[MatchRow]) -> MatchTally:
        """Handle matches in the order given."""
        with self._session.no_autoflush:
            for row in rows:
                with self._spans.of(self._session, "raise match", row.traceparent):
                    self._handle(row)
            self._book.trim()
            self._baselines.save(self._session, self._now_ms)
        return self._tally

    def _handle(self, row: MatchRow) -> None:
        match = decode_match(row.payload or b"")
        container = self._upsert_container(row, match) if match.container else None
        if match.container and container:
            workload = self._identities.workload_of(match.container, container, match.node)
        else:
            workload = self._identities.host(match.node)
        row.workload_id, row.container_id = workload.id, container.id if container else None
        on = is_enabled(
            self._selections, match.rule, match.tags, namespace=workload.namespace, workload=workload.id
        )
        if not on:
            self._settle(row, MatchOutcome.DISABLED)
            return
        windows = self._windows(container, match)
        if match.open_condition and not self._decide(row, match, windows):
            return
        if suppression := self._suppressions.of_match(workload.id, match.rule):
            # Somebody answers for it being benign: its window may be learned.
            self._book.silence(row, suppression)
            self._tally.outcomes[MatchOutcome.SUPPRESSED.value] += 1
            return
        self._hold(row, windows)
        self._book.enter(workload, row, match)
        self._tally.outcomes[MatchOutcome.RAISED.value] += 1

    def _decide(self, row: MatchRow, match: SignatureMatch, windows: Sequence[ScoreRow]) -> bool:
        """Decide what the node left open; a match whose window may still be scored waits for that."""
        # One that is no condition fails here, as a match, and not later, as a window.
        read(match.open_condition)
        in_time = self._now_ms - row.received_at < self._settings.anomaly_wait_s * 1000
        if not windows and row.container_id is not None and in_time:
            if row.outcome is None:
                row.outcome = MatchOutcome.WAITING.value
                self._tally.outcomes[MatchOutcome.WAITING.value] += 1
            return False
        # Where there is no window the fields are missing, and a missing field makes its check false.
        score = windows[0] if windows else None
        if decide(match.open_condition, (score.score, score.p_value, score.novelty) if score else None):
            return True
        self._settle(row, MatchOutcome.REFUTED)
        return False

    def _settle(self, row: MatchRow, outcome: MatchOutcome) -> None:
        row.outcome, row.payload = outcome.value, None
        self._tally.outcomes[outcome.value] += 1

    def _hold(self, row: MatchRow, windows: Sequence[ScoreRow]) -> None:
        for window in windows:
            # Learned in spite of an earlier match: a person vouched for it, or it cannot be helped.
            if window.learned and not window.matches:
                self._take_back(row, window)
            window.matches += 1

    def _take_back(self, row: MatchRow, score: ScoreRow) -> None:
        """Unlearn a window that was learned before its match came; where that cannot be done, say why."""
        reason = f"The signature rule '{row.rule}' matched in the window, as was told after it was learned."
        try:
            kept = kept_window(self._session, score)
            key = Key(score.workload_id, holder(self._session, score))
            learner = self._baselines.get(self._session, key, kept.arch)
            # Marked before it is touched: should that fail halfway, the baseline is read anew.
            self._baselines.mark_changed(key)
            unlearn(learner, kept, score, reason=reason, now_ms=self._now_ms)
        except NotPossibleError as error:
            score.not_unlearned = error.detail
        undone = score.not_unlearned is None
        self._tally.late[undone] += 1
        record(
            self._session,
            now_ms=self._now_ms,
            actor=_ACTOR,
            action="score.unlearn" if undone else "score.unlearn_failed",
            target=str(score.id),
            detail={"workload": score.workload_id, "reason": reason}
            | ({} if undone else {"error": score.not_unlearned}),
        )

    def _windows(self, container: ContainerRow | None, match: SignatureMatch) -> Sequence[ScoreRow]:
        if container is None:
            return []
        at = match.time // 1_000_000
        return self._session.scalars(
            select(ScoreRow)
            .where(ScoreRow.container_id == container.id, ScoreRow.start <= at, ScoreRow.end > at)
            .order_by(ScoreRow.id)
        ).all()

    def _upsert_container(self, row: MatchRow, match: SignatureMatch) -> ContainerRow:
        ref = match.container or ContainerRef(id="", runtime="")
        instance = row.node_id, row.boot_id, ref.id
        found = self._containers.get(instance) or self._session.scalar(
            select(ContainerRow).where(
                ContainerRow.node_id == row.node_id,
                ContainerRow.boot_id == row.boot_id,
                ContainerRow.container_id == ref.id,
            )
        )
        if found is None:
            at = match.time // 1_000_000
            found = ContainerRow(
                node_id=row.node_id, boot_id=row.boot_id, container_id=ref.id, first_start=at, last_end=at
            )
            repository.describe_container(found, ref)
            self._session.add(found)
            self._session.flush()
        elif not (found.name or found.pod or found.image):
            # What was nameless so far: the match may know more, and it never knows less.
            repository.describe_container(found, ref)
        self._containers[instance] = found
        return found


def take(session: Session, limit: int) -> Sequence[MatchRow]:
    """Return the matches that nobody handled yet, in the order in which they came."""
    return session.scalars(
        select(MatchRow).where(MatchRow.outcome.is_(None)).order_by(MatchRow.id).limit(limit)
    ).all()


def take_overdue(session: Session, before_ms: int, limit: int) -> Sequence[MatchRow]:
    """Return matches that waited in vain for their window's score since before an instant."""
    return session.scalars(
        select(MatchRow)
        .where(MatchRow.outcome == MatchOutcome.WAITING.value, MatchRow.received_at <= before_ms)
        .order_by(MatchRow.id)
        .limit(limit)
    ).all()
