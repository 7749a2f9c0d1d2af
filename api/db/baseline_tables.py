"""The tables of versions of baselines, and of the keys whose bundles are trusted."""

from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from api.db.tables import NEVER_REUSED, Base, Id


class BaselineVersionRow(Base):
    """A version of a workload's baseline. What the live one has learned is in `baselines`, not here."""

    __tablename__ = "baseline_versions"
    __table_args__ = (
        UniqueConstraint("workload_id", "number"),
        Index("ix_baseline_versions_state_id", "state", "id"),
        Index(
            "ix_baseline_versions_state_workload_id_changed_at",
            "state",
            "workload_id",
            "changed_at",
            "number",
        ),
        NEVER_REUSED,
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    workload_id: Mapped[int] = mapped_column(ForeignKey("workloads.id"))
    number: Mapped[int]
    """Counts the versions of one workload, from 1."""
    state: Mapped[str]
    origin: Mapped[str]
    parent_id: Mapped[int | None]
    """The version that it began as a copy of."""
    created_at: Mapped[int]
    changed_at: Mapped[int]
    """When it came into its state."""
    windows_learned: Mapped[int]
    completeness: Mapped[str | None]
    # Lists never read what follows.
    provenance: Mapped[dict[str, Any] | None] = mapped_column(deferred=True)
    manifest: Mapped[dict[str, Any] | None] = mapped_column(deferred=True)
    """Of an imported one: `sha256` of the bundle's manifest, `signed_by`, and the manifest as `told`."""
    taught_by: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    snapshot: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    """Null while it is live, and once it is retired."""


class TrustedKeyRow(Base):
    """A public key whose bundles may be imported."""

    __tablename__ = "trusted_keys"
    __table_args__ = NEVER_REUSED

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    created_at: Mapped[int]
    expires_at: Mapped[int | None]
    revoked_at: Mapped[int | None]
