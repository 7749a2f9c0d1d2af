"""Makes, changes and removes channels; every change is audited, and nothing secret is."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from api.audit import record
from api.channels import repository
from api.channels.schemas import (
    ChannelIn,
    ChannelMadeOut,
    ChannelOut,
    DeliveryOut,
    DeliveryQuery,
    RotateSecretIn,
    RoutingIn,
)
from api.clock import to_datetime
from api.db.push_tables import ChannelRow, DeliveryRow
from api.errors import InvalidError, NotPossibleError, existing
from api.paging import PageQuery
from api.push import queue, signing
from api.push.filters import Filters
from api.push.kinds.catalog import KINDS
from api.push.pacing import Pacing
from api.push.seal import Sealer, Secrets
from api.push.trouble_filters import TroubleFilters
from api.push.words import ChannelKind, DeliveryState, Shape
from api.vocabulary import AlertChange

_HOUR_MS = 3_600_000


def create(session: Session, wish: ChannelIn, sealer: Sealer, *, actor: str, now_ms: int) -> ChannelMadeOut:
    """Make a channel that is told of what happens from now on.

    Raises:
        InvalidError: The name is taken, or address, secret or pacing do not fit the kind.
        StoreError: The key that encrypts secrets cannot be used.
    """
    kind = KINDS[wish.kind]
    _check(wish)
    if repository.find_by_name(session, wish.name):
        msg = f"name: a channel named {wish.name!r} exists already."
        raise NotPossibleError(msg)
    secret = _secret(wish.secret) if kind.signs else ""
    sealed = sealer.seal(Secrets(address=wish.address, token=wish.token or "", signing=secret))
    row = ChannelRow(
        name=wish.name,
        kind=wish.kind.value,
        shown=kind.shown(wish.address),
        sealed=sealed,
        **_routing(wish.kind, wish),
        enabled=True,
        disabled_reason=None,
        created_at=now_ms,
        updated_at=now_ms,
        routed_to=queue.newest_change(session),
        troubles_routed_to=queue.newest_trouble_change(session),
        failures=0,
        resume_at=0,
        last_error=None,
        delivered_at=None,
        resent_at=None,
    )
    session.add(row)
    session.flush()
    told = {"kind": row.kind, "address": row.shown, **_routing(wish.kind, wish)}
    _audit(session, row, "create", told, actor=actor, now_ms=now_ms)
    return ChannelMadeOut(**show(session, row).model_dump(), secret=secret or None)


def change_routing(
    session: Session, channel_id: int, wish: RoutingIn, *, actor: str, now_ms: int
) -> ChannelOut:
    """Replace format, filters and pacing; what waits already is not filtered again.

    Raises:
        NotFoundError: There is none of this id.
        InvalidError: The kind of channel cannot be paced, or does not take the format.
    """
    row = find(session, channel_id)
    _check_routing(ChannelKind(row.kind), wish)
    routing = _routing(ChannelKind(row.kind), wish)
    row.format, row.filters, row.pacing = wish.format.value, routing["filters"], routing["pacing"]
    row.troubles = routing["troubles"]
    row.updated_at = max(now_ms, row.updated_at + 1)
    _audit(session, row, "route", routing, actor=actor, now_ms=now_ms)
    return show(session, row)


def rotate(
    session: Session, channel_id: int, wish: RotateSecretIn, sealer: Sealer, *, actor: str, now_ms: int
) -> ChannelMadeOut:
    """Give a webhook a new secret; the old one signs beside it for a while.

    Raises:
        NotFoundError: There is none of this id.
        NotPossibleError: Its messages are not signed.
        InvalidError: The secret cannot be used.
        StoreError: The key that encrypts secrets cannot be used.
    """
    row = find(session, channel_id)
    if not KINDS[ChannelKind(row.kind)].signs:
        msg = f"Messages of kind {row.kind} are not signed; there is no secret to rotate."
        raise NotPossibleError(msg)
    before = sealer.open(row.sealed)
    secret = _secret(wish.secret)
    until = now_ms + round(wish.overlap_hours * _HOUR_MS)
    row.sealed = sealer.seal(
        Secrets(
            address=before.address,
            token=before.token,
            signing=secret,
            previous=before.signing,
            previous_until=until,
        )
    )
    row.updated_at = max(now_ms, row.updated_at + 1)
    detail = {"previous_until": to_datetime(until).isoformat()}
    _audit(session, row, "rotate", detail, actor=actor, now_ms=now_ms)
    return ChannelMadeOut(**show(session, row).model_dump(), secret=secret)


def switch(session: Session, channel_id: int, *, reason: str | None, actor: str, now_ms: int) -> ChannelOut:
    """Disable a channel for a reason, or enable it: then it is told what it missed, but what is too old.

    Raises:
        NotFoundError: There is none of this id.
    """
    row = find(session, channel_id)
    row.enabled, row.disabled_reason = reason is None, reason
    row.failures, row.resume_at = 0, 0
    row.updated_at = max(now_ms, row.updated_at + 1)
    action = "enable" if reason is None else "disable"
    _audit(session, row, action, {"reason": reason} if reason else {}, actor=actor, now_ms=now_ms)
    return show(session, row)


def remove(session: Session, channel_id: int, *, actor: str, now_ms: int) -> ChannelOut:
    """Delete a channel, its secrets and its deliveries.

    Raises:
        NotFoundError: There is none of this id.
    """
    row = find(session, channel_id)
    shown = show(session, row)
    _audit(session, row, "remove", {"pending": shown.pending}, actor=actor, now_ms=now_ms)
    repository.remove(session, row)
    return shown


def redeliver(
    session: Session,
    channel_id: int,
    *,
    delivery_id: int | None,
    actor: str,
    now_ms: int,
    give_up_ms: int,
) -> int:
    """Have all that was given up delivered again, or one delivery whatever became of it; return how many.

    Raises:
        NotFoundError: There is no such channel, or no such delivery of it.
        NotPossibleError: The delivery is part of a digest.
    """
    row = find(session, channel_id)
    if delivery_id is not None:
        found = session.get(DeliveryRow, delivery_id)
        mine = found if found is not None and found.channel_id == channel_id else None
        delivery = existing(mine, f"delivery {delivery_id} of channel {channel_id}")
        if delivery.state == DeliveryState.DIGESTED.value:
            msg = f"Delivery {delivery_id} is part of digest {delivery.digest_id}; redeliver that."
            raise NotPossibleError(msg)
    count = queue.revive(
        session, channel_id, delivery_id=delivery_id, now_ms=now_ms, expires_at=now_ms + give_up_ms
    )
    row.failures, row.resume_at = 0, 0
    detail = {"deliveries": count} if delivery_id is None else {"delivery": delivery_id}
    _audit(session, row, "redeliver", detail, actor=actor, now_ms=now_ms)
    return count


def list_page(session: Session, query: PageQuery) -> list[ChannelOut]:
    """Return one page of channels."""
    rows = repository.list_page(session, query.slice())
    counts = repository.count(session, [row.id for row in rows])
    return [_show(row, counts) for row in rows]


def list_deliveries(session: Session, channel_id: int, query: DeliveryQuery) -> list[DeliveryOut]:
    """Return one page of a channel's deliveries.

    Raises:
        NotFoundError: There is none of this id.
    """
    find(session, channel_id)
    rows = repository.list_deliveries(
        session,
        query.slice(),
        channel_id=channel_id,
        state=query.state,
        alert_id=query.alert,
        trouble_id=query.trouble,
    )
    return [_show_delivery(row) for row in rows]


def find(session: Session, channel_id: int) -> ChannelRow:
    """Return a channel.

    Raises:
        NotFoundError: There is none of this id.
    """
    return existing(session.get(ChannelRow, channel_id), f"channel {channel_id}")


def show(session: Session, row: ChannelRow) -> ChannelOut:
    """Return a channel as REST shows it."""
    return _show(row, repository.count(session, [row.id]))


def _show(row: ChannelRow, counts: Mapping[tuple[int, str], int]) -> ChannelOut:
    waiting = {state: counts.get((row.id, state.value), 0) for state in DeliveryState}
    return ChannelOut(
        id=row.id,
        name=row.name,
        kind=ChannelKind(row.kind),
        address=row.shown,
        format=Shape(row.format),
        filters=Filters(**row.filters),
        troubles=TroubleFilters.of(row.troubles),
        pacing=Pacing(**row.pacing),
        enabled=row.enabled,
        disabled_reason=row.disabled_reason,
        created_at=to_datetime(row.created_at),
        updated_at=to_datetime(row.updated_at),
        failures=row.failures,
        resume_at=to_datetime(row.resume_at) if row.resume_at else None,
        last_error=row.last_error,
        delivered_at=to_datetime(row.delivered_at) if row.delivered_at is not None else None,
        pending=waiting[DeliveryState.PENDING],
        held=waiting[DeliveryState.HELD],
        dead=waiting[DeliveryState.DEAD],
    )


def _show_delivery(row: DeliveryRow) -> DeliveryOut:
    waits = row.state in {DeliveryState.PENDING.value, DeliveryState.HELD.value}
    return DeliveryOut(
        id=row.id,
        alert=row.alert_id,
        trouble=row.trouble_id,
        change=row.change_id,
        type=row.event["type"],
        message_id=row.message_id,
        state=DeliveryState(row.state),
        created_at=to_datetime(row.created_at),
        expires_at=to_datetime(row.expires_at),
        next_attempt_at=to_datetime(row.next_attempt_at) if waits else None,
        attempts=row.attempts,
        last_attempt_at=to_datetime(row.last_attempt_at) if row.last_attempt_at is not None else None,
        last_error=row.last_error,
        settled_at=to_datetime(row.settled_at) if row.settled_at is not None else None,
        digest=row.digest_id,
    )


def _routing(kind: ChannelKind, wish: RoutingIn) -> dict[str, Any]:
    filters = wish.filters
    if not filters.changes and not KINDS[kind].growth:
        # A chat would be told of one alert every ten seconds. Stored as it works, so that a person sees it.
        told = [each for each in AlertChange if each is not AlertChange.GREW]
        filters = filters.model_copy(update={"changes": told})
    return {
        "format": wish.format.value,
        "filters": filters.model_dump(mode="json"),
        "troubles": wish.troubles.model_dump(mode="json") if wish.troubles is not None else None,
        "pacing": wish.pacing.model_dump(mode="json"),
    }


def _check(wish: ChannelIn) -> None:
    kind = KINDS[wish.kind]
    try:
        kind.check(wish.address)
    except ValueError as error:
        # The address itself may be a secret: it is not repeated.
        msg = f"address: {error}."
        raise InvalidError(msg) from error
    if wish.secret is not None and not kind.signs:
        msg = f"secret: messages of kind {wish.kind.value} are not signed; expected none."
        raise InvalidError(msg)
    _check_routing(wish.kind, wish)


def _check_routing(kind: ChannelKind, wish: RoutingIn) -> None:
    if wish.format is Shape.CEF and kind is not ChannelKind.SYSLOG:
        msg = f"format: expected nonself, ocsf or ecs for kind {kind.value}; cef is of kind syslog alone."
        raise InvalidError(msg)
    if wish.pacing.is_set and not KINDS[kind].paced:
        paced = " or ".join(each.value for each, one in KINDS.items() if one.paced)
        msg = f"pacing: expected none for kind {kind.value}; channels of kind {paced} can be paced."
        raise InvalidError(msg)


def _secret(wish: str | None) -> str:
    if wish is None:
        return signing.new_secret()
    try:
        signing.key_of(wish)
    except ValueError as error:
        msg = f"secret: {error}."
        raise InvalidError(msg) from error
    return wish


def _audit(
    session: Session, row: ChannelRow, action: str, detail: dict[str, Any], *, actor: str, now_ms: int
) -> None:
    record(
        session,
        now_ms=now_ms,
        actor=actor,
        action=f"channel.{action}",
        target=str(row.id),
        detail={"name": row.name, **detail},
    )
