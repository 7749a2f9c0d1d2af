"""The tables of signature rules: what is written, what is switched on, what agents report, what matched."""

from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from api.db.tables import NEVER_REUSED, Base, Id


class RuleTextRow(Base):
    """The text of a rule file, stored once however many rule sets hold it."""

    __tablename__ = "rule_texts"

    digest: Mapped[str] = mapped_column(primary_key=True)
    """SHA-256 in hex."""
    text: Mapped[str]


class RuleSetRow(Base):
    """A version of the rules: files in their order. It is never changed."""

    __tablename__ = "rule_sets"
    __table_args__ = NEVER_REUSED

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    digest: Mapped[str]
    files: Mapped[list[Any]]
    """`{"name", "digest"}` of each, in the order in which they are read."""
    rules: Mapped[int]
    shipped: Mapped[bool]
    """Whether it holds the rules of a release of ours and nothing else."""
    created_at: Mapped[int]
    actor: Mapped[str]
    comment: Mapped[str]


class RuleActivationRow(Base):
    """That a rule set was made the active one; the newest row says which is."""

    __tablename__ = "rule_activations"
    __table_args__ = NEVER_REUSED

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    rule_set_id: Mapped[int] = mapped_column(ForeignKey("rule_sets.id"))
    created_at: Mapped[int]
    actor: Mapped[str]
    reason: Mapped[str]


class RuleSelectionRow(Base):
    """That rules of a name or tag are switched on or off in one place; one row for each name and place."""

    __tablename__ = "rule_selections"
    __table_args__ = (UniqueConstraint("by", "pattern", "namespace", "workload"), NEVER_REUSED)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    enable: Mapped[bool]
    by: Mapped[str]
    pattern: Mapped[str]
    namespace: Mapped[str]
    workload: Mapped[int]
    created_at: Mapped[int]
    actor: Mapped[str]
    reason: Mapped[str]


class NodeEngineRow(Base):
    """What the rule engine of a node last said of itself."""

    __tablename__ = "node_engines"

    node_id: Mapped[int] = mapped_column(Id, ForeignKey("nodes.id"), primary_key=True)
    ruleset: Mapped[str]
    error: Mapped[str]
    rules: Mapped[list[Any]]
    """`{"rule", "state", "reasons"}` of each."""
    counters: Mapped[dict[str, Any]]
    sent_at: Mapped[int]
    reported_at: Mapped[int]


class MatchRow(Base):
    """A match, which is a finding of kind `signature`; its payload goes where an alert has enough samples."""

    __tablename__ = "matches"
    __table_args__ = (
        UniqueConstraint("node_id", "boot_id", "sequence"),
        Index(
            "ix_matches_pending",
            "id",
            sqlite_where=text("outcome IS NULL"),
            postgresql_where=text("outcome IS NULL"),
        ),
        Index(
            "ix_matches_waiting",
            "id",
            sqlite_where=text("outcome = 'waiting'"),
            postgresql_where=text("outcome = 'waiting'"),
        ),
        Index(
            "ix_matches_samples",
            "alert_id",
            "id",
            sqlite_where=text("payload IS NOT NULL"),
            postgresql_where=text("payload IS NOT NULL"),
        ),
        Index("ix_matches_workload_id_time_ns", "workload_id", "time_ns"),
        Index("ix_matches_container_id_time_ns", "container_id", "time_ns"),
        Index("ix_matches_received_at", "received_at"),
        Index("ix_matches_raised_at", "raised_at"),
        Index(
            "ix_matches_suppression_id",
            "suppression_id",
            sqlite_where=text("suppression_id IS NOT NULL"),
            postgresql_where=text("suppression_id IS NOT NULL"),
        ),
        NEVER_REUSED,
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    node_id: Mapped[int] = mapped_column(ForeignKey("nodes.id"))
    boot_id: Mapped[str]
    sequence: Mapped[int]
    time_ns: Mapped[int]
    rule: Mapped[str]
    priority: Mapped[str]
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    payload: Mapped[bytes | None]
    traceparent: Mapped[str | None]
    """Of the span in which it came, where its trace is kept."""
    received_at: Mapped[int]
    outcome: Mapped[str | None]
    error: Mapped[str | None]
    workload_id: Mapped[int | None] = mapped_column(ForeignKey("workloads.id"))
    container_id: Mapped[int | None] = mapped_column(ForeignKey("containers.id"))
    alert_id: Mapped[int | None] = mapped_column(ForeignKey("alerts.id"))
    finding_id: Mapped[int | None] = mapped_column(unique=True)
    """Counts the matches that were raised, in the order of commits: one that had to wait comes late."""
    raised_at: Mapped[int | None]
    suppression_id: Mapped[int | None]
    """What kept it from raising an alert."""
