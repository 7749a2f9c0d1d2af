"""What an attempt's outcome means for the delivery and for its channel; within the caller's transaction."""

import random
from typing import Final

import structlog
from sqlalchemy import update
from sqlalchemy.orm import Session

from api.audit import record
from api.db.push_tables import ChannelRow, DeliveryRow
from api.push.outcome import Outcome, Verdict
from api.push.pacing import DOWN_CAP_S, REFUSED_CAP_S, pause_ms
from api.push.words import DeliveryState

_log = structlog.get_logger()
_SERVICE: Final = "nonself"


def settle(
    session: Session,
    channel: ChannelRow,
    delivery: DeliveryRow,
    outcome: Outcome,
    *,
    now_ms: int,
    chance: random.Random,
) -> None:
    """Write down what came of one attempt.

    Args:
        session: A transaction that the caller commits.
        channel: Of that transaction.
        delivery: Of that transaction.
        outcome: Of the attempt.
        now_ms: When it ended.
        chance: Spreads the pauses.
    """
    delivery.attempts += 1
    delivery.last_attempt_at = now_ms
    delivery.last_error = outcome.detail or None
    note_receiver(channel, outcome, now_ms=now_ms, chance=chance)
    match outcome.verdict:
        case Verdict.DELIVERED:
            delivery.state, delivery.settled_at = DeliveryState.DELIVERED.value, now_ms
        case Verdict.GONE:
            _disable(session, channel, outcome.detail, now_ms)
        case Verdict.REFUSED if now_ms < delivery.expires_at:
            delivery.next_attempt_at = now_ms + pause_ms(
                delivery.attempts, cap_s=REFUSED_CAP_S, chance=chance, wish_s=outcome.retry_after_s
            )
        case Verdict.REFUSED:
            delivery.state, delivery.settled_at = DeliveryState.DEAD.value, now_ms
            _log.error("delivery_given_up", channel=channel.name, delivery=delivery.id, reason=outcome.detail)
        case Verdict.DOWN:
            _give_up_old(session, channel, now_ms)


def note_receiver(channel: ChannelRow, outcome: Outcome, *, now_ms: int, chance: random.Random) -> None:
    """Write down whether the receiver is up, and when it is asked again if it is not."""
    if outcome.verdict is Verdict.DOWN:
        channel.failures += 1
        channel.last_error = outcome.detail
        channel.resume_at = now_ms + pause_ms(
            channel.failures, cap_s=DOWN_CAP_S, chance=chance, wish_s=outcome.retry_after_s
        )
        return
    channel.failures, channel.resume_at = 0, 0
    channel.last_error = outcome.detail or None
    if outcome.verdict is Verdict.DELIVERED:
        channel.delivered_at = now_ms


def _give_up_old(session: Session, channel: ChannelRow, now_ms: int) -> None:
    """Give up all whose time is over, those too that were not tried while the receiver was down."""
    gone = session.execute(
        update(DeliveryRow)
        .where(
            DeliveryRow.channel_id == channel.id,
            DeliveryRow.state == DeliveryState.PENDING.value,
            DeliveryRow.expires_at <= now_ms,
        )
        .values(state=DeliveryState.DEAD.value, settled_at=now_ms, last_error=channel.last_error)
        .returning(DeliveryRow.id)
    ).all()
    if gone:
        _log.error("deliveries_given_up", channel=channel.name, count=len(gone), reason=channel.last_error)


def _disable(session: Session, channel: ChannelRow, reason: str, now_ms: int) -> None:
    channel.enabled, channel.disabled_reason, channel.updated_at = False, reason, now_ms
    # That tells it from one that a person disabled, which is in no trouble.
    channel.failures = 1
    detail = {"name": channel.name, "reason": reason}
    record(
        session,
        now_ms=now_ms,
        actor=_SERVICE,
        action="channel.disable",
        target=str(channel.id),
        detail=detail,
    )
    _log.error("channel_disabled", channel=channel.name, reason=reason)
