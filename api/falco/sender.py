"""The thread that posts waiting alerts to one URL, in order, until each was answered."""

import random
import threading
import time
from collections.abc import Sequence
from typing import Final

import structlog

from api.db.store import Store
from api.errors import StoreError
from api.falco import queue
from api.falco.poster import Answer, Poster, Verdict
from api.falco.queue import Waiting
from api.metrics import Metrics
from api.targets import shown
from wire.retry import backoff_s

_log = structlog.get_logger()

BACKOFF_FIRST_S: Final = 1.0
BACKOFF_CAP_S: Final = 60.0
_LONGEST_WISH_S: Final = 300.0
"""Longest pause that a receiver can ask for."""
_AT_ONCE: Final = 100
_FORGET_EVERY_S: Final = 1.0
_LOOK_EVERY_S: Final = 5.0
_STOP_S: Final = 5.0
POSTS: Final = "nonself_falco_posts_total"


class Sender:
    """Posts the alerts of one URL; one that fails is tried again before any later one.

    An alert is deleted after its answer came: after a crash in between, those
    of the last second come again, and none is missing (ADR 0079).

    Args:
        store: Where alerts wait.
        target: The URL as settings name it.
        poster: Posts to it.
        limit: Most alerts that wait while the receiver is down; beyond it the oldest are dropped.
        metrics: Counts what became of them.
        chance: For the pauses.
        backoff_first_s: The pause after a first failure; doubled with each more.
    """

    def __init__(
        self,
        store: Store,
        target: str,
        poster: Poster,
        *,
        limit: int,
        metrics: Metrics,
        chance: random.Random,
        backoff_first_s: float = BACKOFF_FIRST_S,
    ) -> None:
        self._store = store
        self._target = target
        self._poster = poster
        self._limit = limit
        self._metrics = metrics
        self._chance = chance
        self._backoff_first_s = backoff_first_s
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._abandoned = False
        self._failures = 0
        self._outage: str | None = None
        self._thread = threading.Thread(target=self._run, name="nonself-falco", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Tell that alerts were committed."""
        self._wake.set()

    def stop(self) -> None:
        """Finish the alert at hand, for at most 5 s, and end; what waits is posted after the next start."""
        self._stopping.set()
        self._wake.set()
        self._thread.join(_STOP_S)
        # One that is still under way comes again: the store may be closed once its answer is here.
        self._abandoned = self._thread.is_alive()

    def trouble(self) -> str | None:
        """Return a sentence on why alerts wait, or None where they do not."""
        return self._outage and f"{shown(self._target)} takes no alerts: {self._outage}."

    def work(self) -> float:
        """Post until nothing waits and return 0, or until an attempt fails and return the pause in seconds.

        Raises:
            StoreError: The database cannot be used.
        """
        while not self._stopping.is_set():
            with self._store.read() as session:
                waiting = queue.take(session, self._target, _AT_ONCE)
            if not waiting:
                return 0.0
            last, answer = self._post(waiting)
            if last and not self._abandoned:
                with self._store.write() as session:
                    queue.remove_to(session, self._target, last)
            if answer:
                return self._failed(answer)
        return 0.0

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                pause_s = self.work()
            except StoreError as error:
                _log.error("falco_sender_waits", target=shown(self._target), reason=error.detail)
                pause_s = BACKOFF_CAP_S / 4
            except Exception:  # noqa: BLE001 - a thread that died would post nothing until a restart
                _log.exception("falco_sender_failed", target=shown(self._target))
                pause_s = BACKOFF_CAP_S / 4
            if pause_s:
                # A new alert is no reason to hurry: the receiver did not take the one before.
                self._stopping.wait(pause_s)
            else:
                self._wake.wait(_LOOK_EVERY_S)
        self._poster.close()

    def _post(self, waiting: Sequence[Waiting]) -> tuple[int, Answer | None]:
        """Return the last alert that was answered for good, and the answer that asks to wait."""
        last, began = 0, time.monotonic()
        for each in waiting:
            answer = self._poster.post(each.line)
            if answer.verdict is Verdict.LATER:
                return last, answer
            self._answered(each, answer)
            last = each.id
            if self._stopping.is_set() or time.monotonic() - began >= _FORGET_EVERY_S:
                break
        return last, None

    def _answered(self, alert: Waiting, answer: Answer) -> None:
        target = shown(self._target)
        if self._outage:
            _log.info("falco_receiver_up", target=target, attempts=self._failures)
        self._outage, self._failures = None, 0
        self._metrics.set("nonself_falco_up", 1, target=target)
        if answer.verdict is Verdict.REFUSED:
            _log.error("falco_alert_refused", target=target, alert=alert.line, reason=answer.detail)
        outcome = "refused" if answer.verdict is Verdict.REFUSED else "sent"
        self._metrics.count(POSTS, target=target, outcome=outcome)

    def _failed(self, answer: Answer) -> float:
        target = shown(self._target)
        if answer.detail != self._outage:
            _log.warning("falco_receiver_down", target=target, reason=answer.detail)
        self._outage = answer.detail
        self._failures += 1
        self._metrics.set("nonself_falco_up", 0, target=target)
        self._metrics.count(POSTS, target=target, outcome="failed")
        if not self._abandoned:
            self._drop_surplus(target)
        wait_s = backoff_s(
            self._failures, first_s=self._backoff_first_s, cap_s=BACKOFF_CAP_S, chance=self._chance
        )
        return max(wait_s, min(answer.retry_after_s, _LONGEST_WISH_S))

    def _drop_surplus(self, target: str) -> None:
        with self._store.read() as session:
            if queue.count(session, self._target) <= self._limit:
                return
        with self._store.write() as session:
            dropped = queue.drop_surplus(session, self._target, self._limit)
        self._metrics.count(POSTS, dropped, target=target, outcome="dropped")
        _log.error("falco_alerts_dropped", target=target, alerts=dropped, limit=self._limit)
