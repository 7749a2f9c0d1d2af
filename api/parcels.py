"""Holds what every intake promises of a batch: it is read whole or refused, and each part is stored once."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from api.errors import BacklogError, BadBodyError, ConflictError, InvalidError, ReplayedError
from wire.errors import FieldError, MalformedError

KeyT_co = TypeVar("KeyT_co", bound=Hashable, covariant=True)
BatchT = TypeVar("BatchT")


class Parcel(Protocol[KeyT_co]):
    """One part of a batch on its way in."""

    @property
    def key(self) -> KeyT_co:
        """Identity within the batch's boot of its node."""

    @property
    def digest(self) -> bytes:
        """SHA-256 of the content."""

    @property
    def title(self) -> str:
        """What a sentence about it begins with."""


ParcelT = TypeVar("ParcelT", bound=Parcel[Hashable])


def decode(decoder: Callable[[bytes], BatchT], body: bytes) -> BatchT:
    """Return the batch of a body.

    Raises:
        BadBodyError: It is cut off, not gzip, not JSON, or of an unknown schema version.
        InvalidError: A field says what cannot be.
    """
    try:
        return decoder(body)
    except FieldError as error:
        raise InvalidError(str(error)) from error
    except MalformedError as error:
        raise BadBodyError(str(error)) from error


def check_sent_at(sent_at: int, latest_ms: int) -> None:
    """Refuse a batch from the future.

    Raises:
        InvalidError: The node's clock is ahead.
    """
    if sent_at > latest_ms:
        msg = f"sent_at: expected a time not after {latest_ms}; got {sent_at}. Check the node's clock."
        raise InvalidError(msg)


def choose_fresh(parcels: Sequence[ParcelT], known: Mapping[Any, bytes], noun: str) -> list[ParcelT]:
    """Return the parcels that are new, each once, in the order given.

    Args:
        parcels: Those of one batch.
        known: Digests of those that are stored, by their keys.
        noun: What they are, in the plural.

    Raises:
        ReplayedError: There are parcels, and all are known.
        ConflictError: One is known with another content.
    """
    digests: dict[Hashable, bytes] = dict(known)
    fresh: list[ParcelT] = []
    for parcel in parcels:
        if parcel.key not in digests:
            digests[parcel.key] = parcel.digest
            fresh.append(parcel)
        elif digests[parcel.key] != parcel.digest:
            msg = (
                f"{parcel.title} is known with another content; the known one stays "
                "and nothing of this batch was stored."
            )
            raise ConflictError(msg)
    if parcels and not fresh:
        msg = f"All {len(parcels)} {noun} of this batch were stored before."
        raise ReplayedError(msg)
    return fresh


def check_room(pending: int, coming: int, limit: int, noun: str) -> None:
    """Refuse what would wait too long; a batch larger than the limit is taken when nothing waits.

    Raises:
        BacklogError: The worker is too far behind to take more.
    """
    if pending + coming > max(limit, coming):
        msg = f"{pending} {noun} wait for the worker, of at most {limit}; keep this batch and try again."
        raise BacklogError(msg)
