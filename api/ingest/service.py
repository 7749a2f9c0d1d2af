"""Decides whether a batch is taken: all of it or nothing."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from sqlalchemy.orm import Session

from api.errors import InvalidError
from api.ingest import repository
from api.ingest.repository import Key
from api.parcels import check_room, check_sent_at, choose_fresh, decode
from api.settings import ServiceSettings
from wire.codec import decode_batch, encode_delta
from wire.errors import UnknownSyscallTableError
from wire.profile import Batch, ProfileDelta
from wire.syscalls import load_table

_log = structlog.get_logger()
MAX_WINDOW_MS: Final = 3_600_000
"""Longest window that is believed."""
MAX_CALLS: Final = 1 << 44
"""Most calls of one delta: a thousand processors make fewer in an hour, and sums of them stay below 2**62."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """One delta on its way into the inbox."""

    delta: ProfileDelta
    payload: bytes
    digest: bytes

    @property
    def key(self) -> Key:
        """Identity within the batch's boot of its node."""
        return Key(self.delta.container.id, self.delta.start)

    @property
    def title(self) -> str:
        """What a sentence about it begins with."""
        return f"A delta of container {self.delta.container.id} starting at {self.delta.start}"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a batch."""

    accepted: int
    duplicates: int
    ngrams: int


def read(body: bytes, *, latest_ms: int) -> tuple[Batch, list[Parcel]]:
    """Check a body without a look into the database.

    Args:
        body: As it came, compressed; its signature was checked.
        latest_ms: Time at which a window may end at the latest.

    Raises:
        BadBodyError: It is cut off, not gzip, not JSON, or of an unknown schema version.
        InvalidError: A field says what cannot be.
    """
    batch = decode(decode_batch, body)
    _check_batch(batch, latest_ms)
    return batch, [pack(delta) for delta in batch.deltas]


def accept(
    session: Session,
    batch: Batch,
    parcels: Sequence[Parcel],
    *,
    now_ms: int,
    settings: ServiceSettings,
    traceparent: str | None = None,
) -> Receipt:
    """Store the deltas that are new; a batch without any is a heartbeat.

    Args:
        session: A transaction that the caller commits.
        batch: As it came.
        parcels: Its deltas.
        now_ms: The time.
        settings: The service's.
        traceparent: Of the span in which they came, where its trace is kept.

    Raises:
        ReplayedError: All are known.
        ConflictError: One is known with another content.
        BacklogError: The worker is too far behind to take more.
    """
    node, window_s = repository.upsert_node(session, batch, now_ms)
    if batch.agent.window_s not in {settings.window_s, window_s}:
        _log.warning(
            "window_length_differs",
            node=batch.node,
            agent_s=batch.agent.window_s,
            service_s=settings.window_s,
        )
    known = repository.find_digests(session, node.id, batch.boot_id, [parcel.key for parcel in parcels])
    fresh = choose_fresh(parcels, known, "deltas")
    if fresh:
        check_room(repository.count_pending(session), len(fresh), settings.inbox_limit, "deltas")
    repository.add(
        session,
        [
            {
                "node_id": node.id,
                "boot_id": batch.boot_id,
                "container_id": parcel.key.container_id,
                "start": parcel.key.start,
                "digest": parcel.digest,
                "payload": parcel.payload,
                "received_at": now_ms,
                "traceparent": traceparent,
            }
            for parcel in fresh
        ],
    )
    if fresh:
        lost = Counter(node.lost)
        for parcel in fresh:
            lost.update({cause.value: count for cause, count in parcel.delta.lost.items()})
        node.lost = dict(lost)
        node.deltas += len(fresh)
        node.last_end = max(node.last_end or 0, *(parcel.delta.end for parcel in fresh))
    return Receipt(
        accepted=len(fresh),
        duplicates=len(parcels) - len(fresh),
        ngrams=sum(len(parcel.delta.ngrams) for parcel in fresh),
    )


def pack(delta: ProfileDelta) -> Parcel:
    """Return a delta as the inbox takes it."""
    payload = encode_delta(delta)
    return Parcel(delta, payload, hashlib.sha256(payload).digest())


def _check_batch(batch: Batch, latest_ms: int) -> None:
    check_sent_at(batch.sent_at, latest_ms)
    if not batch.agent.window_s > 0:
        msg = f"agent.window_s: expected a number above 0; got {batch.agent.window_s}."
        raise InvalidError(msg)
    if batch.agent.started_at > latest_ms:
        msg = f"agent.started_at: expected milliseconds not after {latest_ms}; got {batch.agent.started_at}."
        raise InvalidError(msg)
    for index, delta in enumerate(batch.deltas):
        if delta.calls > MAX_CALLS:
            msg = f"deltas[{index}].counts: expected at most {MAX_CALLS} calls in all; got {delta.calls}."
            raise InvalidError(msg)
        if delta.end > latest_ms:
            msg = (
                f"deltas[{index}].end: expected a time not after {latest_ms}; "
                f"got {delta.end}. Check the node's clock."
            )
            raise InvalidError(msg)
        if delta.end - delta.start > MAX_WINDOW_MS:
            msg = (
                f"deltas[{index}]: expected a window of at most {MAX_WINDOW_MS} ms; "
                f"got {delta.end - delta.start} ms."
            )
            raise InvalidError(msg)
        try:
            load_table(delta.arch)
        except UnknownSyscallTableError as error:
            msg = f"deltas[{index}].arch: {error}"
            raise InvalidError(msg) from error
