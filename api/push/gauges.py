"""What the service says of its channels to machines that watch it."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.db.push_tables import ChannelRow
from api.metrics import Metrics
from api.push import queue
from api.push.words import DeliveryState

_SHOWN = (DeliveryState.PENDING, DeliveryState.HELD, DeliveryState.DEAD)


def measure(session: Session, metrics: Metrics, now_ms: int) -> None:
    """Set the gauges of all channels."""
    found = {(each.channel, each.state): each for each in queue.depths(session)}
    for row in session.scalars(select(ChannelRow)):
        for state in _SHOWN:
            depth = found.get((row.name, state.value))
            metrics.set(
                "nonself_push_deliveries", depth.number if depth else 0, channel=row.name, state=state.value
            )
        oldest = found.get((row.name, DeliveryState.PENDING.value))
        age_s = (now_ms - oldest.oldest) / 1000 if oldest else 0
        metrics.set("nonself_push_oldest_seconds", age_s, channel=row.name)
        metrics.set("nonself_push_up", row.enabled and not row.failures, channel=row.name)


def trouble(session: Session) -> str | None:
    """Return sentences on channels that do not deliver, or None where all do."""
    said = []
    for row in session.scalars(select(ChannelRow).order_by(ChannelRow.id)):
        if row.enabled and row.failures:
            said.append(f"Channel {row.name} takes no messages: {row.last_error}.")
        elif not row.enabled and row.failures:
            said.append(f"Channel {row.name} is disabled: {row.disabled_reason}.")
    return " ".join(said) or None
