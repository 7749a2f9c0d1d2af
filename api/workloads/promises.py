"""Shows what a workload's budget asks, what can be promised of it, and what was realised."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from api.clock import to_datetime
from api.db.tables import LedgerRow, WeekRow, WorkloadRow
from api.errors import BudgetError
from api.settings import ServiceSettings
from api.workloads import rates
from api.workloads.schemas import BudgetOut, BudgetSource, RateOut, RealisedOut
from model.budget import Promise, poisson_interval
from model.settings import BaselineSettings

RECENT_WEEKS: Final = 5
_MAX_SCORES: Final = BaselineSettings().max_scores


def promise(
    ledger: LedgerRow | None,
    settings: ServiceSettings,
    *,
    learned: int,
    per_week: float | None,
) -> Promise:
    """Return what a budget would mean for a workload; None is the budget of the service."""
    return Promise(
        per_week=settings.budget_per_week if per_week is None else per_week,
        windows_per_week=rates.planned(ledger, settings),
        learned_windows=learned,
        max_scores=_MAX_SCORES,
    )


def refuse_too_fine(asked: Promise, *, learns: bool, windows_per_week: float, now_ms: int) -> None:
    """Raise where the evidence does not support a budget.

    Args:
        asked: What the budget would mean.
        learns: The baseline learns, so that time brings evidence.
        windows_per_week: As they come; fewer than planned where the workload does not run all the time.
        now_ms: Now.

    Raises:
        BudgetError: With the finest budget, the windows needed and learned, and
            the time from which the budget is possible, null where it never is.
    """
    if asked.kept:
        return
    wait_s = asked.wait_s(windows_per_week) if learns else None
    at = None if wait_s is None else to_datetime(now_ms) + timedelta(seconds=wait_s)
    possible_from = at and at.isoformat().replace("+00:00", "Z")
    if possible_from:
        hope = f"at the present rate of windows it is possible from {possible_from} on"
    elif asked.needed_windows is None:
        hope = f"with windows of this length and these replicas no record of {_MAX_SCORES} scores supports it"
    else:
        hope = "the baseline is frozen, so it will support it only after more learning"
    msg = (
        f"A budget of {asked.per_week:g} a week is finer than the remembered windows support, "
        f"{asked.finest_per_week:g} a week; {hope}."
    )
    raise BudgetError(
        msg,
        possible_from=possible_from,
        needed_windows=asked.needed_windows,
        learned_windows=asked.learned_windows,
        finest_budget=asked.finest_per_week,
    )


def show_budget(
    row: WorkloadRow, ledger: LedgerRow | None, settings: ServiceSettings, learned: int
) -> BudgetOut:
    """Return the budget of a workload and what follows from it."""
    asked = promise(ledger, settings, learned=learned, per_week=row.budget_per_week)
    return BudgetOut(
        per_week=asked.per_week,
        source=BudgetSource.GLOBAL if row.budget_per_week is None else BudgetSource.WORKLOAD,
        windows_per_week=asked.windows_per_week,
        alpha=asked.alpha,
        finest_per_week=asked.finest_per_week,
        promised_per_week=asked.promised_per_week,
    )


def show_realised(weeks: Sequence[WeekRow]) -> RealisedOut:
    """Return the sums over some weeks beside what was asked."""
    ranked, alerts = sum(each.ranked for each in weeks), sum(each.alerts for each in weeks)
    exposure = sum(each.exposure for each in weeks)
    low, high = poisson_interval(alerts)
    at_or_below = (
        (0.05, sum(each.at_5_percent for each in weeks)),
        (0.01, sum(each.at_1_percent for each in weeks)),
        (0.001, sum(each.at_1_permille for each in weeks)),
    )
    return RealisedOut(
        windows=ranked,
        weeks=exposure,
        alerts=alerts,
        per_week=alerts / exposure if exposure else None,
        low=low / exposure if exposure else None,
        high=high / exposure if exposure else None,
        rates=[
            RateOut(asked=asked, windows=count, realised=count / ranked if ranked else None)
            for asked, count in at_or_below
        ],
    )
