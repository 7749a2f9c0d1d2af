"""Decides whether a batch of matches is taken: all of it or nothing, each match once."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from api.errors import BacklogError, BadBodyError, ConflictError, InvalidError, ReplayedError
from api.matches import repository
from wire.errors import FieldError, MalformedError
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
    try:
        batch = decode_match_batch(body)
    except FieldError as error:
        raise InvalidError(str(error)) from error
    except MalformedError as error:
        raise BadBodyError(str(error)) from error
    if batch.sent_at > latest_ms:
        msg = f"sent_at: expected a time not after {latest_ms}; got {batch.sent_at}. Check the node's clock."
        raise InvalidError(msg)
    for index, match in enumerate(batch.matches):
        if match.time > latest_ms * 1_000_000:
            msg = (
                f"matches[{index}].time: expected a time not after {latest_ms} ms; got {match.time} ns."
                " Check the node's clock."
            )
            raise InvalidError(msg)
    return batch, [_pack(match) for match in batch.matches]


def accept(
    session: Session, batch: MatchBatch, parcels: Sequence[MatchParcel], *, now_ms: int, inbox_limit: int
) -> MatchReceipt:
    """Store the matches that are new, and what the engine reports.

    Raises:
        ReplayedError: There are matches, and all are known.
        ConflictError: One is known with another content.
        BacklogError: The worker is too far behind to take more.
    """
    node = repository.find_or_add_node(session, batch.node, batch.boot_id, now_ms)
    if batch.engine:
        repository.write_engine(session, node.id, batch.engine, sent_at=batch.sent_at, now_ms=now_ms)
    known = repository.find_digests(session, node.id, batch.boot_id, [parcel.key for parcel in parcels])
    fresh: dict[int, MatchParcel] = {}
    for parcel in parcels:
        earlier = known.get(parcel.key) or (fresh[parcel.key].digest if parcel.key in fresh else None)
        if earlier is None:
            fresh[parcel.key] = parcel
        elif earlier != parcel.digest:
            msg = (
                f"The match of sequence {parcel.key} is known with another content; the known one stays "
                "and nothing of this batch was stored."
            )
            raise ConflictError(msg)
    if parcels and not fresh:
        msg = f"All {len(parcels)} matches of this batch were stored before."
        raise ReplayedError(msg)
    if fresh and (pending := repository.count_pending(session)) + len(fresh) > max(inbox_limit, len(fresh)):
        msg = (
            f"{pending} matches wait for the worker, of at most {inbox_limit}; keep this batch and try again."
        )
        raise BacklogError(msg)
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
            }
            for parcel in fresh.values()
        ],
    )
    return MatchReceipt(accepted=len(fresh), duplicates=len(parcels) - len(fresh))


def _pack(match: SignatureMatch) -> MatchParcel:
    payload = encode_match(match)
    return MatchParcel(match, payload, hashlib.sha256(payload).digest())
