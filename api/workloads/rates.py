"""How many windows a workload yields in a week: as planned, and as they came."""

from typing import Final

from api.db.tables import LedgerRow, WorkloadRow
from api.settings import ServiceSettings
from model.budget import WEEK_S, windows_per_week

_TELLING_MS: Final = 86_400_000
"""A workload younger than a day has not shown at which hours it runs."""


def planned(ledger: LedgerRow | None, settings: ServiceSettings) -> float:
    """Return the windows of a week in which all replicas run all the time.

    Their length is that of the newest window, or as the service is set where there is none yet.
    """
    if ledger is None:
        return windows_per_week(settings.window_s, 1.0)
    return windows_per_week((ledger.window_ms or settings.window_s * 1000) / 1000, ledger.replicas)


def measured(row: WorkloadRow, ledger: LedgerRow | None, settings: ServiceSettings, now_ms: int) -> float:
    """Return the windows that came in a week of the workload's life, as planned during its first day."""
    lived_ms = now_ms - row.created_at
    most = planned(ledger, settings)
    if lived_ms < _TELLING_MS or not row.windows:
        return most
    return min(most, row.windows * WEEK_S * 1000 / lived_ms)
