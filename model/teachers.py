"""Which n-grams only one of several replicas has shown: one replica alone makes nothing ordinary."""

from typing import Self

import numpy as np
from numpy.typing import NDArray

from model.backoff import find
from model.errors import SnapshotError
from model.window import Ngrams


class Teachers:
    """N-grams learned while several replicas ran, each shown by one replica only.

    They are counted like all others, and scored as if they were new
    (`Baseline.score_window`) until a second replica shows them too.

    Examples:
        >>> teachers = Teachers()
        >>> ngrams = np.array([3, 7], dtype=np.uint64)
        >>> teachers.learn(ngrams, np.array([True, True]), replica=1)
        >>> teachers.learn(ngrams[:1], np.array([False]), replica=2)
        >>> teachers.unvouched(ngrams).tolist()
        [False, True]
    """

    def __init__(self) -> None:
        self._ngrams: Ngrams = np.empty(0, dtype=np.uint64)
        self._replicas: NDArray[np.int64] = np.empty(0, dtype=np.int64)

    def __len__(self) -> int:
        """Return how many n-grams one replica alone has shown."""
        return len(self._ngrams)

    def unvouched(self, ngrams: Ngrams) -> NDArray[np.bool_]:
        """Tell of each n-gram whether one replica alone has shown it; others may be new or ordinary."""
        return find(self._ngrams, ngrams)[1]

    def learn(self, ngrams: Ngrams, new: NDArray[np.bool_], *, replica: int) -> None:
        """Take note of a window that was learned.

        Args:
            ngrams: Ascending and distinct.
            new: Which of them no learned window held before.
            replica: Who showed them.
        """
        rows, alone = find(self._ngrams, ngrams)
        if alone.any():
            rows = rows[alone]
            vouched = rows[self._replicas[rows] != replica]
            self._ngrams = np.delete(self._ngrams, vouched)
            self._replicas = np.delete(self._replicas, vouched)
        if (fresh := new & ~alone).any():
            at = np.searchsorted(self._ngrams, ngrams[fresh])
            self._ngrams = np.insert(self._ngrams, at, ngrams[fresh])
            self._replicas = np.insert(self._replicas, at, replica)

    def forget(self, ngrams: Ngrams) -> None:
        """Take note that no learned window holds some n-grams any more; ascending and distinct."""
        rows, alone = find(self._ngrams, ngrams)
        self._ngrams = np.delete(self._ngrams, rows[alone])
        self._replicas = np.delete(self._replicas, rows[alone])

    def to_bytes(self) -> bytes:
        """Return 16 bytes for each n-gram, little-endian: all n-grams, then their replicas."""
        return self._ngrams.astype("<u8").tobytes() + self._replicas.astype("<i8").tobytes()

    @classmethod
    def from_bytes(cls, data: bytes | None) -> Self:
        """Return what `to_bytes` was asked of; nothing where there is none.

        Raises:
            SnapshotError: The bytes are not pairs, or the n-grams not ascending and distinct.
        """
        teachers, data = cls(), data or b""
        half = len(data) // 2
        if len(data) % 16:
            msg = f"Expected 16 bytes for each n-gram that one replica taught; got {len(data)} bytes."
            raise SnapshotError(msg)
        teachers._ngrams = np.frombuffer(data[:half], dtype="<u8").astype(np.uint64)
        teachers._replicas = np.frombuffer(data[half:], dtype="<i8").astype(np.int64)
        if bool(np.any(teachers._ngrams[1:] <= teachers._ngrams[:-1])):
            msg = "Expected distinct n-grams in ascending order; got one out of order."
            raise SnapshotError(msg)
        return teachers
