"""Serves one channel: routes, delivers what is due, and writes down what came of it."""

import random
import threading
from collections.abc import Sequence
from typing import Final

import structlog

from api.core import Core
from api.db.push_tables import ChannelRow, DeliveryRow
from api.errors import StoreError
from api.guard import Guard
from api.push import queue, router, settle, trouble_router
from api.push.attempt import attempt
from api.push.kinds.base import Message, Transport
from api.push.kinds.catalog import KINDS
from api.push.outcome import Outcome, Verdict, down
from api.push.seal import Sealer, Secrets
from api.push.still_open import find_open
from api.push.words import ChannelKind, Shape
from api.tracing.tracer import Values

_log = structlog.get_logger()

_AT_ONCE: Final = 50
_SETTLE_EVERY_MS: Final = 1000
HOUR_MS: Final = 3_600_000
Result = tuple[DeliveryRow, Outcome]


class Sender:
    """Brings a channel's deliveries to its receiver; one thread at a time.

    What came of attempts is written at the latest a second after them: after a crash in between, those of
    the last second come again with the same ids, and none is missing (ADR 0092).

    Args:
        core: What the service consists of.
        channel_id: Whom it serves.
        chance: For the pauses.
        transport: In place of the one that the kind of channel has.
    """

    def __init__(
        self, core: Core, channel_id: int, *, chance: random.Random, transport: Transport | None = None
    ) -> None:
        self._core = core
        self._channel_id = channel_id
        self._chance = chance
        self._sealer = Sealer(core.settings.state_dir)
        self._transport = transport
        self._give_up_ms = core.settings.push_give_up_hours * HOUR_MS
        self.stopping = threading.Event()
        self.abandoned = False
        """Set once nothing must be written any more."""

    def step(self) -> int | None:
        """Do all that can be done now; return when there is more to do, or None where that is not known.

        Raises:
            StoreError: The database cannot be used.
        """
        channel = self._look()
        if channel is None:
            return None
        self._route(channel)
        secrets = self._secrets(channel)
        if secrets is None:
            return None
        if self._transport is None:
            guard = Guard.of(self._core.settings.push_allow)
            self._transport = KINDS[ChannelKind(channel.kind)].open(guard, self._core.settings)
        while not self.stopping.is_set():
            if channel.resume_at > self._core.clock.now_ms():
                return channel.resume_at
            self._resend(channel, self._transport, secrets)
            with self._core.store.read() as session:
                waiting = queue.due(session, channel.id, self._core.clock.now_ms(), _AT_ONCE)
            if not waiting:
                break
            self._settle(channel, self._deliver(channel, self._transport, secrets, waiting))
            if not channel.enabled:
                return None
        return self._next(channel)

    def close(self) -> None:
        """Let go of the receiver."""
        if self._transport is not None:
            self._transport.close()

    def _look(self) -> ChannelRow | None:
        with self._core.store.read() as session:
            channel = session.get(ChannelRow, self._channel_id)
        return channel if channel is not None and channel.enabled else None

    def _secrets(self, channel: ChannelRow) -> Secrets | None:
        """Return what the channel must not show; where it cannot be decrypted, the channel says so."""
        try:
            return self._sealer.open(channel.sealed)
        except StoreError as error:
            with self._core.store.write() as session:
                row = session.get(ChannelRow, channel.id)
                if row is not None:
                    reason = down(error.detail.rstrip("."))
                    settle.note_receiver(row, reason, now_ms=self._core.clock.now_ms(), chance=self._chance)
            _log.error("channel_secrets_unreadable", channel=channel.name, reason=error.detail)
            return None

    def _route(self, channel: ChannelRow) -> None:
        """Digests come first: what they tell happened before what is routed now."""
        times = {"now_ms": self._core.clock.now_ms(), "give_up_ms": self._give_up_ms}
        while router.compose(self._core.store, channel, **times):
            pass
        while router.route(self._core.store, channel, **times):
            pass
        cluster = self._core.settings.cluster
        while trouble_router.route(self._core.store, channel, cluster=cluster, **times):
            pass

    def _deliver(
        self, channel: ChannelRow, transport: Transport, secrets: Secrets, waiting: Sequence[DeliveryRow]
    ) -> list[Result]:
        """Try each in turn, until one finds the receiver down or a second is over."""
        results: list[Result] = []
        refused: dict[queue.Subject, int] = {}
        began = self._core.clock.now_ms()
        for each in waiting:
            if not queue.passable([each], refused):
                if queue.subject_of(each) == queue.DIGEST:
                    break  # nothing passes a digest
                continue
            now_ms = self._core.clock.now_ms()
            message = Message(
                id=each.message_id,
                event=each.event,
                now_ms=now_ms,
                shape=Shape(channel.format),
                secrets=secrets,
            )
            outcome = self._attempt(channel, transport, message, each)
            results.append((each, outcome))
            self._core.metrics.count(
                "nonself_push_attempts_total", channel=channel.name, outcome=outcome.verdict.name.lower()
            )
            if outcome.verdict in {Verdict.DOWN, Verdict.GONE}:
                break
            if outcome.verdict is Verdict.REFUSED:
                refused.setdefault(queue.subject_of(each), each.id)
            if self.stopping.is_set() or now_ms - began >= _SETTLE_EVERY_MS:
                break
        return results

    def _attempt(
        self, channel: ChannelRow, transport: Transport, message: Message, delivery: DeliveryRow
    ) -> Outcome:
        values: Values = {
            "nonself.channel": channel.name,
            "nonself.channel.kind": channel.kind,
            "nonself.message.id": message.id,
            "nonself.message.type": str(message.event.get("type", "")),
            "nonself.attempt": delivery.attempts + 1,
        }
        span = self._core.tracer.span(
            "push message", kind="client", parent=delivery.traceparent, values=values
        )
        with span as traced:
            outcome = attempt(transport, message, channel=channel.name)
            traced.note({"nonself.outcome": outcome.verdict.name.lower()})
            if outcome.verdict is not Verdict.DELIVERED:
                traced.fail(outcome.detail)
        return outcome

    def _resend(self, channel: ChannelRow, transport: Transport, secrets: Secrets) -> None:
        now_ms = self._core.clock.now_ms()
        if transport.resend_s is None or now_ms < (channel.resent_at or 0) + transport.resend_s * 1000:
            return
        with self._core.store.read() as session:
            # What waits in the queue has not been told yet, and is told in its order.
            told = find_open(session, channel, cluster=self._core.settings.cluster)
        outcome = transport.resend(told, secrets, now_ms)
        with self._core.store.write() as session:
            row = session.get(ChannelRow, channel.id)
            if row is not None:
                row.resent_at = channel.resent_at = now_ms
                settle.note_receiver(row, outcome, now_ms=now_ms, chance=self._chance)
                channel.resume_at = row.resume_at

    def _settle(self, channel: ChannelRow, results: Sequence[Result]) -> None:
        now_ms = self._core.clock.now_ms()
        if self.abandoned:
            return
        with self._core.store.write() as session:
            row = session.get(ChannelRow, channel.id)
            if row is None:
                channel.enabled = False
                return
            before = row.failures
            for delivery, outcome in results:
                if (kept := session.get(DeliveryRow, delivery.id)) is not None:
                    settle.settle(session, row, kept, outcome, now_ms=now_ms, chance=self._chance)
        channel.enabled, channel.resume_at = row.enabled, row.resume_at
        if row.failures and not before:
            _log.warning("channel_receiver_down", channel=row.name, reason=row.last_error)
        elif before and not row.failures:
            _log.info("channel_receiver_up", channel=row.name, attempts=before)

    def _next(self, channel: ChannelRow) -> int | None:
        with self._core.store.read() as session:
            due = queue.next_due_at(session, channel.id)
        if self._transport is not None and self._transport.resend_s is not None:
            again = (channel.resent_at or 0) + round(self._transport.resend_s * 1000)
            return again if due is None else min(again, due)
        return due
