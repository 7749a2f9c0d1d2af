"""Tables of alerts, of the windows that raised them, and of what became of them."""

from typing import Any

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from api.db.tables import NEVER_REUSED, Base, Id


class AlertRow(Base):
    """Findings of one workload that a person handles as one thing."""

    __tablename__ = "alerts"
    __table_args__ = (
        Index("ix_alerts_workload_id_id", "workload_id", "id"),
        Index("ix_alerts_workload_id_rule_id", "workload_id", "rule", "id"),
        Index("ix_alerts_triage_id", "triage", "id"),
        Index("ix_alerts_created_at", "created_at"),
        *(
            Index(f"ix_alerts_{'_'.join(columns)}", *columns)
            for columns in (
                ("status", "id"),
                ("workload_id", "status", "id"),
                ("rule", "id"),
                ("level", "id"),
                ("kind", "id"),
                ("verdict", "id"),
                ("assignee", "id"),
                ("techniques", "id"),
            )
        ),
        Index("ix_alerts_end", "end"),
        Index(
            "ix_alerts_message_trigrams",
            "message",
            postgresql_using="gin",
            postgresql_ops={"message": "gin_trgm_ops"},
            info={"dialect": "postgresql"},
        ).ddl_if(dialect="postgresql"),
        NEVER_REUSED,
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    workload_id: Mapped[int] = mapped_column(ForeignKey("workloads.id"))
    kind: Mapped[str]
    status: Mapped[str]
    """`open` or `closed`, of which `api.standing` says what it means together with `triage`."""
    created_at: Mapped[int]
    updated_at: Mapped[int]
    last_finding_at: Mapped[int | None]
    """Null where a release wrote it that had no such column."""
    start: Mapped[int]
    end: Mapped[int]
    findings: Mapped[int]
    p_value: Mapped[float]
    """1 for an alert of kind `signature`, of which no p-value is known."""
    score: Mapped[float]
    contributions: Mapped[list[Any]]
    rule: Mapped[str | None]
    level: Mapped[str | None]
    first_match_id: Mapped[int | None]
    last_match_id: Mapped[int | None]
    suppression_id: Mapped[int | None]
    """The suppression with which a person marked it as benign."""
    triage: Mapped[str] = mapped_column(server_default="new", default="new")
    verdict: Mapped[str | None]
    """What a person found it to be."""
    assignee: Mapped[str | None]
    revision: Mapped[int] = mapped_column(server_default="1", default=1)
    """Grows with each change that a person makes; the `ETag` of REST."""
    message: Mapped[str | None]
    """One sentence on what was seen first, in which lists are searched."""
    techniques: Mapped[str | None]
    """Ids of ATT&CK techniques, each with a space before and after."""


class AlertNodeRow(Base):
    """A node on which a window or a match of an alert was seen; written by triggers of migration 0023."""

    __tablename__ = "alert_nodes"

    node_id: Mapped[int] = mapped_column(Id, ForeignKey("nodes.id"), primary_key=True)
    alert_id: Mapped[int] = mapped_column(
        Id, ForeignKey("alerts.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class FindingRow(Base):
    """One window that was an anomaly; stored in both modes."""

    __tablename__ = "findings"
    __table_args__ = (
        Index(
            "ix_findings_suppression_id",
            "suppression_id",
            sqlite_where=text("suppression_id IS NOT NULL"),
            postgresql_where=text("suppression_id IS NOT NULL"),
        ),
        NEVER_REUSED,
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    workload_id: Mapped[int] = mapped_column(ForeignKey("workloads.id"), index=True)
    score_id: Mapped[int] = mapped_column(ForeignKey("scores.id"), unique=True)
    alert_id: Mapped[int | None] = mapped_column(ForeignKey("alerts.id"), index=True)
    kind: Mapped[str]
    created_at: Mapped[int]
    suppression_id: Mapped[int | None]
    """What kept it from raising an alert."""
    unseen: Mapped[list[Any] | None]
    """N-grams of the window that were never learned; null where there are more than are kept."""


class AlertChangeRow(Base):
    """One thing that happened to an alert; ids grow in the order of commits (ADR 0015)."""

    __tablename__ = "alert_changes"
    __table_args__ = (
        Index("ix_alert_changes_alert_id_id", "alert_id", "id"),
        Index("ix_alert_changes_created_at", "created_at"),
        Index("ix_alert_changes_change_id", "change", "id"),
        NEVER_REUSED,
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey("alerts.id"))
    change: Mapped[str]
    created_at: Mapped[int]
    actor: Mapped[str | None]
    """Name of the token that made it; null: the service itself."""
    detail: Mapped[dict[str, Any]]
    traceparent: Mapped[str | None]
    """Of the span in which it happened, where its trace is kept."""
