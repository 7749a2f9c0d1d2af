"""The worker's turn for matches: in order, many in one transaction, and no match stops another."""

from collections.abc import Sequence
from functools import partial
from typing import Final

import structlog
from sqlalchemy.orm import Session

from api.core import Core
from api.db.rule_tables import MatchRow
from api.errors import StoreError
from api.vocabulary import AlertKind, MatchOutcome
from api.worker import matches
from api.worker.baselines import Baselines
from api.worker.matches import MatchProcessor, MatchTally
from api.worker.spans import Spans
from api.worker.suppressing import SUPPRESSED_METRIC
from api.worker.transaction import learning

_log = structlog.get_logger()

_AT_ONCE: Final = 1000


class MatchWorker:
    """Raises the matches that wait; called by the worker's thread alone."""

    def __init__(self, core: Core, baselines: Baselines) -> None:
        self._core = core
        self._baselines = baselines

    def step(self) -> bool:
        """Handle some matches; return whether more may wait.

        Raises:
            StoreError: The database cannot be used.
        """
        with self._core.store.read() as session:
            if not self._take(session, 1):
                return False
        try:
            return self._handle(_AT_ONCE) == _AT_ONCE
        except StoreError:
            raise
        except Exception:  # noqa: BLE001 - one match must not stop all others
            self._core.metrics.count("nonself_worker_failures_total")
            _log.exception("match_batch_failed")
            self._set_aside_the_culprit()
            return True

    def _handle(self, limit: int) -> int:
        with (
            self._core.tracer.span("worker matches") as span,
            learning(self._core, self._baselines) as session,
        ):
            rows = self._take(session, limit)
            processor = MatchProcessor(
                session,
                self._baselines,
                self._core.settings,
                self._core.clock.now_ms(),
                partial(self._core.falco.write, session),
                owner_of=self._core.owner_of,
                spans=Spans(self._core.tracer, span),
            )
            tally = processor.process(rows)
            span.note({"nonself.matches": len(rows), "nonself.alerts": len(tally.alerts_opened)})
        self._count(tally)
        return len(rows)

    def _take(self, session: Session, limit: int) -> Sequence[MatchRow]:
        if waiting := matches.take(session, limit):
            return waiting
        before_ms = self._core.clock.now_ms() - self._core.settings.anomaly_wait_s * 1000
        return matches.take_overdue(session, before_ms, limit)

    def _set_aside_the_culprit(self) -> None:
        """Handle matches one by one; the one that cannot be handled is kept with its error."""
        for _ in range(_AT_ONCE):
            try:
                if not self._handle(1):
                    return
            except StoreError:
                raise
            except Exception as error:  # noqa: BLE001 - as above
                reason = f"{type(error).__name__}: {error}"
                with self._core.store.write() as session:
                    (row,) = self._take(session, 1)
                    row.outcome, row.error = MatchOutcome.FAILED.value, reason
                    _log.error("match_set_aside", match=row.id, rule=row.rule, error=reason)
                self._core.metrics.count("nonself_matches_handled_total", outcome=MatchOutcome.FAILED.value)
                return

    def _count(self, tally: MatchTally) -> None:
        for outcome, count in tally.outcomes.items():
            self._core.metrics.count("nonself_matches_handled_total", count, outcome=outcome)
        for undone, count in tally.late.items():
            outcome = "unlearned" if undone else "kept"
            self._core.metrics.count("nonself_matches_late_total", count, outcome=outcome)
            _log.warning("learned_window_matched", outcome=outcome, windows=count)
        silenced = tally.outcomes[MatchOutcome.SUPPRESSED.value]
        self._core.metrics.count(
            "nonself_findings_total", tally.outcomes[MatchOutcome.RAISED.value] + silenced
        )
        self._core.metrics.count(SUPPRESSED_METRIC, silenced, kind=AlertKind.SIGNATURE.value)
        self._core.metrics.count("nonself_alerts_total", len(tally.alerts_opened))
        for alert_id in tally.alerts_opened:
            _log.warning("alert_opened", alert=alert_id)
