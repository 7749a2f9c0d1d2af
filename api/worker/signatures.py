"""Matches that became certain: which alert each opens or joins, and which of them are kept as samples.

A signature alert is raised in every mode: a rule says what is wrong whatever was learned.
"""

from collections.abc import Callable
from typing import Final

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from api import changes, standing
from api.attack import read_attack
from api.db.alert_tables import AlertRow
from api.db.rule_tables import MatchRow
from api.db.tables import WorkloadRow
from api.vocabulary import AlertChange, AlertKind, Level, MatchOutcome, level_of
from api.worker import policy
from wire.match import SignatureMatch

SAMPLES: Final = 10
"""First and newest matches of an alert that are kept whole; of the others only their identity is."""
MESSAGE_LENGTH: Final = 1000


class SignatureBook:
    """The alerts that the matches of one transaction open or join: one for each workload and rule.

    Args:
        session: A transaction that the caller commits.
        gap_s: A match joins an alert whose matches lie within so many seconds of it.
        now_ms: The time of the transaction.
        emit: Told of every match that is raised, before the transaction is committed.
    """

    def __init__(
        self, session: Session, *, gap_s: int, now_ms: int, emit: Callable[[SignatureMatch], None]
    ) -> None:
        self._session = session
        self._gap_ms = gap_s * 1000
        self._now_ms = now_ms
        self._emit = emit
        self._newest: dict[tuple[int, str], AlertRow] = {}
        self._touched: dict[int, AlertRow] = {}
        self._finding: int | None = None
        self.opened: list[int] = []

    def enter(self, workload: WorkloadRow, row: MatchRow, match: SignatureMatch) -> AlertRow:
        """Raise a match: put it into the alert that it belongs to, a new one where none is near."""
        at = match.time // 1_000_000
        alert = self._near(workload, match.rule, at)
        level = level_of(match.priority)
        if alert is None:
            alert = self._open(workload, match, level, at)
            alert.first_match_id = row.id
        else:
            alert.start, alert.end = min(alert.start, at), max(alert.end, at)
            alert.findings += 1
            alert.level = max(Level(alert.level or level), level, key=list(Level).index).value
            alert.updated_at = alert.last_finding_at = self._now_ms
        alert.last_match_id = row.id
        row.alert_id, row.outcome = alert.id, MatchOutcome.RAISED.value
        row.finding_id, row.raised_at = self._next_finding(), self._now_ms
        self._touched[alert.id] = alert
        self._emit(match)
        return alert

    def silence(self, row: MatchRow, suppression: int) -> None:
        """Store a match as a finding that raises no alert."""
        row.suppression_id, row.outcome = suppression, MatchOutcome.SUPPRESSED.value
        row.finding_id, row.raised_at = self._next_finding(), self._now_ms

    def trim(self) -> None:
        """Say which alerts grew, and drop the payloads beyond their samples; call it once, at the end."""
        changes.record_growth(self._session, self._touched.values(), self.opened, now_ms=self._now_ms)
        self._session.flush()
        for alert_id in sorted(self._touched):
            kept = self._session.scalars(
                select(MatchRow.id)
                .where(MatchRow.alert_id == alert_id, MatchRow.payload.is_not(None))
                .order_by(MatchRow.id)
            ).all()
            if surplus := kept[SAMPLES:-SAMPLES]:
                # One range: identities that an IN would list may be thousands.
                self._session.execute(
                    update(MatchRow)
                    .where(
                        MatchRow.alert_id == alert_id, MatchRow.id >= surplus[0], MatchRow.id <= surplus[-1]
                    )
                    .values(payload=None),
                    execution_options={"synchronize_session": False},
                )

    def _near(self, workload: WorkloadRow, rule: str, at: int) -> AlertRow | None:
        newest = self._newest.get((workload.id, rule))
        if newest and policy.joins(
            at, at, alert_start=newest.start, alert_end=newest.end, gap_ms=self._gap_ms
        ):
            return newest
        # A superseded one counts too: a node that catches up reports old matches between another's new ones.
        found = self._session.scalar(
            select(AlertRow)
            .where(
                AlertRow.workload_id == workload.id,
                AlertRow.rule == rule,
                # What a person has closed stays as it was judged; what follows is a new alert.
                standing.UNCLOSED,
                AlertRow.start <= at + self._gap_ms,
                AlertRow.end >= at - self._gap_ms,
            )
            .order_by(AlertRow.id.desc())
            .limit(1)
        )
        if found:
            self._newest[workload.id, rule] = found
        return found

    def _next_finding(self) -> int:
        # One writer at a time: no other transaction counts on from the same number.
        if self._finding is None:
            self._finding = self._session.scalar(select(func.max(MatchRow.finding_id))) or 0
        self._finding += 1
        return self._finding

    def _open(self, workload: WorkloadRow, match: SignatureMatch, level: Level, at: int) -> AlertRow:
        rule = match.rule
        before = self._session.scalars(
            select(AlertRow).where(
                AlertRow.workload_id == workload.id,
                AlertRow.rule == rule,
                AlertRow.status == standing.OPEN,
            )
        )
        for each in before:
            standing.supersede(self._session, each, now_ms=self._now_ms)
        techniques = read_attack(match.tags).techniques
        fresh = AlertRow(
            workload_id=workload.id,
            kind=AlertKind.SIGNATURE.value,
            status=standing.OPEN,
            created_at=self._now_ms,
            updated_at=self._now_ms,
            last_finding_at=self._now_ms,
            start=at,
            end=at,
            findings=1,
            # Columns of an earlier release that may not be empty; REST shows null for this kind.
            p_value=1.0,
            score=0.0,
            contributions=[],
            rule=rule,
            level=level.value,
            message=match.output[:MESSAGE_LENGTH],
            techniques=f" {' '.join(techniques)} " if techniques else None,
        )
        self._session.add(fresh)
        self._session.flush()
        self._newest[workload.id, rule] = fresh
        self.opened.append(fresh.id)
        changes.record(self._session, fresh.id, AlertChange.OPENED, now_ms=self._now_ms)
        return fresh
