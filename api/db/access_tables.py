"""Tables of who may do what, and of who did what."""

from typing import Any

from sqlalchemy import Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from api.db.tables import NEVER_REUSED, Base, Id


class TokenRow(Base):
    """A bearer token, known only by its SHA-256."""

    __tablename__ = "tokens"
    __table_args__ = NEVER_REUSED

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    role: Mapped[str]
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    created_at: Mapped[int]
    revoked_at: Mapped[int | None]


class AuditRow(Base):
    """Who changed what, and why."""

    __tablename__ = "audit"
    __table_args__ = (Index("ix_audit_target_action", "target", "action"), NEVER_REUSED)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    created_at: Mapped[int]
    actor: Mapped[str]
    action: Mapped[str]
    target: Mapped[str]
    detail: Mapped[dict[str, Any]]
