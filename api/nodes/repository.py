"""Reads nodes."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.db.slices import Slice
from api.db.tables import NodeRow


def list_page(session: Session, page: Slice) -> list[NodeRow]:
    """Return one page of nodes in the order in which they first reported."""
    query = select(NodeRow)
    return list(session.scalars(page.of(query, NodeRow.id, NodeRow.created_at)))


def count(session: Session) -> int:
    """Return how many nodes are known."""
    return session.scalar(select(func.count()).select_from(NodeRow)) or 0
