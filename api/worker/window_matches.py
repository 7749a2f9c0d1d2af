"""The matches that fall into windows being scored: they keep the window from being learned."""

from collections import Counter
from collections.abc import Callable, Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.db.rule_tables import MatchRow
from api.db.tables import ContainerRow, WorkloadRow
from api.vocabulary import MatchOutcome
from api.worker.open_conditions import decide
from api.worker.signatures import SignatureBook
from api.worker.suppressing import Suppressions
from model.score import WindowScore
from wire.match import SignatureMatch, decode_match
from wire.profile import ProfileDelta

_HOLDING = (MatchOutcome.RAISED.value, MatchOutcome.WAITING.value)


class WindowMatches:
    """The matches of the containers that one transaction scores."""

    def __init__(
        self,
        session: Session,
        *,
        gap_s: int,
        now_ms: int,
        emit: Callable[[SignatureMatch], None],
        suppressions: Suppressions,
    ) -> None:
        self._session = session
        self._suppressions = suppressions
        self._book = SignatureBook(session, gap_s=gap_s, now_ms=now_ms, emit=emit)
        self._matched: set[int] = set()
        self.outcomes: Counter[str] = Counter()

    @property
    def opened(self) -> list[int]:
        """Alerts that were opened."""
        return self._book.opened

    def look(self, containers: Collection[ContainerRow]) -> None:
        """Find out which containers have matches at all: most have none, and cost nothing more."""
        rows = self._session.scalars(
            select(MatchRow.container_id)
            .where(MatchRow.container_id.in_([row.id for row in containers]), MatchRow.outcome.in_(_HOLDING))
            .distinct()
        )
        self._matched = {row for row in rows if row is not None}

    def enter(
        self, workload: WorkloadRow, container: ContainerRow, delta: ProfileDelta, score: WindowScore
    ) -> int:
        """Decide the matches that waited for a window's score; return how many hold it back from learning."""
        if container.id not in self._matched:
            return 0
        rows = self._session.scalars(
            select(MatchRow)
            .where(
                MatchRow.container_id == container.id,
                MatchRow.time_ns >= delta.start * 1_000_000,
                MatchRow.time_ns < delta.end * 1_000_000,
                MatchRow.outcome.in_(_HOLDING),
            )
            .order_by(MatchRow.id)
        ).all()
        holding = 0
        for row in rows:
            if row.outcome == MatchOutcome.WAITING.value:
                match = decode_match(row.payload or b"")
                if not decide(match.open_condition, (score.score, score.p_value, score.novelty)):
                    row.outcome, row.payload = MatchOutcome.REFUTED.value, None
                    self.outcomes[MatchOutcome.REFUTED.value] += 1
                    continue
                if suppression := self._suppressions.of_match(workload.id, match.rule):
                    self._book.silence(row, suppression)
                    self.outcomes[MatchOutcome.SUPPRESSED.value] += 1
                    continue
                self._book.enter(workload, row, match)
                self.outcomes[MatchOutcome.RAISED.value] += 1
            holding += 1
        return holding

    def trim(self) -> None:
        """Drop what is beyond the samples of each alert."""
        self._book.trim()
