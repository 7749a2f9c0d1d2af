"""Reads the audit log."""

from collections.abc import Sequence

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from api.db.access_tables import AuditRow
from api.db.slices import Slice


def list_page(
    session: Session, page: Slice, *, actor: str | None, action: str | None, target: str | None
) -> Sequence[AuditRow]:
    """Return one page of entries, oldest first; an action without a dot stands for all of its kind."""
    query = select(AuditRow)
    if actor is not None:
        query = query.where(AuditRow.actor == actor)
    if action is not None:
        below = AuditRow.action.startswith(f"{action}.", autoescape=True)
        query = query.where(or_(AuditRow.action == action, below))
    if target is not None:
        query = query.where(AuditRow.target == target)
    return session.scalars(page.of(query, AuditRow.id, AuditRow.created_at)).all()
