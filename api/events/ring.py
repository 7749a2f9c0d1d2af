"""The newest events of one sequence in memory, from which all streams read that are not far behind."""

import threading
from bisect import bisect_right
from collections.abc import Sequence
from typing import Final, NamedTuple

from api.events.event import Event

MOST_EVENTS: Final = 1000
MOST_BYTES: Final = 4 << 20


class Passage(NamedTuple):
    """What follows a position."""

    events: Sequence[Event]
    position: int
    """Up to where the sequence was looked at."""
    more: bool
    """Whether there is something behind that."""


class Ring:
    """Events between two positions without a gap; the oldest make room for the newest.

    Args:
        most: Events that are kept.
        most_bytes: Of their texts.
    """

    def __init__(self, most: int = MOST_EVENTS, most_bytes: int = MOST_BYTES) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._lock = threading.Lock()
        self._events: list[Event] = []
        self._ids: list[int] = []
        self._bytes = 0
        self._begin: int | None = None
        self._head: int | None = None

    @property
    def head(self) -> int | None:
        """Up to where the sequence was looked at; None where it is not followed."""
        return self._head

    def start(self, head: int) -> None:
        """Begin to follow after a position; what was kept is forgotten."""
        with self._lock:
            self._events, self._ids, self._bytes = [], [], 0
            self._begin = self._head = head

    def stop(self) -> None:
        """Follow no more: nobody reads."""
        with self._lock:
            self._events, self._ids, self._bytes = [], [], 0
            self._begin = self._head = None

    def add(self, events: Sequence[Event], head: int) -> None:
        """Add what follows the head, and move the head."""
        with self._lock:
            self._events += events
            self._ids += [each.id for each in events]
            self._bytes += sum(len(each.text) for each in events)
            self._head = head
            gone = 0
            while len(self._events) - gone > self._most or self._bytes > self._most_bytes:
                self._bytes -= len(self._events[gone].text)
                gone += 1
            if gone:
                self._begin = self._ids[gone - 1]
                del self._events[:gone], self._ids[:gone]

    def after(self, position: int, limit: int) -> Passage | None:
        """Return what follows a position; None where that is not known here any more, or not yet."""
        with self._lock:
            if self._begin is None or self._head is None or position < self._begin:
                return None
            first = bisect_right(self._ids, position)
            events = self._events[first : first + limit]
            more = first + limit < len(self._ids)
            return Passage(events, events[-1].id if more else max(position, self._head), more)
