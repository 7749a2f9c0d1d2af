"""Promotes baselines by itself, where that is switched on: by the promotion report and by nothing else."""

from typing import Final

import structlog
from sqlalchemy.orm import Session

from api.baselines import content, repository
from api.baselines.gate import Cycle, Gate
from api.baselines.report import build
from api.baselines.report_schemas import ReportOut
from api.core import Core
from api.lifecycle import versions
from api.settings import OFF
from api.vocabulary import BaselineState, Mode

_log = structlog.get_logger()
_AT_ONCE: Final = 20
_CYCLES: Final = {"complete": Cycle.NONE, "day": Cycle.DAY, "week": Cycle.WEEK}


class Promoter:
    """Promotes live versions that are `ready` and whose report passes, some at each call, in turn.

    A report takes tens of milliseconds of the thread that also scores.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self._after = 0

    def step(self) -> int:
        """Look at the next versions; return how many were promoted.

        Raises:
            StoreError: The database cannot be used.
        """
        if self._core.settings.auto_promote == OFF:
            return 0
        gate = Gate(cycle=_CYCLES[self._core.settings.auto_promote])
        with self._core.store.read() as session:
            waiting = repository.list_promotable(session, self._after, _AT_ONCE)
            good = [each for each in waiting if self._judge(session, each, gate)]
        self._after = waiting[-1] if len(waiting) == _AT_ONCE else 0
        return sum(self._promote(each, gate) for each in good)

    def _judge(self, session: Session, version: int, gate: Gate) -> ReportOut | None:
        """Return the report of a version where it passes and a promotion is the next move."""
        view = repository.find(session, version)
        if view is None or (view.row.state, view.workload.mode) != (BaselineState.READY, Mode.LEARNING):
            return None
        report = build(session, view, self._core.settings, gate, now_ms=self._core.clock.now_ms())
        return None if report.failed else report

    def _promote(self, version: int, gate: Gate) -> bool:
        with self._core.store.write() as session:
            # Anew: since then another window may have been learned, or a person have been quicker.
            report = self._judge(session, version, gate)
            if report is None:
                return False
            view = content.find(session, version)
            why = " ".join(each.text for each in report.checks)
            versions.activate(
                session,
                view.workload,
                view.row,
                actor=versions.WORKER,
                reason=f"Automatic promotion ({self._core.settings.auto_promote}): {why}",
                now_ms=self._core.clock.now_ms(),
            )
            self._core.forget_baseline(view.workload.id)
        _log.info("baseline_promoted", baseline=version, workload=view.workload.id)
        return True
