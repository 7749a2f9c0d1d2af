"""Where the agent puts a window's batch: into the spool and on its way, or onto the screen."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final, Protocol

from collector.spool import Spool
from collector.status import Waiting
from collector.uplink import Uplink
from wire.codec import encode_batch
from wire.profile import Batch, ProfileDelta

MAX_PART_BYTES: Final = 7 << 20
"""Size before compression at which a batch is split; below what a service takes after compression."""
LAST_TRY_S: Final = 2.0


class Outbox(Protocol):
    """Takes batches for good."""

    def put(self, batch: Batch) -> None:
        """Take the batch of one window; one without deltas only says that the agent lives."""
        ...

    def waiting(self) -> Waiting:
        """Return what was taken and is not at the service yet."""
        ...

    def close(self) -> None:
        """Deliver what can be delivered at once, and stop."""
        ...


class SpoolingOutbox:
    """Batches wait in the spool until the uplink has brought them to the service."""

    def __init__(self, spool: Spool, uplink: Uplink) -> None:
        self._spool = spool
        self._uplink = uplink

    def put(self, batch: Batch) -> None:
        if not batch.deltas:
            self._uplink.wake(encode_batch(batch))
            return
        for part in split(batch):
            self._spool.append(part)
        self._uplink.wake()

    def waiting(self) -> Waiting:
        return Waiting(self._spool.used_bytes, self._spool.batches, self._spool.discarded_deltas)

    def close(self) -> None:
        self._uplink.stop(LAST_TRY_S)
        self._spool.close()


def split(batch: Batch, part_bytes: int = MAX_PART_BYTES) -> Iterator[Batch]:
    """Yield the batch in parts that are each smaller than `part_bytes`, or hold a single delta."""
    part: list[ProfileDelta] = []
    used = 0
    for delta in batch.deltas:
        size = _plain_bytes(delta)
        if part and used + size > part_bytes:
            yield replace(batch, deltas=tuple(part))
            part, used = [], 0
        part.append(delta)
        used += size
    if part:
        yield replace(batch, deltas=tuple(part))


def _plain_bytes(delta: ProfileDelta) -> int:
    """Return about how large a delta is in JSON: two base64 arrays of 8-byte words, and its texts."""
    texts = sum(6 * (len(key) + len(value)) for key, value in delta.container.labels.items())
    return 22 * len(delta.ngrams) + texts + 2048
