"""Decides whether a batch of matches is taken: all of it or nothing, each match once."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from api.errors import InvalidError
from api.matches import repository
from api.parcels import check_room, check_sent_at, choose_fresh, decode
from wire.match import MatchBatch, SignatureMatch, decode_match_batch, encode_match


@dataclass(frozen=True, slots=True)
class MatchParcel:
    """One match on its way in."""

    match: SignatureMatch
    payload: bytes
    digest: bytes

    @property
    def key(self) -> int:
        """Identity within the batch's boot of its node."""
        return self.match.sequence

    @property
    def title(self) -> str:
        """What a sentence about it begins with."""
        return f"The match of sequence {self.key}"


@dataclass(frozen=True, slots=True)
class MatchReceipt:
    """What became of a batch."""

    accepted: int
    duplicates: int


def read(body: bytes, *, latest_ms: int) -> tuple[MatchBatch, list[MatchParcel]]:
    """Check a body without a look into the database.

    Args:
        body: As it came, compressed; its signature was checked.
        latest_ms: Time at which a match may have happened at the latest.

    Raises:
        BadBodyError: It is cut off, not gzip, not JSON, or of an unknown schema version.
        InvalidError: A field says what cannot be.
    """
    batch = decode(decode_match_batch, body)
    check_sent_at(batch.sent_at, latest_ms)
    for index, match in enumerate(batch.matches):
        if match.time > latest_ms * 1_000_000:
            msg = (
                f"matches[{index}].time: expected a time not after {latest_ms} ms; got {match.time} ns."
                " Check the node's clock."
            )
            raise InvalidError(msg)
    return batch, [_pack(match) for match in batch.matches]


def accept(
    session: Session,
    batch: MatchBatch,
    parcels: Sequence[MatchParcel],
    *,
    now_ms: int,
    inbox_limit: int,
    traceparent: str | None = None,
) -> MatchReceipt:
    """Store the matches that are new, and what the engine reports.

    Args:
        session: A transaction that the caller commits.
        batch: As it came.
        parcels: Its matches.
        now_ms: The time.
        inbox_limit: Most that may wait.
        traceparent: Of the span in which they came, where its trace is kept.

    Raises:
        ReplayedError: There are matches, and all are known.
        ConflictError: One is known with another content.
        BacklogError: The worker is too far behind to take more.
    """
    node = repository.find_or_add_node(session, batch.node, batch.boot_id, now_ms)
    if batch.engine:
        repository.write_engine(session, node.id, batch.engine, sent_at=batch.sent_at, now_ms=now_ms)
    known = repository.find_digests(session, node.id, batch.boot_id, [parcel.key for parcel in parcels])
    fresh = choose_fresh(parcels, known, "matches")
    if fresh:
        check_room(repository.count_pending(session), len(fresh), inbox_limit, "matches")
    repository.add(
        session,
        [
            {
                "node_id": node.id,
                "boot_id": batch.boot_id,
                "sequence": parcel.key,
                "time_ns": parcel.match.time,
                "rule": parcel.match.rule,
                "priority": parcel.match.priority.value,
                "digest": parcel.digest,
                "payload": parcel.payload,
                "received_at": now_ms,
                "traceparent": traceparent,
            }
            for parcel in fresh
        ],
    )
    return MatchReceipt(accepted=len(fresh), duplicates=len(parcels) - len(fresh))


def _pack(match: SignatureMatch) -> MatchParcel:
    payload = encode_match(match)
    return MatchParcel(match, payload, hashlib.sha256(payload).digest())
