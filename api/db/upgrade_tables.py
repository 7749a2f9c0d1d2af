"""The table of workloads' changes to new images."""

from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from api.db.tables import NEVER_REUSED, Base, Id


class UpgradeRow(Base):
    """A workload's change to an image that its live baseline does not know."""

    __tablename__ = "upgrades"
    __table_args__ = (
        Index("ix_upgrades_workload_id_digest", "workload_id", "digest"),
        Index(
            "ix_upgrades_open",
            "id",
            sqlite_where=text("closed_at IS NULL"),
            postgresql_where=text("closed_at IS NULL"),
        ),
        NEVER_REUSED,
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    workload_id: Mapped[int] = mapped_column(ForeignKey("workloads.id"))
    image: Mapped[str]
    digest: Mapped[str]
    predecessor_id: Mapped[int] = mapped_column(ForeignKey("baseline_versions.id"))
    version_id: Mapped[int] = mapped_column(ForeignKey("baseline_versions.id"))
    """The version that the new image learns and is judged by."""
    state: Mapped[str]
    opened_at: Mapped[int]
    windows: Mapped[int]
    """Of the image, scored while it settled."""
    quiet: Mapped[int]
    """The newest of them among which none was held out."""
    newest_start: Mapped[int]
    settled_at: Mapped[int | None]
    closed_at: Mapped[int | None]
    closed_by: Mapped[str | None]
    reason: Mapped[str | None]
    difference: Mapped[dict[str, Any] | None] = mapped_column(deferred=True)
    """What the image did otherwise, as it was when the change was closed."""
    inherited: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    """What its version began with, as a snapshot, until the change is closed."""
