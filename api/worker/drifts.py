"""Drift of workloads and of their replicas: evidence with each window, and its history as rows."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from sqlalchemy.orm import Session

from api.db.tables import ContainerRow, DriftRow, LedgerRow
from api.worker import repository
from model.drift import Drift, limit
from model.shift import Replica, classify

_LOOKED_AT: Final = 2048
"""Scores that tell the kind of a drift, at most."""
_ABSENT: Final = 30
"""Windows without a word from a container, after which it is no replica any more."""

_SETTLED: Final = 512
"""Windows after a report, from which on its kind stays."""


@dataclass(slots=True)
class _Touched:
    """A workload of one transaction."""

    ledger: LedgerRow
    needed: float = 0.0
    resolution: float = 1.0
    newest_end: int = 0
    containers: dict[int, ContainerRow] = field(default_factory=dict)
    began: int | None = None
    """Of the drift that was reported in this transaction or before it; None where there was none."""
    reported: int = 0
    highest: float = 0.0
    """Most evidence while it was reported."""
    then: dict[int, float] = field(default_factory=dict)
    """What each replica's own evidence was at that moment."""


class DriftBook:
    """What one transaction learns of drift."""

    def __init__(self, session: Session, now_ms: int) -> None:
        self._session = session
        self._now_ms = now_ms
        self._touched: dict[int, _Touched] = {}
        self.reported: list[str] = []
        """Kinds of the drifts that this transaction reported."""

    def enter(
        self,
        ledger: LedgerRow,
        container: ContainerRow,
        *,
        p_value: float,
        resolution: float,
        start: int,
        end: int,
        windows_per_week: float,
    ) -> None:
        """Take note of a window's p-value."""
        needed = limit(windows_per_week)
        one = Drift.from_plain(container.bets).after(p_value, start, limit=needed, resolution=resolution)
        all_ = Drift.from_plain(ledger.bets).after(p_value, start, limit=needed, resolution=resolution)
        container.bets, ledger.bets = one.to_plain(), all_.to_plain()
        ledger.drift_evidence, ledger.drift_began = all_.evidence, all_.began
        touched = self._touched.setdefault(ledger.workload_id, _Touched(ledger))
        touched.needed, touched.resolution = needed, resolution
        touched.newest_end = max(touched.newest_end, end)
        touched.containers[container.id] = container
        reported = [each for each in (one, all_) if each.since is not None]
        if not reported:
            return
        if touched.began is None:
            touched.began = min(each.since for each in reported if each.since is not None)
            touched.reported = end
        if (highest := max(each.evidence for each in reported)) > touched.highest:
            touched.highest = highest
            touched.then = {name: _evidence(row) for name, row in touched.containers.items()}

    def close(self) -> None:
        """Bring the history up to date, once the scores of the transaction are stored."""
        self._session.flush()
        periods = repository.find_open_drifts(self._session, self._touched)
        for workload_id, touched in self._touched.items():
            period = periods.get(workload_id)
            if period is not None or touched.began is not None:
                self._keep_up(workload_id, period, touched)

    def _keep_up(self, workload_id: int, period: DriftRow | None, touched: _Touched) -> None:
        ledger = touched.ledger
        earliest = touched.newest_end - _ABSENT * (ledger.window_ms or 0)
        containers = repository.find_reporting(self._session, workload_id, earliest)
        if fresh := period is None:
            period = DriftRow(
                workload_id=workload_id,
                created_at=self._now_ms,
                began=touched.began,
                reported=touched.reported,
                evidence=0.0,
            )
            self._session.add(period)
        young = touched.newest_end - period.reported <= _SETTLED * (ledger.window_ms or 0)
        if touched.highest > period.evidence or (young and touched.highest >= touched.needed):
            # More evidence may tell another kind: siblings follow, or what looked like a step grows on.
            period.evidence = max(period.evidence, touched.highest)
            period.needed, period.updated_at = touched.needed, self._now_ms
            evidence = {each.id: touched.then.get(each.id, _evidence(each)) for each in containers}
            replicas = self._look_at(workload_id, evidence)
            kind, concerned = classify(replicas, began=period.began, resolution=touched.resolution)
            period.kind, period.replicas, period.reporting = kind.value, list(concerned), len(replicas)
        if fresh:
            self.reported.append(period.kind)
        states = [ledger.bets, *(each.bets for each in containers)]
        lasts = any(Drift.from_plain(each).since is not None for each in states)
        ledger.drift_since = period.began if lasts else None
        if not lasts:
            period.ended, period.updated_at = touched.newest_end, self._now_ms

    def _look_at(self, workload_id: int, evidence: dict[int, float]) -> dict[int, Replica]:
        rows = repository.find_p_values(self._session, workload_id, _LOOKED_AT)
        return {
            name: _replica(won, [(start, p_value) for start, of, p_value in rows if of == name])
            for name, won in evidence.items()
        }


def _evidence(row: ContainerRow) -> float:
    return Drift.from_plain(row.bets).evidence


def _replica(evidence: float, windows: Sequence[tuple[int, float]]) -> Replica:
    return Replica(
        evidence=evidence,
        starts=np.array([start for start, _ in windows], dtype=np.int64),
        p_values=np.array([p_value for _, p_value in windows], dtype=np.float64),
    )
