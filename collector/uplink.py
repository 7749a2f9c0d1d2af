"""The thread that brings spooled batches to the service, oldest first."""

import random
import threading
from collections.abc import Callable
from typing import Final

import structlog

from collector.sender import Answer, Verdict
from collector.spool import Spool
from wire.retry import backoff_s
from wire.trace import trace_id_of, traceparent_of

BACKOFF_CAP_S: Final = 30.0
_BACKOFF_FIRST_S: Final = 0.5

log = structlog.get_logger()


class Uplink:
    """Send what the spool holds as soon as it is there, and again after growing pauses where it fails."""

    def __init__(
        self,
        spool: Spool,
        send: Callable[[bytes], Answer],
        chance: random.Random,
        backoff_cap_s: float = BACKOFF_CAP_S,
    ) -> None:
        self._spool = spool
        self._send = send
        self._chance = chance
        self._cap = backoff_cap_s
        self._changed = threading.Condition()
        self._woken = False
        self._stopping = False
        self._heartbeat: bytes | None = None
        self._outage = ""
        self._failures = 0
        self._thread = threading.Thread(target=self._run, name="uplink", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def wake(self, heartbeat: bytes | None = None) -> None:
        """Tell that a batch was spooled, or give one without deltas, which is sent once or never."""
        with self._changed:
            self._woken = True
            self._heartbeat = heartbeat
            self._changed.notify_all()

    def stop(self, timeout_s: float) -> None:
        """Try to send what still waits, once, for at most `timeout_s`; the rest stays in the spool."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        last = False
        while not last:
            # Read before sending: what was spooled ahead of `stop` still gets its attempt.
            last = self._stopping
            pause_s = self._send_all()
            with self._changed:
                if self._stopping:
                    continue
                if pause_s:
                    # A new batch is no reason to hurry: the service did not answer the one before.
                    self._changed.wait_for(lambda: self._stopping, pause_s)
                else:
                    self._changed.wait_for(lambda: self._stopping or self._woken)
                    self._woken = False

    def _send_all(self) -> float:
        """Send until nothing waits and return 0, or until an attempt fails and return the pause."""
        while entry := self._spool.head():
            try:
                body = self._spool.body(entry)
            except FileNotFoundError as error:
                log.warning("spooled_batch_gone", number=entry.number, reason=str(error))
                self._spool.lose(entry)
                continue
            except OSError as error:
                return self._failed(
                    Answer(Verdict.LATER, f"A spooled batch cannot be read ({error})", "spool")
                )
            answer = self._send(body)
            if answer.verdict is Verdict.LATER:
                return self._failed(answer, body)
            self._answered()
            if answer.verdict is Verdict.KNOWN:
                self._spool.remove(entry)
            else:
                log.error(
                    "batch_refused", number=entry.number, reason=answer.detail, trace_id=_trace_id(body)
                )
                self._spool.reject(entry)
        with self._changed:
            heartbeat, self._heartbeat = self._heartbeat, None
        if heartbeat is None:
            return 0.0
        answer = self._send(heartbeat)
        if answer.verdict is Verdict.LATER:
            return self._failed(answer, heartbeat)
        self._answered()
        if answer.verdict is Verdict.REFUSED:
            log.error("heartbeat_refused", reason=answer.detail, trace_id=_trace_id(heartbeat))
        return 0.0

    def _failed(self, answer: Answer, body: bytes | None = None) -> float:
        if answer.cause != self._outage:
            sent = {"trace_id": _trace_id(body)} if body is not None else {}
            log.warning("uplink_down", reason=answer.detail, waiting_batches=self._spool.batches, **sent)
        self._outage = answer.cause
        self._failures += 1
        wait_s = backoff_s(self._failures, first_s=_BACKOFF_FIRST_S, cap_s=self._cap, chance=self._chance)
        return max(wait_s, min(answer.retry_after_s, 2 * self._cap))

    def _answered(self) -> None:
        if self._outage:
            log.info("uplink_up", attempts=self._failures, waiting_batches=self._spool.batches)
        self._outage = ""
        self._failures = 0


def _trace_id(body: bytes) -> str | None:
    """Return the trace of a batch, by which the service's log lines of it are found."""
    return trace_id_of(traceparent_of(body))
