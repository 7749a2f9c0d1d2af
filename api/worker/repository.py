"""Reads the inbox, and writes what the worker makes of it: many rows in one statement wherever it can."""

import hashlib
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

from sqlalchemy import insert, select, tuple_, update
from sqlalchemy.orm import Session

from api import standing
from api.db.alert_tables import AlertRow
from api.db.tables import (
    ContainerRow,
    DriftRow,
    InboxRow,
    NodeRow,
    ScoreRow,
    WorkloadAliasRow,
    WorkloadRow,
)
from api.vocabulary import AlertKind
from api.worker import returning
from api.workloads.identity import Source, WorkloadKey
from wire.profile import ContainerRef


class Item(NamedTuple):
    """A delta that waits in the inbox."""

    id: int
    node_id: int
    boot_id: str
    container_id: str
    payload: bytes
    traceparent: str | None = None
    """Of the span in which it came, where its trace is kept."""

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
        select(
            InboxRow.id,
            InboxRow.node_id,
            InboxRow.boot_id,
            InboxRow.container_id,
            InboxRow.payload,
            InboxRow.traceparent,
        )
        .where(InboxRow.processed_at.is_(None))
        .order_by(InboxRow.id)
        .limit(limit)
    )
    return [
        Item(row_id, node_id, boot_id, container_id, payload or b"", traceparent)
        for row_id, node_id, boot_id, container_id, payload, traceparent in rows
    ]


def settle(session: Session, ids: Sequence[int], *, kept: Mapping[int, bytes], now_ms: int) -> None:
    """Mark deltas as handled; of those that nobody will ask for again, only identity and digest stay.

    Args:
        session: A write transaction.
        ids: Of the deltas.
        kept: Payloads of those that may be asked for, as `pack` made them.
        now_ms: Now.
    """
    done = [each for each in ids if each not in kept]
    session.execute(
        update(InboxRow).where(InboxRow.id.in_(done)).values(processed_at=now_ms, payload=None),
        execution_options={"synchronize_session": False},
    )
    if kept:
        session.execute(
            update(InboxRow),
            [{"id": each, "processed_at": now_ms, "payload": packed} for each, packed in kept.items()],
        )


def pack(payload: bytes) -> bytes:
    """Return the payload of a handled delta as it is kept: half the bytes."""
    return zlib.compress(payload, level=1)


def unpack(payload: bytes) -> bytes:
    """Return what was kept, by this release or by one that kept it as it came."""
    return payload if payload.startswith(b"{") else zlib.decompress(payload)


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


def find_nodes(session: Session, items: Sequence[Item]) -> Sequence[NodeRow]:
    """Return the nodes of some deltas."""
    return session.scalars(select(NodeRow).where(NodeRow.id.in_({item.node_id for item in items}))).all()


def describe_container(row: ContainerRow, ref: ContainerRef) -> None:
    """Write into a row what the runtime says of its container now."""
    row.kind, row.runtime, row.name, row.pod = ref.kind.value, ref.runtime, ref.name, ref.pod
    row.namespace, row.pod_uid, row.image = ref.namespace, ref.pod_uid, ref.image
    row.image_digest, row.cgroup, row.seen_from_start = ref.image_digest, ref.cgroup, ref.seen_from_start
    row.labels = dict(ref.labels)


def find_workloads(session: Session, ids: Collection[int]) -> dict[WorkloadKey, WorkloadRow]:
    """Return workloads by their identity."""
    rows = session.scalars(select(WorkloadRow).where(WorkloadRow.id.in_(ids)))
    return {key_of(row): row for row in rows}


def find_workload(session: Session, key: WorkloadKey) -> WorkloadRow | None:
    """Return the workload of this identity."""
    return session.scalar(select(WorkloadRow).filter_by(**asdict(key)))


def find_alias(session: Session, key: WorkloadKey) -> WorkloadAliasRow | None:
    """Return the alias of this identity, of one workload or of several."""
    return session.scalar(select(WorkloadAliasRow).filter_by(**asdict(key)))


def key_of(row: WorkloadRow | WorkloadAliasRow) -> WorkloadKey:
    """Return the identity that a row holds."""
    return WorkloadKey(
        kind=row.kind, cluster=row.cluster, namespace=row.namespace, name=row.name, container=row.container
    )


def add_workload(session: Session, key: WorkloadKey, source: Source, mode: str, now_ms: int) -> WorkloadRow:
    """Store a workload seen for the first time."""
    row = WorkloadRow(
        **asdict(key),
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


def identify_replica(row: ContainerRow) -> int:
    """Return which of its workload's replicas a container is; one that restarts in its pod stays the same."""
    known = row.pod_uid and f"pod/{row.pod_uid}/{row.name}"
    name = known or f"{row.node_id}/{row.boot_id}/{row.container_id}"
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little", signed=True)


class Held(NamedTuple):
    """A window that was scored, with what can be learned or unlearned of it."""

    score: ScoreRow
    inbox: InboxRow
    container: ContainerRow


class Waiting(NamedTuple):
    """A quarantined window, reduced to what is read at once of many."""

    score_id: int
    start: int
    p_value: float | None
    resolution: float
    phase: str | None
    """Null where an earlier release scored it."""
    container: ContainerRow


def find_waiting(session: Session, workload_id: int, version_id: int | None = None) -> list[Waiting]:
    """Return the newest windows of a workload that a return of the same may release, oldest first.

    Windows in which a signature rule matched are not among them.

    Args:
        session: A transaction.
        workload_id: Of the workload.
        version_id: Windows held out of this version; None: of the live one.
    """
    rows = session.execute(
        select(
            ScoreRow.id, ScoreRow.start, ScoreRow.p_value, ScoreRow.resolution, ScoreRow.phase, ContainerRow
        )
        .join(ContainerRow, ContainerRow.id == ScoreRow.container_id)
        .where(
            ScoreRow.workload_id == workload_id,
            ScoreRow.version_id.is_not_distinct_from(version_id),
            ScoreRow.quarantined,
            ScoreRow.matches == 0,
        )
        .order_by(ScoreRow.id.desc())
        .limit(returning.MOST_HELD)
    ).all()
    return [Waiting(*row) for row in reversed(rows)]


def find_held(session: Session, score_ids: Collection[int]) -> list[Held]:
    """Return scored windows by id, with what can be learned of them, oldest first."""
    rows = session.execute(
        select(ScoreRow, InboxRow, ContainerRow)
        .join(InboxRow, InboxRow.id == ScoreRow.inbox_id)
        .join(ContainerRow, ContainerRow.id == ScoreRow.container_id)
        .where(ScoreRow.id.in_(score_ids))
        .order_by(ScoreRow.id)
    )
    return [Held(*row) for row in rows]


def find_quarantined(session: Session, workload_id: int, since_ms: int, until_ms: int) -> list[Held]:
    """Return the quarantined windows of a workload that began within a time, oldest first.

    Windows in which a signature rule matched are not among them.
    """
    return find_held(
        session,
        session.scalars(
            select(ScoreRow.id).where(
                ScoreRow.workload_id == workload_id,
                ScoreRow.version_id.is_(None),
                ScoreRow.quarantined,
                ScoreRow.matches == 0,
                ScoreRow.start >= since_ms,
                ScoreRow.start < until_ms,
            )
        ).all(),
    )


def find_learned(
    session: Session, workload_id: int, since_ms: int, until_ms: int, container: str | None
) -> list[Held]:
    """Return the learned windows of a workload that began within a time, oldest first."""
    query = (
        select(ScoreRow, InboxRow, ContainerRow)
        .join(InboxRow, InboxRow.id == ScoreRow.inbox_id)
        .join(ContainerRow, ContainerRow.id == ScoreRow.container_id)
        .where(
            ScoreRow.workload_id == workload_id,
            ScoreRow.learned,
            ScoreRow.start >= since_ms,
            ScoreRow.start < until_ms,
        )
    )
    if container is not None:
        query = query.where(ContainerRow.container_id == container)
    return [Held(*row) for row in session.execute(query.order_by(ScoreRow.id))]


def find_open_drifts(session: Session, workloads: Collection[int]) -> dict[int, DriftRow]:
    """Return the drift of each of some workloads that has not ended."""
    rows = session.scalars(
        select(DriftRow).where(DriftRow.workload_id.in_(workloads), DriftRow.ended.is_(None))
    )
    return {row.workload_id: row for row in rows}


def find_reporting(session: Session, workload_id: int, earliest: int) -> Sequence[ContainerRow]:
    """Return the containers of a workload with a window that ended after a time."""
    return session.scalars(
        select(ContainerRow).where(ContainerRow.workload_id == workload_id, ContainerRow.last_end > earliest)
    ).all()


def find_p_values(session: Session, workload_id: int, most: int) -> list[tuple[int, int, float]]:
    """Return start, container and p-value of the newest ranked windows, oldest first."""
    rows = session.execute(
        select(ScoreRow.start, ScoreRow.container_id, ScoreRow.p_value)
        .where(ScoreRow.workload_id == workload_id, ScoreRow.p_value.is_not(None))
        .order_by(ScoreRow.id.desc())
        .limit(most)
    ).all()
    return [
        (start, container, p_value) for start, container, p_value in reversed(rows) if p_value is not None
    ]


def find_alert_near(
    session: Session, workload_id: int, start: int, end: int, *, gap_ms: int
) -> AlertRow | None:
    """Return the newest anomaly alert of a workload whose windows lie within a gap of this one."""
    return session.scalar(
        select(AlertRow)
        .where(
            AlertRow.workload_id == workload_id,
            AlertRow.kind == AlertKind.ANOMALY.value,
            # What a person has closed stays as it was judged; what follows is a new alert.
            standing.UNCLOSED,
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
            AlertRow.status == standing.OPEN,
        )
        .order_by(AlertRow.id.desc())
        .limit(1)
    )
