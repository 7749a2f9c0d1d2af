"""Makes deliveries of the troubles of nonself itself that opened and closed."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy.orm import Session

from api.db.push_tables import ChannelRow
from api.db.store import Store
from api.push.gate import Gate
from api.push.router import new_delivery, queue_up
from api.push.trouble_events import of_change
from api.push.trouble_filters import TroubleFilters
from api.troubles import service as troubles
from api.troubles.schemas import TroubleChangeOut

_AT_ONCE: Final = 200


def route(store: Store, channel: ChannelRow, *, cluster: str, now_ms: int, give_up_ms: int) -> bool:
    """Queue what opened and closed since the channel was last routed; return whether there may be more.

    What is queued and how far was looked are committed together, as with alerts (ADR 0100).

    Args:
        store: Where both are.
        channel: Its `troubles_routed_to` says from where; set to how far it came.
        cluster: Name of the service's cluster.
        now_ms: The time.
        give_up_ms: What happened longer ago is passed over.

    Raises:
        StoreError: The database cannot be used.
    """
    with store.read() as session:
        found = troubles.list_after(session, channel.troubles_routed_to, _AT_ONCE, cluster)
        if not found:
            return False
        rows = _rows(session, channel, found, now_ms=now_ms, give_up_ms=give_up_ms)
    return queue_up(store, channel, rows, "troubles_routed_to", found[-1].id) and len(found) == _AT_ONCE


def _rows(
    session: Session,
    channel: ChannelRow,
    found: Sequence[TroubleChangeOut],
    *,
    now_ms: int,
    give_up_ms: int,
) -> list[dict[str, Any]]:
    wanted = TroubleFilters.of(channel.troubles)
    if wanted is None:
        return []
    gate = Gate(session, channel, now_ms)
    rows = []
    for each in found:
        trouble = each.trouble
        recent = each.at.timestamp() * 1000 >= now_ms - give_up_ms
        if not recent or not wanted.wants(trouble.kind, trouble.subject, channel=channel.name):
            continue
        fresh = new_delivery(
            channel.id,
            of_change(each.model_dump(mode="json")),
            now_ms=now_ms,
            give_up_ms=give_up_ms,
            held_until=gate.held_until(trouble.level),
        )
        rows.append(fresh | {"trouble_id": trouble.id, "change_id": each.id})
    return rows
