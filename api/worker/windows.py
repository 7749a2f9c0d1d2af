"""What is learned of a delta, and what is counted of where it comes from."""

from sqlalchemy.orm import Session

from api.db.tables import ContainerRow, InboxRow, NodeRow
from api.lifecycle.provenance import Facts
from api.worker import repository
from api.worker.repository import identify_replica
from model import starts
from model.window import Window
from wire.codec import decode_delta
from wire.profile import ProfileDelta


def delta_of(inbox: InboxRow) -> ProfileDelta:
    """Return a handled delta whose payload is kept."""
    return decode_delta(repository.unpack(inbox.payload or b""))


def facts_of(session: Session, delta: ProfileDelta, container: ContainerRow) -> Facts:
    """Return what a baseline's provenance counts of a delta."""
    node = session.get_one(NodeRow, container.node_id)
    ref = delta.container
    return Facts(
        start=delta.start,
        length=delta.end - delta.start,
        replica=identify_replica(container),
        image=f"{ref.image}@{ref.image_digest}" if ref.image_digest else ref.image,
        kernel=str(node.agent.get("kernel", "")),
        calls=delta.calls,
        lost={cause.value: count for cause, count in delta.lost.items()},
    )


def window_of(delta: ProfileDelta, container: ContainerRow) -> Window:
    """Return what is learned of a delta, and to which start of a container it belongs."""
    within = delta.start < container.first_start + starts.WINDOWS * (delta.end - delta.start)
    first = within and delta.container.seen_from_start
    return Window.from_delta(delta, start=container.id if first else None)
