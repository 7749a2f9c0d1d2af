"""Reads nodes."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.db.rule_tables import NodeEngineRow
from api.db.slices import Slice
from api.db.tables import NodeRow


def list_page(session: Session, page: Slice) -> list[NodeRow]:
    """Return one page of nodes in the order in which they first reported."""
    query = select(NodeRow)
    return list(session.scalars(page.of(query, NodeRow.id, NodeRow.created_at)))


def find_engines(session: Session, node_ids: Sequence[int]) -> dict[int, NodeEngineRow]:
    """Return what the rule engines of some nodes last said, by the node's id."""
    rows = session.scalars(select(NodeEngineRow).where(NodeEngineRow.node_id.in_(node_ids)))
    return {row.node_id: row for row in rows}


def count(session: Session) -> int:
    """Return how many nodes are known."""
    return session.scalar(select(func.count()).select_from(NodeRow)) or 0
