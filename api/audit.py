"""The record of who changed what, written in the transaction of the change."""

from typing import Any

from sqlalchemy.orm import Session

from api.db.access_tables import AuditRow


def record(
    session: Session, *, now_ms: int, actor: str, action: str, target: str, detail: dict[str, Any]
) -> None:
    """Add one entry."""
    session.add(AuditRow(created_at=now_ms, actor=actor, action=action, target=target, detail=detail))
