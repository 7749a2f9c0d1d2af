"""Turns of those who write: whoever comes first goes first."""

import threading
from collections import deque


class Turns:
    """A lock that is handed to who waits longest.

    A thread that lets go of an ordinary lock and wants it again at once, as a worker with
    a backlog does, gets it before those who wait have woken up: they may wait for ever.
    """

    def __init__(self) -> None:
        self._changing = threading.Lock()
        self._taken = False
        self._waiting: deque[threading.Event] = deque()

    @property
    def wanted(self) -> bool:
        """Whether somebody waits for the turn."""
        return bool(self._waiting)

    def take(self, timeout_s: float) -> bool:
        """Wait for the turn; tell whether it came in time."""
        turn = threading.Event()
        with self._changing:
            if not self._taken:
                self._taken = True
                return True
            self._waiting.append(turn)
        if turn.wait(timeout_s):
            return True
        with self._changing:
            if turn.is_set():  # It came between the end of the wait and here.
                return True
            self._waiting.remove(turn)
            return False

    def give(self) -> None:
        """Hand the turn on."""
        with self._changing:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._taken = False
