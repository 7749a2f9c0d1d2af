"""Findings and alerts: which window is a finding, and which alert it opens or joins."""

from typing import Any, Final

from sqlalchemy.orm import Session

from api import changes, standing
from api.db.alert_tables import AlertRow
from api.db.tables import WorkloadRow
from api.vocabulary import AlertChange, AlertKind
from api.worker import policy, repository
from wire.ngram import names
from wire.syscalls import load_table

KIND_ANOMALY: Final = AlertKind.ANOMALY.value


class AlertBook:
    """The alerts that the findings of one transaction open or join."""

    def __init__(self, session: Session, *, gap_s: int, now_ms: int) -> None:
        self._session = session
        self._gap_ms = gap_s * 1000
        self._now_ms = now_ms
        self.opened: list[int] = []
        self._grown: dict[int, AlertRow] = {}

    def enter(self, workload: WorkloadRow, score: dict[str, Any], arch: str) -> AlertRow:
        """Return the alert that a finding belongs to; a new one where none is near."""
        start, end = score["start"], score["end"]
        # A superseded one counts too: a node that catches up reports old windows between another's new ones.
        alert = repository.find_alert_near(self._session, workload.id, start, end, gap_ms=self._gap_ms)
        if alert:
            alert.start, alert.end = min(alert.start, start), max(alert.end, end)
            alert.findings += 1
            alert.p_value = min(alert.p_value, score["p_value"])
            alert.score = max(alert.score, score["score"])
            alert.contributions = policy.merge_contributions(alert.contributions, score["contributions"])
            alert.updated_at = alert.last_finding_at = self._now_ms
            self._grown[alert.id] = alert
            # The next finding of this transaction asks the database how far the alert reaches by now.
            self._session.flush()
            return alert
        if before := repository.find_open_alert(self._session, workload.id):
            standing.supersede(self._session, before, now_ms=self._now_ms)
        fresh = AlertRow(
            workload_id=workload.id,
            kind=KIND_ANOMALY,
            status=standing.OPEN,
            created_at=self._now_ms,
            updated_at=self._now_ms,
            last_finding_at=self._now_ms,
            start=start,
            end=end,
            findings=1,
            p_value=score["p_value"],
            score=score["score"],
            contributions=score["contributions"],
            message=_message(score, arch),
        )
        self._session.add(fresh)
        self._session.flush()
        self.opened.append(fresh.id)
        changes.record(self._session, fresh.id, AlertChange.OPENED, now_ms=self._now_ms)
        return fresh

    def tell(self) -> None:
        """Say which alerts grew; call it once, at the end."""
        changes.record_growth(self._session, self._grown.values(), self.opened, now_ms=self._now_ms)


def _message(score: dict[str, Any], arch: str) -> str:
    carried = max(score["contributions"], key=lambda each: each["bits"], default=None)
    if carried is None:
        return f"The window as a whole is unusual: {score['score']:.1f} bits."
    calls = " → ".join(names(carried["ngram"], load_table(arch)))
    return f"Unusual calls: {calls}; {carried['bits']:.1f} of {score['score']:.1f} bits."
