"""Reads the inbox, and writes what the worker makes of it: many rows in one statement wherever it can."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import delete, insert, or_, select, tuple_, update
from sqlalchemy.orm import Session

from api.db.rule_tables import MatchRow
from api.db.tables import AlertRow, ContainerRow, FindingRow, InboxRow, ScoreRow, WorkloadRow
from api.vocabulary import AlertKind, AlertStatus
from api.workloads.identity import Source, WorkloadKey
from wire.profile import ContainerRef


class Item(NamedTuple):
    """A delta that waits in the inbox."""

    id: int
    node_id: int
    boot_id: str
    container_id: str
    payload: bytes

    @property
    def instance(self) -> tuple[int, str, str]:
        """Identity of the container it is about."""
        return self.node_id, self.boot_id, self.container_id


def has_pending(session: Session) -> bool:
    """Tell whether a delta waits."""
    return session.scalar(select(InboxRow.id).where(InboxRow.processed_at.is_(None)).limit(1)) is not None


def take(session: Session, limit: int) -> list[Item]:
    """Return the deltas that wait, in the order in which they came."""
    rows = session.execute(
        select(InboxRow.id, InboxRow.node_id, InboxRow.boot_id, InboxRow.container_id, InboxRow.payload)
        .where(InboxRow.processed_at.is_(None))
        .order_by(InboxRow.id)
        .limit(limit)
    )
    return [
        Item(row_id, node_id, boot_id, container_id, payload or b"")
        for row_id, node_id, boot_id, container_id, payload in rows
    ]


def settle(session: Session, ids: Sequence[int], *, kept: Collection[int], now_ms: int) -> None:
    """Mark deltas as handled; of those that nobody will ask for again, only identity and digest stay."""
    done = [each for each in ids if each not in kept]
    session.execute(
        update(InboxRow).where(InboxRow.id.in_(done)).values(processed_at=now_ms, payload=None),
        execution_options={"synchronize_session": False},
    )
    session.execute(
        update(InboxRow).where(InboxRow.id.in_(kept)).values(processed_at=now_ms),
        execution_options={"synchronize_session": False},
    )


def set_aside(session: Session, inbox_id: int, *, error: str, now_ms: int) -> None:
    """Keep a delta that cannot be scored, with the reason, and never take it again."""
    session.execute(update(InboxRow).where(InboxRow.id == inbox_id).values(processed_at=now_ms, error=error))


def find_containers(session: Session, items: Sequence[Item]) -> dict[tuple[int, str, str], ContainerRow]:
    """Return the known containers of some deltas."""
    instances = {item.instance for item in items}
    rows = session.scalars(
        select(ContainerRow).where(
            tuple_(ContainerRow.node_id, ContainerRow.boot_id, ContainerRow.container_id).in_(instances)
        )
    )
    return {(row.node_id, row.boot_id, row.container_id): row for row in rows}


def describe_container(row: ContainerRow, ref: ContainerRef) -> None:
    """Write into a row what the runtime says of its container now."""
    row.kind, row.runtime, row.name, row.pod = ref.kind.value, ref.runtime, ref.name, ref.pod
    row.namespace, row.pod_uid, row.image = ref.namespace, ref.pod_uid, ref.image
    row.image_digest, row.cgroup, row.seen_from_start = ref.image_digest, ref.cgroup, ref.seen_from_start
    row.labels = dict(ref.labels)


def find_workloads(session: Session, ids: Collection[int]) -> dict[WorkloadKey, WorkloadRow]:
    """Return workloads by their identity."""
    rows = session.scalars(select(WorkloadRow).where(WorkloadRow.id.in_(ids)))
    return {
        WorkloadKey(
            kind=row.kind,
            cluster=row.cluster,
            namespace=row.namespace,
            name=row.name,
            container=row.container,
        ): row
        for row in rows
    }


def find_workload(session: Session, key: WorkloadKey) -> WorkloadRow | None:
    """Return the workload of this identity."""
    return session.scalar(
        select(WorkloadRow).where(
            WorkloadRow.kind == key.kind,
            WorkloadRow.cluster == key.cluster,
            WorkloadRow.namespace == key.namespace,
            WorkloadRow.name == key.name,
            WorkloadRow.container == key.container,
        )
    )


def add_workload(session: Session, key: WorkloadKey, source: Source, mode: str, now_ms: int) -> WorkloadRow:
    """Store a workload seen for the first time."""
    row = WorkloadRow(
        kind=key.kind,
        cluster=key.cluster,
        namespace=key.namespace,
        name=key.name,
        container=key.container,
        identity_source=source.value,
        mode=mode,
        mode_changed_at=now_ms,
        created_at=now_ms,
        windows=0,
    )
    session.add(row)
    session.flush()
    return row


def add_scores(session: Session, rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Store scores; return their ids in the same order."""
    if not rows:
        return []
    statement = insert(ScoreRow).returning(ScoreRow.id, sort_by_parameter_order=True)
    return list(session.scalars(statement, rows))


def find_quarantined(session: Session, workload_id: int) -> Sequence[tuple[ScoreRow, InboxRow]]:
    """Return the windows of a workload that a return of the same may release, oldest first.

    Windows in which a signature rule matched are not among them.
    """
    rows = session.execute(
        select(ScoreRow, InboxRow)
        .join(InboxRow, InboxRow.id == ScoreRow.inbox_id)
        .where(ScoreRow.workload_id == workload_id, ScoreRow.quarantined, ScoreRow.matches == 0)
        .order_by(ScoreRow.id)
    )
    return [(score, inbox) for score, inbox in rows]


def find_alert_near(
    session: Session, workload_id: int, start: int, end: int, *, gap_ms: int
) -> AlertRow | None:
    """Return the newest anomaly alert of a workload whose windows lie within a gap of this one."""
    return session.scalar(
        select(AlertRow)
        .where(
            AlertRow.workload_id == workload_id,
            AlertRow.kind == AlertKind.ANOMALY.value,
            AlertRow.start <= end + gap_ms,
            AlertRow.end >= start - gap_ms,
        )
        .order_by(AlertRow.id.desc())
        .limit(1)
    )


def find_open_alert(session: Session, workload_id: int) -> AlertRow | None:
    """Return the newest anomaly alert of a workload, unless a person or a later one closed it."""
    return session.scalar(
        select(AlertRow)
        .where(
            AlertRow.workload_id == workload_id,
            AlertRow.kind == AlertKind.ANOMALY.value,
            AlertRow.status == AlertStatus.OPEN.value,
        )
        .order_by(AlertRow.id.desc())
        .limit(1)
    )


def prune(session: Session, before_ms: int, limit: int) -> int:
    """Delete some of what is old and led to no finding; return how many scores, deltas or matches.

    That is scores with the identities of their deltas, and deltas that were never scored: those of sandboxes,
    and those set aside. Of matches, those that no alert keeps as a sample.
    """
    old = select(ScoreRow.inbox_id, ScoreRow.id).where(
        ScoreRow.scored_at < before_ms,
        or_(~ScoreRow.quarantined, ScoreRow.matches > 0),
        ~select(FindingRow.id).where(FindingRow.score_id == ScoreRow.id).exists(),
        ~select(WorkloadRow.id).where(WorkloadRow.last_score_id == ScoreRow.id).exists(),
    )
    rows = session.execute(old.order_by(ScoreRow.scored_at).limit(limit)).all()
    session.execute(delete(ScoreRow).where(ScoreRow.id.in_([score_id for _, score_id in rows])))
    session.execute(delete(InboxRow).where(InboxRow.id.in_([inbox_id for inbox_id, _ in rows])))
    unscored = (
        select(InboxRow.id)
        .where(
            InboxRow.processed_at < before_ms,
            ~select(ScoreRow.id).where(ScoreRow.inbox_id == InboxRow.id).exists(),
        )
        .limit(limit)
    )
    ids = session.scalars(unscored).all()
    session.execute(delete(InboxRow).where(InboxRow.id.in_(ids)))
    unsampled = (
        select(MatchRow.id).where(MatchRow.received_at < before_ms, MatchRow.payload.is_(None)).limit(limit)
    )
    matches = session.scalars(unsampled).all()
    session.execute(delete(MatchRow).where(MatchRow.id.in_(matches)))
    return max(len(rows), len(ids), len(matches))
