"""Keeps count, workload by workload, of what was promised: rate of windows, realised rates, alerts."""

from typing import Any, Final

from sqlalchemy.orm import Session

from api.db.tables import LedgerRow, WeekRow, WorkloadRow
from api.settings import ServiceSettings
from api.workloads import rates
from model.budget import WEEK_S, threshold

_WEEK_MS: Final = WEEK_S * 1000
_SLOTS: Final = 64
"""Windows of wall time over which replicas are averaged."""


SEVERAL: Final = 1.5
"""Containers in one window, on average, from which on a workload has several replicas."""


class Ledgers:
    """The ledgers of the workloads that one transaction touches."""

    def __init__(self, session: Session, settings: ServiceSettings) -> None:
        self._session = session
        self._settings = settings
        self._known: dict[int, LedgerRow] = {}
        self._weeks: dict[tuple[int, int], WeekRow] = {}

    def alpha(self, workload: WorkloadRow, start: int, end: int) -> float:
        """Count a window of a workload; return the threshold that its p-value has to meet.

        An agent may be set to another length of windows than the service: the window's own length counts.
        """
        row = self.of(workload.id, start)
        row.window_ms = end - start
        if start > row.newest_start:
            row.slots = min(row.slots + 1, _SLOTS)
            row.replicas += (row.newest_windows - row.replicas) / row.slots
            row.newest_start, row.newest_windows = start, 0
        # A late window counts for the newest slot: the average over slots stays right.
        row.newest_windows += 1
        asked = workload.budget_per_week or self._settings.budget_per_week
        return threshold(asked, self.rate(row))

    def several(self, workload_id: int) -> bool:
        """Tell whether a workload has more than one replica that reports."""
        row = self._known.get(workload_id)
        return row is not None and row.replicas >= SEVERAL

    def enter(self, workload: WorkloadRow, score: dict[str, Any]) -> None:
        """Write down the p-value of a score row; one without is no test of any promise."""
        p_value, start = score["p_value"], score["start"]
        if p_value is None:
            return
        row = self.of(workload.id, start)
        week = self._week(workload.id, start - start % _WEEK_MS)
        rate = self.rate(row)
        week.ranked += 1
        week.at_5_percent += p_value <= 0.05
        week.at_1_percent += p_value <= 0.01
        week.at_1_permille += p_value <= 0.001
        week.exposure += 1 / rate
        if p_value <= score["alpha"]:
            gap_ms = self._settings.alert_gap_s * 1000
            week.alerts += row.anomaly_end is None or start - row.anomaly_end > gap_ms
            row.anomaly_end = max(row.anomaly_end or 0, score["end"])

    def rate(self, row: LedgerRow) -> float:
        """Return how many windows a workload is planned to yield in a week."""
        return rates.planned(row, self._settings)

    def of(self, workload_id: int, start: int) -> LedgerRow:
        """Return the ledger of a workload, a new one from `start` on where there is none."""
        row = self._known.get(workload_id) or self._session.get(LedgerRow, workload_id)
        if row is None:
            row = LedgerRow(
                workload_id=workload_id,
                newest_start=start,
                newest_windows=0,
                slots=0,
                replicas=1.0,
                drift_evidence=0.0,
            )
            self._session.add(row)
        self._known[workload_id] = row
        return row

    def _week(self, workload_id: int, start: int) -> WeekRow:
        key = workload_id, start
        row = self._weeks.get(key) or self._session.get(WeekRow, key)
        if row is None:
            row = WeekRow(
                workload_id=workload_id,
                start=start,
                ranked=0,
                at_5_percent=0,
                at_1_percent=0,
                at_1_permille=0,
                alerts=0,
                exposure=0.0,
            )
            self._session.add(row)
        self._weeks[key] = row
        return row
