"""Promotes baselines by itself, where that is switched on: by the promotion report and by nothing else."""

from typing import Final

import structlog

from api.baselines import content, repository
from api.baselines.gate import Cycle, Gate
from api.baselines.report import build
from api.core import Core
from api.errors import NotFoundError
from api.lifecycle import versions
from api.settings import OFF
from api.vocabulary import BaselineState, Mode

_log = structlog.get_logger()
_CYCLES: Final = {"complete": Cycle.NONE, "day": Cycle.DAY, "week": Cycle.WEEK}


def promote_ready(core: Core) -> int:
    """Promote each live version that is `ready` and whose report passes; return how many.

    Raises:
        StoreError: The database cannot be used.
    """
    if core.settings.auto_promote == OFF:
        return 0
    gate = Gate(cycle=_CYCLES[core.settings.auto_promote])
    with core.store.read() as session:
        waiting = repository.list_promotable(session)
    return sum(_promote(core, version, gate) for version in waiting)


def _promote(core: Core, version: int, gate: Gate) -> bool:
    now_ms = core.clock.now_ms()
    with core.store.write() as session:
        try:
            view = content.find(session, version)
        except NotFoundError:
            return False
        if (view.row.state, view.workload.mode) != (BaselineState.READY.value, Mode.LEARNING.value):
            return False
        report = build(session, view, core.settings, gate, now_ms=now_ms)
        if report.failed:
            return False
        why = " ".join(each.text for each in report.checks)
        reason = f"Automatic promotion ({core.settings.auto_promote}): {why}"
        versions.activate(
            session, view.workload, view.row, actor=versions.WORKER, reason=reason, now_ms=now_ms
        )
        core.forget_baseline(view.workload.id)
    _log.info("baseline_promoted", baseline=version, workload=view.workload.id)
    return True
