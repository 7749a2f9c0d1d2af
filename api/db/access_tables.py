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
    expires_at: Mapped[int | None]
    last_used_at: Mapped[int | None]
    """To about a minute."""
    namespaces: Mapped[list[Any] | None]
    workloads: Mapped[list[Any] | None]
    """Ids of workloads; null as `namespaces`: none is named."""
    node: Mapped[str | None]
    """Name of the only node that it may send for."""
    previous_digest: Mapped[bytes | None] = mapped_column(LargeBinary(32), index=True)
    """Of the secret that it had before it was rotated, good until `previous_until`."""
    previous_until: Mapped[int | None]


class AuditRow(Base):
    """Who changed what, and why. Triggers refuse every change of a row, and its end."""

    __tablename__ = "audit"
    __table_args__ = (
        Index("ix_audit_target_action", "target", "action"),
        Index("ix_audit_actor_id", "actor", "id"),
        NEVER_REUSED,
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    created_at: Mapped[int]
    actor: Mapped[str]
    action: Mapped[str]
    target: Mapped[str]
    detail: Mapped[dict[str, Any]]
