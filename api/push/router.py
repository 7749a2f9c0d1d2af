"""Decides what each channel gets: makes deliveries of changes of alerts, and digests of what was held."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import structlog
from sqlalchemy.orm import Session

from api import changes
from api.alerts import service as alerts
from api.db.alert_tables import AlertChangeRow
from api.db.push_tables import ChannelRow, DeliveryRow
from api.db.store import Store
from api.push import events, queue
from api.push.filters import Filters, level_of
from api.push.gate import Gate
from api.push.kinds.catalog import KINDS
from api.push.signing import new_message_id
from api.push.trouble_filters import TroubleFilters
from api.push.words import ChannelKind, DeliveryState

_log = structlog.get_logger()
_AT_ONCE: Final = 200


def route(store: Store, channel: ChannelRow, *, now_ms: int, give_up_ms: int) -> bool:
    """Queue what happened since the channel was last routed; return whether there may be more.

    What is queued and how far was looked are committed together: a crash in between repeats or loses nothing.

    Args:
        store: Where both are.
        channel: Its `routed_to` says from where; set to how far it came.
        now_ms: The time.
        give_up_ms: What happened longer ago is passed over: it is the past of a channel that was disabled.

    Raises:
        StoreError: The database cannot be used.
    """
    with store.read() as session:
        found = changes.after(session, channel.routed_to, limit=_AT_ONCE)
        if not found:
            return False
        shown = alerts.of_ids(session, {each.alert_id for each in found})
        recent = [each for each in found if each.created_at >= now_ms - give_up_ms]
        rows = _rows(session, channel, recent, shown, now_ms=now_ms, give_up_ms=give_up_ms)
    return queue_up(store, channel, rows, "routed_to", found[-1].id) and len(found) == _AT_ONCE


def queue_up(
    store: Store,
    channel: ChannelRow,
    rows: Sequence[Mapping[str, Any]],
    position: Literal["routed_to", "troubles_routed_to"],
    to: int,
) -> bool:
    """Queue deliveries and move a channel's position in one transaction.

    Args:
        store: Where both are.
        channel: As it was read; its position is moved too.
        rows: Columns of the deliveries.
        position: Which sequence they are of, by the column that says how far it was looked at.
        to: How far it was looked at now.

    Returns:
        False where the channel is gone, or somebody else moved its position; then nothing is queued.

    Raises:
        StoreError: The database cannot be used.
    """
    with store.write() as session:
        row = session.get(ChannelRow, channel.id)
        if row is None or getattr(row, position) != getattr(channel, position):
            return False
        queue.add(session, rows)
        setattr(row, position, to)
    setattr(channel, position, to)
    return True


def _rows(
    session: Session,
    channel: ChannelRow,
    found: list[AlertChangeRow],
    shown: Mapping[int, Mapping[str, Any]],
    *,
    now_ms: int,
    give_up_ms: int,
) -> list[dict[str, Any]]:
    filters, wanted = Filters(**channel.filters), TroubleFilters.of(channel.troubles)
    if wanted is not None and wanted.only:
        return []
    gate = Gate(session, channel, now_ms)
    rows = []
    for each in found:
        alert = shown.get(each.alert_id)
        if alert is None or not filters.wants(each.change, alert):
            continue
        event = events.of_change(
            each.id,
            each.change,
            created_at=each.created_at,
            actor=each.actor,
            detail=each.detail,
            alert=alert,
        )
        fresh = new_delivery(
            channel.id,
            event,
            now_ms=now_ms,
            give_up_ms=give_up_ms,
            held_until=gate.held_until(level_of(alert)),
        )
        fresh |= {"alert_id": each.alert_id, "change_id": each.id, "traceparent": each.traceparent}
        rows.append(fresh)
    return rows


def new_delivery(
    channel_id: int, event: events.Event, *, now_ms: int, give_up_ms: int, held_until: int | None = None
) -> dict[str, Any]:
    """Return the columns of a delivery that may be tried at once, or is held back until a time."""
    return {
        "channel_id": channel_id,
        "alert_id": None,
        "trouble_id": None,
        "change_id": None,
        "traceparent": None,
        "message_id": new_message_id(),
        "event": event,
        "state": queue.PENDING if held_until is None else queue.HELD,
        "created_at": now_ms,
        "expires_at": now_ms + give_up_ms,
        "next_attempt_at": now_ms if held_until is None else held_until,
        "attempts": 0,
        "last_attempt_at": None,
        "last_error": None,
        "settled_at": None,
        "digest_id": None,
    }


def compose(store: Store, channel: ChannelRow, *, now_ms: int, give_up_ms: int) -> bool:
    """Put what was held back until now into one digest; return whether there may be more.

    Raises:
        StoreError: The database cannot be used.
    """
    kind = KINDS[ChannelKind(channel.kind)]
    with store.read() as session:
        if not queue.released(session, channel.id, now_ms, 1):
            return False
    with store.write() as session:
        held = queue.released(session, channel.id, now_ms, kind.digest_changes)
        if len(held) == 1:
            # A digest of one thing would only be harder to read.
            held[0].state, held[0].next_attempt_at = DeliveryState.PENDING.value, now_ms
            return False
        event = events.digest([each.event for each in held], now_ms=now_ms, most=kind.digest_items)
        digest = DeliveryRow(**new_delivery(channel.id, event, now_ms=now_ms, give_up_ms=give_up_ms))
        session.add(digest)
        session.flush()
        for each in held:
            each.state, each.digest_id = DeliveryState.DIGESTED.value, digest.id
            each.settled_at = now_ms
    _log.info("channel_digest_made", channel=channel.name, held=len(held))
    return len(held) == kind.digest_changes
