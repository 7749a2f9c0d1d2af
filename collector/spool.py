"""Batches that wait for the service, in a bounded folder that survives `kill -9` at any instant.

One file holds the exact bytes of one batch, so that a retry repeats them. A
file appears whole or not at all. Where old batches must make room, the name of
the new file says which numbers it replaces: its appearance and their end are
one step (docs/adr/0009).
"""

import fcntl
import os
import re
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import dropwhile, takewhile
from pathlib import Path
from typing import Final

import structlog

from collector.carry import carry, owed_by, uncarried
from collector.disk import Disk
from collector.errors import SpoolLockedError
from wire.codec import decode_batch, encode_batch
from wire.errors import MalformedError
from wire.profile import Batch

MEMORY_BYTES: Final = 16 << 20
"""Most that waits in memory while the folder cannot be written."""
_ASIDE: Final = "rejected"
_NAME: Final = re.compile(r"(\d{12})(?:\.(\d{12})-(\d{12}))?\.batch")

log = structlog.get_logger()


@dataclass(slots=True, eq=False)
class Entry:
    """One batch that waits; `body` is set where the folder did not take it."""

    number: int
    size: int
    path: Path | None = None
    body: bytes | None = None
    deltas: int = 0
    """How many it holds; 0 where an earlier run wrote it."""
    tried: bool = False
    """The service may have it already, so it is neither changed nor discarded."""


class Spool:
    """A queue of encoded batches, oldest first, used by two threads: one appends, one sends.

    A batch that was handed out to be sent is never discarded, since the service
    may have it already; so the bound holds as long as that one and the newest keep it.
    """

    def __init__(
        self, folder: Path, budget_bytes: int, *, memory_bytes: int = MEMORY_BYTES, disk: Disk | None = None
    ) -> None:
        """Open the folder, made if absent, and take up what an earlier run left.

        Raises:
            SpoolLockedError: Another agent uses the folder.
        """
        self._folder = folder
        self._budget = budget_bytes
        self._memory_budget = min(memory_bytes, budget_bytes)
        self._disk = disk or Disk()
        self._guard = threading.Lock()
        self._lock: int | None = None
        self._restored = False
        self._failure = ""
        self._entries: list[Entry] = []
        self._next = 1
        self._bare: set[tuple[str, int]] = set()
        """Identities of the deltas that carry nothing but a loss, in the parts of the newest window."""
        self.discarded_deltas = 0
        self.rejected_batches = 0
        try:
            self._open_folder()
        except OSError as error:
            self._fail(error)

    def append(self, batch: Batch) -> None:
        """Take a batch with at least one delta; never raises for a disk that is full or read-only."""
        with self._guard:
            if not (self._flush() and self._append_to_disk(batch)):
                self._append_to_memory(batch)

    def head(self) -> Entry | None:
        """Hand out the oldest batch to be sent, or None where nothing waits."""
        with self._guard:
            if not self._entries:
                return None
            self._entries[0].tried = True
            return self._entries[0]

    def body(self, entry: Entry) -> bytes:
        """Return the bytes of a batch.

        Raises:
            OSError: The file cannot be read.
        """
        with self._guard:
            if entry.path is None:
                return entry.body or b""
            return entry.path.read_bytes()

    def remove(self, entry: Entry) -> None:
        """Forget a batch that the service has."""
        with self._guard:
            self._take_out([entry])

    def lose(self, entry: Entry) -> None:
        """Forget a batch whose file somebody has deleted."""
        with self._guard:
            self.discarded_deltas += entry.deltas
            self._take_out([entry])

    def reject(self, entry: Entry) -> None:
        """Put aside a batch that the service will never take; the newest are kept for a person to see."""
        with self._guard:
            self.rejected_batches += 1
            self.discarded_deltas += sum(len(batch.deltas) for batch in self._decode([entry]))
            self._entries.remove(entry)
            if entry.path is None:
                return
            try:
                aside = self._folder / _ASIDE
                aside.mkdir(mode=0o700, exist_ok=True)
                self._disk.rename(entry.path, aside / entry.path.name)
                self._trim(aside)
            except OSError as error:
                self._fail(error)

    @property
    def used_bytes(self) -> int:
        """Size of all that waits."""
        with self._guard:
            return sum(entry.size for entry in self._entries)

    @property
    def batches(self) -> int:
        """Number of batches that wait."""
        with self._guard:
            return len(self._entries)

    def close(self) -> None:
        """Give the folder free for another agent; what waits in memory is lost."""
        with self._guard:
            if self._lock is not None:
                os.close(self._lock)
                self._lock = None

    def _open_folder(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._lock is None:
            descriptor = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                os.close(descriptor)
                msg = f"Another agent uses the folder {self._folder}; stop it, or choose another --state-dir."
                raise SpoolLockedError(msg) from error
            self._lock = descriptor
        if not self._restored:
            self._restore()
            self._restored = True

    def _restore(self) -> None:
        replaced: list[range] = []
        found: list[Entry] = []
        useless: list[Path] = []
        for path in sorted(self._folder.iterdir()):
            if path.suffix == ".tmp":
                useless.append(path)
            elif match := _NAME.fullmatch(path.name):
                number, first, last = (int(group or 0) for group in match.groups())
                found.append(Entry(number, path.stat().st_size, path))
                replaced.append(range(first, last + 1) if first else range(0))
        left = [entry for entry in found if not any(entry.number in numbers for numbers in replaced)]
        useless += [entry.path for entry in found if entry not in left and entry.path is not None]
        for path in useless:
            self._disk.unlink(path)
        if left:
            # An earlier run may have been killed between the service's answer and the end of the file.
            left[0].tried = True
        # Batches that came to memory before the folder could be opened follow what it held.
        # What was put aside keeps its number too, or the next batch refused would overwrite it.
        aside = (_NAME.fullmatch(path.name) for path in (self._folder / _ASIDE).glob("*.batch"))
        taken = [entry.number for entry in found] + [int(match[1]) for match in aside if match]
        first_free = max(taken, default=0) + 1
        for number, entry in enumerate(self._entries, first_free):
            entry.number = number
        self._entries = left + self._entries
        self._next = first_free + len(self._entries) - len(left)

    def _flush(self) -> bool:
        """Write what waits in memory since a failure; tell whether the folder may be tried with more."""
        if not self._failure:
            return True
        try:
            self._open_folder()
            for entry in self._entries:
                if entry.path is None and entry.body is not None:
                    if self._used(on_disk=True) + entry.size > self._budget:
                        return False
                    entry.path, entry.body = self._write(f"{entry.number:012d}.batch", entry.body), None
        except (OSError, SpoolLockedError):
            return False
        return True

    def _append_to_disk(self, batch: Batch) -> bool:
        number = self._next
        carried, body, victims = self._make_room(batch, self._budget, on_disk=True)
        replaced = f".{victims[0].number:012d}-{victims[-1].number:012d}" if victims else ""
        try:
            path = self._write(f"{number:012d}{replaced}.batch", body)
        except OSError as error:
            self._fail(error)
            return False
        if self._failure:
            log.info("spool_on_disk_again", folder=str(self._folder))
            self._failure = ""
        self._add(Entry(number, len(body), path, deltas=len(carried.deltas)), batch, carried, victims)
        return True

    def _append_to_memory(self, batch: Batch) -> None:
        carried, body, victims = self._make_room(batch, self._memory_budget, on_disk=False)
        entry = Entry(self._next, len(body), body=body, deltas=len(carried.deltas))
        self._add(entry, batch, carried, victims)

    def _add(self, entry: Entry, batch: Batch, carried: Batch, victims: list[Entry]) -> None:
        self._next = entry.number + 1
        self._entries.append(entry)
        bare = {(each.container.id, each.start) for each in carried.deltas[len(batch.deltas) :]}
        self._bare = {each for each in self._bare if each[1] >= batch.deltas[-1].start} | bare
        if victims:
            discarded = self._decode(victims)
            deltas = sum(len(each.deltas) for each in discarded)
            self.discarded_deltas += deltas
            self._take_out(victims)
            log.warning("spool_full", discarded_batches=len(victims), discarded_deltas=deltas)
            if dropped := uncarried(batch, owed_by(discarded)):
                calls = sum(each.calls for each in dropped)
                log.warning("owed_dropped", containers=len(dropped), calls=calls)

    def _make_room(self, batch: Batch, budget: int, *, on_disk: bool) -> tuple[Batch, bytes, list[Entry]]:
        """Return the batch with the losses of those that must go for it, its bytes, and those others."""
        pool = [entry for entry in self._entries if (entry.path is not None) == on_disk]
        # One run of neighbours, so that a file name can say which.
        pool = list(takewhile(lambda entry: not entry.tried, dropwhile(lambda entry: entry.tried, pool)))
        used = self._used(on_disk=on_disk)
        carried, body = batch, encode_batch(batch)
        count = 0
        while count < len(pool) and used + len(body) > budget:
            while count < len(pool) and used + len(body) > budget:
                used -= pool[count].size
                count += 1
            # The losses make the batch a little larger, so the sum is looked at once more.
            carried = carry(batch, owed_by(self._decode(pool[:count])), self._bare)
            body = encode_batch(carried)
        return carried, body, pool[:count]

    def _used(self, *, on_disk: bool) -> int:
        return sum(entry.size for entry in self._entries if (entry.path is not None) == on_disk)

    def _take_out(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self._entries.remove(entry)
            if entry.path is not None:
                try:
                    self._disk.unlink(entry.path)
                except OSError as error:
                    self._fail(error)

    def _decode(self, entries: Iterable[Entry]) -> list[Batch]:
        batches = []
        for entry in entries:
            try:
                body = entry.path.read_bytes() if entry.path else entry.body or b""
                batches.append(decode_batch(body))
            except (OSError, MalformedError) as error:
                log.warning("spooled_batch_unreadable", number=entry.number, reason=str(error))
        return batches

    def _write(self, name: str, body: bytes) -> Path:
        path = self._folder / name
        half = path.with_suffix(".tmp")
        try:
            self._disk.write(half, body)
            self._disk.rename(half, path)
        except OSError:
            with suppress(OSError):
                self._disk.unlink(half)
            raise
        # The batch is there for every later process; only a power cut could still take its name away.
        with suppress(OSError):
            self._disk.sync(self._folder)
        return path

    def _trim(self, aside: Path) -> None:
        kept = sorted(aside.glob("*.batch"), reverse=True)
        used = 0
        for path in kept:
            used += path.stat().st_size
            if used > self._budget // 8:
                self._disk.unlink(path)

    def _fail(self, error: OSError) -> None:
        if not self._failure:
            log.error(
                "spool_in_memory",
                reason=f"The folder {self._folder} cannot be written ({error.strerror}); "
                f"up to {self._memory_budget} bytes wait in memory and do not survive a restart.",
            )
        self._failure = error.strerror or str(error)
