"""The table of suppressions."""

from typing import Any

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from api.db.tables import NEVER_REUSED, Base, Id


class SuppressionRow(Base):
    """A statement that findings raise no alert until it expires; it is ended, never deleted."""

    __tablename__ = "suppressions"
    __table_args__ = (
        Index(
            "ix_suppressions_active",
            "expires_at",
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        NEVER_REUSED,
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    by: Mapped[str]
    workload_id: Mapped[int | None] = mapped_column(ForeignKey("workloads.id"), index=True)
    rule: Mapped[str | None]
    ngrams: Mapped[list[Any]]
    tokens: Mapped[list[Any]]
    arch: Mapped[str]
    """Names the table by which n-grams and tokens are calls."""
    alert_id: Mapped[int | None] = mapped_column(ForeignKey("alerts.id"))
    reason: Mapped[str]
    owner: Mapped[str]
    actor: Mapped[str]
    created_at: Mapped[int]
    expires_at: Mapped[int]
    ended_at: Mapped[int | None]
    suppressed: Mapped[int] = mapped_column(server_default="0", default=0)
    last_at: Mapped[int | None]
