"""The thread that empties the inbox; woken by ingest, it also looks by itself once a second."""

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import structlog
from sqlalchemy.orm import Session

from api.core import Core
from api.errors import StoreError
from api.lifecycle import upgrades
from api.tracing.tracer import Span
from api.vocabulary import AlertKind, MatchOutcome
from api.worker import repository
from api.worker.baselines import Baselines
from api.worker.batch import BatchProcessor, Tally
from api.worker.match_worker import MatchWorker
from api.worker.spans import Spans
from api.worker.suppressing import SUPPRESSED_METRIC
from api.worker.transaction import learning
from api.worker.upgrading import RECENT_MS

_log = structlog.get_logger()

_POLL_S: Final = 1.0
_CHORES_EVERY_S: Final = 60
_STALE_S: Final = 60
_UNDISTURBED_S: Final = 0.03
"""How long a transaction handles deltas although others wait, so that not all time goes into beginnings."""


class Worker:
    """Scores what is in the inbox, in order, until it is stopped.

    Args:
        core: What the service consists of.
        chores: Done once a minute between transactions.
    """

    def __init__(self, core: Core, chores: Sequence[Callable[[], object]] = ()) -> None:
        self._core = core
        self._chores = chores
        self._baselines = Baselines()
        self._matches = MatchWorker(core, self._baselines)
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="nonself-worker", daemon=True)
        self._trouble: str | None = None
        self._alive_at = time.monotonic()
        core.wake_worker = self._wake.set
        core.worker_trouble = self.trouble
        core.forget_baseline = self._baselines.drop

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the transaction at hand and end; what is left in the inbox stays there."""
        self._stopping.set()
        self._wake.set()
        self._thread.join()

    def trouble(self) -> str | None:
        """Return a sentence on why the worker does not work, or None where it does."""
        if not self._thread.is_alive():
            return "The worker is not running."
        if time.monotonic() - self._alive_at > _STALE_S:
            return f"The worker has not finished a transaction for {_STALE_S} seconds."
        return self._trouble

    def drain(self) -> None:
        """Handle everything that waits now, in the calling thread.

        Raises:
            StoreError: The database cannot be used.
        """
        while self._step():
            pass

    def tend(self) -> None:
        """Raise alerts that waited for the return of something in a new image, in vain.

        Raises:
            StoreError: The database cannot be used.
        """
        with self._core.store.read() as session:
            if not upgrades.list_recent(session, self._core.clock.now_ms() - RECENT_MS):
                return
        with learning(self._core, self._baselines) as session:
            tally = self._processor(session).tend()
        self._count(tally, None)

    def _run(self) -> None:
        chores_at = time.monotonic()
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                more = self._step()
                if time.monotonic() - chores_at >= _CHORES_EVERY_S:
                    chores_at = time.monotonic()
                    self.tend()
                    for chore in self._chores:
                        chore()
                self._trouble = None
            except StoreError as error:
                self._report(error.detail)
                more = False
                self._stopping.wait(_POLL_S)
            except Exception as error:  # noqa: BLE001 - see below
                # Whatever it was, a thread that died would score nothing for anybody until a restart.
                self._baselines.forget()
                _log.exception("worker_failed")
                self._report(f"The worker failed and tries again: {type(error).__name__}: {error}.")
                more = False
                self._stopping.wait(_POLL_S)
            self._alive_at = time.monotonic()
            if not more:
                self._wake.wait(_POLL_S)

    def _step(self) -> bool:
        """Handle some matches, then one batch of deltas; return whether more of either may wait.

        Matches come first: a window that is scored after its match is not learned.
        """
        more_matches = self._matches.step()
        began = time.perf_counter()
        limit = self._core.settings.batch_deltas
        with self._core.store.read() as session:
            if not repository.has_pending(session):
                return more_matches
        try:
            tally, more = self._transact(limit)
        except StoreError:
            self._core.metrics.count("nonself_worker_failures_total")
            raise
        except Exception:  # noqa: BLE001 - one delta must not stop all workloads
            self._core.metrics.count("nonself_worker_failures_total")
            _log.exception("batch_failed")
            self._set_aside_the_culprit(limit)
            return True
        self._count(tally, began)
        return more or more_matches

    def _transact(self, limit: int) -> tuple[Tally, bool]:
        with self._core.tracer.span("worker batch") as span:
            with learning(self._core, self._baselines) as session:
                tally, more = self._handle(session, limit, span)
            span.note({"nonself.deltas": tally.handled, "nonself.alerts": len(tally.alerts_opened)})
        return tally, more

    def _handle(self, session: Session, limit: int, span: Span | None = None) -> tuple[Tally, bool]:
        """Handle at most so many deltas; return whether more may wait.

        A transaction ends early where another writer waits for it: on SQLite those are agents.
        """
        until = time.monotonic() + _UNDISTURBED_S
        items = repository.take(session, limit)
        store = self._core.store
        tally = self._processor(session, span).process(
            items, enough=lambda: store.wanted and time.monotonic() >= until
        )
        return tally, len(items) == limit or tally.handled < len(items)

    def _processor(self, session: Session, span: Span | None = None) -> BatchProcessor:
        return BatchProcessor(
            session,
            self._baselines,
            self._core.settings,
            self._core.clock.now_ms(),
            partial(self._core.falco.write, session),
            owner_of=self._core.owner_of,
            spans=Spans(self._core.tracer, span),
        )

    def _set_aside_the_culprit(self, limit: int) -> None:
        """Handle deltas one by one; the one that cannot be scored is kept with its error and passed over."""
        for _ in range(limit):
            try:
                with learning(self._core, self._baselines) as session:
                    tally, more = self._handle(session, 1)
            except StoreError:
                raise
            except Exception as error:  # noqa: BLE001 - as above
                with self._core.store.write() as session:
                    (item,) = repository.take(session, 1)
                    reason = f"{type(error).__name__}: {error}"
                    repository.set_aside(session, item.id, error=reason, now_ms=self._core.clock.now_ms())
                _log.error("delta_set_aside", inbox=item.id, container=item.container_id, error=reason)
                self._core.metrics.count("nonself_worker_rejected_total")
                return
            self._count(tally, None)
            if not more:
                return

    def _report(self, sentence: str) -> None:
        if sentence != self._trouble:
            _log.error("worker_waits", reason=sentence)
        self._trouble = sentence

    def _count(self, tally: Tally, began: float | None) -> None:
        metrics = self._core.metrics
        for verdict in tally.verdicts:
            metrics.count("nonself_worker_windows_total", verdict=verdict.value)
        metrics.count("nonself_worker_ngrams_total", tally.ngrams)
        for outcome, count in tally.matches.items():
            metrics.count("nonself_matches_handled_total", count, outcome=outcome)
        silenced = tally.matches[MatchOutcome.SUPPRESSED.value]
        raised = tally.matches[MatchOutcome.RAISED.value]
        metrics.count("nonself_findings_total", tally.findings + raised + silenced)
        metrics.count(SUPPRESSED_METRIC, tally.suppressed, kind=AlertKind.ANOMALY.value)
        metrics.count(SUPPRESSED_METRIC, silenced, kind=AlertKind.SIGNATURE.value)
        metrics.count("nonself_alerts_total", len(tally.alerts_opened))
        for kind in tally.drifts:
            metrics.count("nonself_drifts_total", kind=kind)
            _log.warning("drift_reported", kind=kind)
        for alert_id in tally.alerts_opened:
            _log.warning("alert_opened", alert=alert_id)
        if began is not None:
            metrics.observe("nonself_worker_batch_seconds", time.perf_counter() - began)
