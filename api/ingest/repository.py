"""Reads and writes the inbox, and what a batch says of its node."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final, NamedTuple

from sqlalchemy import func, insert, select, tuple_
from sqlalchemy.orm import Session

from api.db.tables import InboxRow, NodeRow
from wire.profile import Batch

# SQLite takes 32,766 values in a statement, older ones 999.
_CHUNK: Final = 400


class Key(NamedTuple):
    """Identity of a delta within one boot of one node."""

    container_id: str
    start: int


def count_pending(session: Session) -> int:
    """Return how many deltas wait for the worker."""
    return (
        session.scalar(select(func.count()).select_from(InboxRow).where(InboxRow.processed_at.is_(None))) or 0
    )


def find_digests(session: Session, node_id: int, boot_id: str, keys: Sequence[Key]) -> dict[Key, bytes]:
    """Return the digests of those deltas that are known."""
    known: dict[Key, bytes] = {}
    for first in range(0, len(keys), _CHUNK):
        rows = session.execute(
            select(InboxRow.container_id, InboxRow.start, InboxRow.digest).where(
                InboxRow.node_id == node_id,
                InboxRow.boot_id == boot_id,
                tuple_(InboxRow.container_id, InboxRow.start).in_(keys[first : first + _CHUNK]),
            )
        )
        known |= {Key(container_id, start): digest for container_id, start, digest in rows}
    return known


def add(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store new deltas in the order given."""
    if rows:
        session.execute(insert(InboxRow), rows)


def upsert_node(session: Session, batch: Batch, now_ms: int) -> tuple[NodeRow, float | None]:
    """Return the node of a batch, as its agent now describes it, and the length of windows it had before."""
    row = session.scalar(select(NodeRow).where(NodeRow.name == batch.node))
    before = row.agent["window_s"] if row else None
    if row is None:
        row = NodeRow(name=batch.node, created_at=now_ms, last_end=None, deltas=0, lost={})
        session.add(row)
    elif row.seen_at > now_ms or (row.boot_id == batch.boot_id and row.sent_at > batch.sent_at):
        return row, before  # An older batch came late from the spool; what is known of the agent is newer.
    row.boot_id, row.sent_at, row.seen_at = batch.boot_id, batch.sent_at, now_ms
    row.agent = asdict(batch.agent)
    session.flush()
    return row, before
