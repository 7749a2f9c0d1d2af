"""Every table. Instants are Unix milliseconds in UTC; ids grow in the order of commits (ADR 0015)."""

from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMING: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

# SQLite counts up by itself only in a column declared INTEGER.
Id = BigInteger().with_variant(Integer(), "sqlite")
# Without AUTOINCREMENT, SQLite gives the id of a deleted last row to the next one.
NEVER_REUSED: Final = {"sqlite_autoincrement": True}


class Base(DeclarativeBase):
    """Base of all rows."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {int: BigInteger(), dict[str, Any]: JSON(), list[Any]: JSON()}  # noqa: RUF012 - read by SQLAlchemy


class NodeRow(Base):
    """A machine whose agent reports here."""

    __tablename__ = "nodes"
    __table_args__ = NEVER_REUSED

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    boot_id: Mapped[str]
    agent: Mapped[dict[str, Any]]
    sent_at: Mapped[int]
    created_at: Mapped[int]
    seen_at: Mapped[int]
    last_end: Mapped[int | None]
    deltas: Mapped[int]
    lost: Mapped[dict[str, Any]]


class WorkloadRow(Base):
    """What survives a redeploy: the thing that is learned."""

    __tablename__ = "workloads"
    __table_args__ = (
        UniqueConstraint("kind", "cluster", "namespace", "name", "container"),
        NEVER_REUSED,
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    kind: Mapped[str]
    cluster: Mapped[str]
    namespace: Mapped[str]
    name: Mapped[str]
    container: Mapped[str]
    identity_source: Mapped[str]
    mode: Mapped[str]
    mode_changed_at: Mapped[int]
    created_at: Mapped[int]
    windows: Mapped[int]
    last_score_id: Mapped[int | None]
    budget_per_week: Mapped[float | None]
    owner_kind: Mapped[str | None]
    """Of the controller that keeps its pods, as the Kubernetes API said."""
    owner_name: Mapped[str | None]
    role: Mapped[str | None]
    """What its container is for in the pod, as the API said."""
    adopted: Mapped[bool] = mapped_column(server_default=false(), default=False)
    """Whether it goes on under another key than that of its row, which is an alias."""


class WorkloadAliasRow(Base):
    """Another key of a workload; of none where several would have it."""

    __tablename__ = "workload_aliases"
    __table_args__ = (
        UniqueConstraint("kind", "cluster", "namespace", "name", "container"),
        NEVER_REUSED,
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    kind: Mapped[str]
    cluster: Mapped[str]
    namespace: Mapped[str]
    name: Mapped[str]
    container: Mapped[str]
    workload_id: Mapped[int | None] = mapped_column(ForeignKey("workloads.id"), index=True)
    created_at: Mapped[int]


class ContainerRow(Base):
    """One running instance, as its runtime last described it."""

    __tablename__ = "containers"
    __table_args__ = (UniqueConstraint("node_id", "boot_id", "container_id"), NEVER_REUSED)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    node_id: Mapped[int] = mapped_column(ForeignKey("nodes.id"))
    boot_id: Mapped[str]
    container_id: Mapped[str]
    workload_id: Mapped[int | None] = mapped_column(ForeignKey("workloads.id"), index=True)
    kind: Mapped[str]
    runtime: Mapped[str]
    name: Mapped[str]
    pod: Mapped[str]
    namespace: Mapped[str]
    pod_uid: Mapped[str]
    image: Mapped[str]
    image_digest: Mapped[str]
    labels: Mapped[dict[str, Any]]
    cgroup: Mapped[str]
    seen_from_start: Mapped[bool]
    first_start: Mapped[int]
    last_end: Mapped[int]
    bets: Mapped[list[Any] | None]
    """Evidence that this replica drifts (`model.drift`)."""


class InboxRow(Base):
    """A delta as it came, until nobody may ask for it again; after that only its identity and digest."""

    __tablename__ = "inbox"
    __table_args__ = (
        UniqueConstraint("node_id", "boot_id", "container_id", "start"),
        Index(
            "ix_inbox_pending",
            "id",
            sqlite_where=text("processed_at IS NULL"),
            postgresql_where=text("processed_at IS NULL"),
        ),
        Index(
            "ix_inbox_kept",
            "processed_at",
            sqlite_where=text("payload IS NOT NULL AND processed_at IS NOT NULL"),
            postgresql_where=text("payload IS NOT NULL AND processed_at IS NOT NULL"),
        ),
        NEVER_REUSED,
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    node_id: Mapped[int] = mapped_column(ForeignKey("nodes.id"))
    boot_id: Mapped[str]
    container_id: Mapped[str]
    start: Mapped[int]
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    payload: Mapped[bytes | None]
    received_at: Mapped[int]
    processed_at: Mapped[int | None]
    error: Mapped[str | None]
    traceparent: Mapped[str | None]
    """Of the span in which it came, where its trace is kept."""


class ScoreRow(Base):
    """How unusual one container's window was, and whether the baseline learned it."""

    __tablename__ = "scores"
    __table_args__ = (
        Index("ix_scores_workload_id_id", "workload_id", "id"),
        Index("ix_scores_scored_at", "scored_at"),
        Index("ix_scores_container_id_start", "container_id", "start"),
        *(
            Index(
                f"ix_scores_anomalous_{name}",
                *columns,
                sqlite_where=text("verdict = 'anomalous'"),
                postgresql_where=text("verdict = 'anomalous'"),
            )
            for name, columns in (("id", ("id",)), ("workload_id_id", ("workload_id", "id")))
        ),
        Index(
            "ix_scores_quarantined",
            "workload_id",
            sqlite_where=text("quarantined"),
            postgresql_where=text("quarantined"),
        ),
        NEVER_REUSED,
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    inbox_id: Mapped[int] = mapped_column(ForeignKey("inbox.id"), unique=True)
    workload_id: Mapped[int] = mapped_column(ForeignKey("workloads.id"))
    container_id: Mapped[int] = mapped_column(ForeignKey("containers.id"))
    start: Mapped[int]
    end: Mapped[int]
    scored_at: Mapped[int]
    mode: Mapped[str]
    verdict: Mapped[str]
    score: Mapped[float]
    p_value: Mapped[float | None]
    alpha: Mapped[float]
    windows_per_week: Mapped[float | None]
    """Planned windows of its workload when it was scored: a budget divided by them is a threshold."""
    resolution: Mapped[float]
    extrapolated: Mapped[bool]
    novelty: Mapped[float]
    calls: Mapped[int]
    lost: Mapped[dict[str, Any]]
    marks: Mapped[list[Any]]
    evidence: Mapped[list[Any]]
    learned: Mapped[bool]
    learned_score: Mapped[float | None]
    """Bits that the baseline remembered with it; set without `learned` where the window was unlearned."""
    learning_changed_at: Mapped[int | None]
    """When it was last learned or unlearned; null: never after it was scored."""
    quarantined: Mapped[bool]
    not_learned: Mapped[str | None]
    not_unlearned: Mapped[str | None]
    """Why it is still learned although a rule matched in it."""
    contributions: Mapped[list[Any]]
    rest: Mapped[float]
    matches: Mapped[int] = mapped_column(server_default="0", default=0)
    """Matches of signature rules in this window, as far as they are known."""
    phase: Mapped[str | None]
    view: Mapped[str | None]
    views: Mapped[list[Any] | None]
    version_id: Mapped[int | None]
    """The version it was scored against and learned by, where its image has another than the live one."""


class BaselineRow(Base):
    """What a workload's normal behaviour was learned to be, as a versioned snapshot."""

    __tablename__ = "baselines"
    __table_args__ = (Index("ix_baselines_version_id", "version_id"),)

    workload_id: Mapped[int] = mapped_column(Id, ForeignKey("workloads.id"), primary_key=True)
    snapshot: Mapped[bytes]
    windows_learned: Mapped[int]
    ready: Mapped[bool]
    updated_at: Mapped[int]
    taught_by: Mapped[bytes | None] = mapped_column(LargeBinary)
    """N-grams that a single replica taught so far (`model.teachers`)."""
    completeness: Mapped[str | None]
    """Verdict of `model.unseen` when the snapshot was written."""
    version_id: Mapped[int | None]
    """The live version, whose content this row is (`api.lifecycle`); null of a release without versions."""
    provenance: Mapped[dict[str, Any] | None]
    """Which windows it was learned from (`api.lifecycle.provenance`)."""


class LedgerRow(Base):
    """What the worker keeps count of for each workload, to set its threshold and to see drift."""

    __tablename__ = "ledgers"

    workload_id: Mapped[int] = mapped_column(Id, ForeignKey("workloads.id"), primary_key=True)
    newest_start: Mapped[int]
    newest_windows: Mapped[int]
    slots: Mapped[int]
    replicas: Mapped[float]
    anomaly_end: Mapped[int | None]
    drift_evidence: Mapped[float]
    drift_began: Mapped[int | None]
    drift_since: Mapped[int | None]
    bets: Mapped[list[Any] | None]
    """What `drift_*` is the sum of (`model.drift`)."""
    window_ms: Mapped[int | None]
    """Length of the newest window."""


class DriftRow(Base):
    """A time in which a workload was stranger than remembered, and of which kind that was."""

    __tablename__ = "drifts"
    __table_args__ = (
        Index("ix_drifts_workload_id_id", "workload_id", "id"),
        Index(
            "ix_drifts_open",
            "workload_id",
            sqlite_where=text("ended IS NULL"),
            postgresql_where=text("ended IS NULL"),
        ),
        NEVER_REUSED,
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    workload_id: Mapped[int] = mapped_column(ForeignKey("workloads.id"))
    kind: Mapped[str]
    created_at: Mapped[int]
    updated_at: Mapped[int]
    began: Mapped[int]
    reported: Mapped[int]
    ended: Mapped[int | None]
    evidence: Mapped[float]
    """Highest so far, of the workload or of one replica."""
    needed: Mapped[float]
    reporting: Mapped[int]
    """Replicas that sent windows when the kind was last judged."""
    replicas: Mapped[list[Any]]
    """Ids of the containers concerned."""


class WeekRow(Base):
    """What a workload's p-values and alerts were in one week; sums, kept for good."""

    __tablename__ = "weeks"

    workload_id: Mapped[int] = mapped_column(Id, ForeignKey("workloads.id"), primary_key=True)
    start: Mapped[int] = mapped_column(primary_key=True)
    ranked: Mapped[int]
    at_5_percent: Mapped[int]
    at_1_percent: Mapped[int]
    at_1_permille: Mapped[int]
    alerts: Mapped[int]
    exposure: Mapped[float]
