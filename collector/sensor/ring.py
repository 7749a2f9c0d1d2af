"""Reads a ring buffer of the kernel: mapped memory, and a descriptor to wait on.

Layout: the kernel's Documentation/bpf/ringbuf.rst. One page with the consumer's
position, one with the producer's, then the data, mapped twice in a row so that
no record is split at the end.
"""

import ctypes
import mmap
import os
import select
import struct
from collections.abc import Iterator
from typing import Final

from collector.probe import CgroupEvent, CgroupEventKind
from collector.sensor import layout
from collector.sensor.bpf import Map

_PAGE: Final = mmap.PAGESIZE
_BUSY: Final = 1 << 31
_DISCARDED: Final = 1 << 30
_RECORD_HEAD: Final = 8
_KINDS: Final = {
    layout.BORN: CgroupEventKind.BORN,
    layout.DIED: CgroupEventKind.DIED,
    layout.WATCHED: CgroupEventKind.WATCHED,
}


class Ring:
    """The reading side; one thread reads, any may call `wake`."""

    def __init__(self, events: Map) -> None:
        self._bytes = events.value_bytes
        self._consumer = mmap.mmap(
            events.fd, _PAGE, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE, offset=0
        )
        self._producer = mmap.mmap(
            events.fd, _PAGE + 2 * self._bytes, mmap.MAP_SHARED, mmap.PROT_READ, offset=_PAGE
        )
        # Loaded and stored as one machine word each, which the kernel's acquire and release pair with on x86.
        self._consumed = ctypes.c_uint64.from_buffer(self._consumer)
        self._wake = os.eventfd(0)
        self._poll = select.epoll()
        self._poll.register(events.fd, select.EPOLLIN)
        self._poll.register(self._wake, select.EPOLLIN)

    def wait(self, timeout_s: float) -> None:
        """Wait until there may be a record, for `wake`, or for at most `timeout_s`."""
        self._poll.poll(timeout_s)

    def wake(self) -> None:
        """Let the present and every later `read` return at once."""
        os.eventfd_write(self._wake, 1)

    def close(self) -> None:
        """Free the mappings; nobody may be in `read`."""
        self._poll.close()
        os.close(self._wake)
        del self._consumed
        self._consumer.close()
        self._producer.close()

    def records(self) -> Iterator[bytes]:
        """Return what is there; each record goes back to the kernel when the next is asked for."""
        position = self._consumed.value
        while position < struct.unpack_from("=Q", self._producer)[0]:
            at = _PAGE + position % self._bytes
            length = struct.unpack_from("=I", self._producer, at)[0]
            if length & _BUSY:
                return
            size = length & ~(_BUSY | _DISCARDED)
            if not length & _DISCARDED:
                yield self._producer[at + _RECORD_HEAD : at + _RECORD_HEAD + size]
            position += -(-(size + _RECORD_HEAD) // 8) * 8
            self._consumed.value = position


class EventRing(Ring):
    """The ring of cgroup events."""

    def read(self, timeout_s: float) -> list[CgroupEvent]:
        """Return what is there; wait at most `timeout_s` for a first record or for `wake`."""
        found = [_event(record) for record in self.records()]
        if not found:
            self.wait(timeout_s)
            found = [_event(record) for record in self.records()]
        return found


def _event(record: bytes) -> CgroupEvent:
    cgroup_id, kind, pid = layout.EVENT.unpack_from(record)
    path = record[layout.EVENT.size :].partition(b"\0")[0].decode(errors="surrogateescape")
    return CgroupEvent(_KINDS[kind], cgroup_id, path, pid)
