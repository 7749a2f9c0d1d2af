"""What must be counted to tell how much of a workload's behaviour is still unseen."""

from collections.abc import Mapping
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from model.errors import SnapshotError
from model.orders import find
from model.starts import Starts
from model.window import Counts, Ngrams

MAX_BLOCKS: Final = 32
"""Blocks kept at most; then neighbours are joined, and a block is twice as long."""
_WINDOWS, _NOVEL, _NGRAMS = range(3)
_NAMES: Final = ["blocks", "first", "last", "ngrams", "spells"]


class Completeness:
    """When n-grams were met for the first and last time, and how fast new ones came.

    Neighbouring windows depend on each other, so windows are counted in blocks: 16 to 32
    equally long ones (the last may be shorter), whose length doubles as learning goes on.

    First window, last window and spells are kept for the n-grams that came in the last
    three quarters of learning; `model.unseen` needs no others. In a settled workload they are few.

    Examples:
        >>> record = Completeness()
        >>> for _ in range(100):
        ...     record.learn(np.array([7], dtype=np.uint64), np.array([record.windows == 0]))
        >>> record.windows, record.block_windows, record.blocks.sum(axis=0).tolist()
        (100, 4, [100, 1, 1])
        >>> record.ngrams
        array([], dtype=uint64)
    """

    def __init__(self) -> None:
        self.windows = 0
        self.ngrams: Ngrams = np.empty(0, dtype=np.uint64)
        """N-grams that came in the last three quarters of learning, ascending; until tidied also older."""
        self.first: NDArray[np.int32] = np.empty(0, dtype=np.int32)
        """Number of the window that brought each, from 0."""
        self.last: NDArray[np.int32] = np.empty(0, dtype=np.int32)
        """Number of the last window that held each."""
        self.spells: NDArray[np.int32] = np.empty(0, dtype=np.int32)
        """Runs of consecutive windows that held each, at least 1."""
        self.starts = Starts()
        self._blocks: list[list[int]] = []

    @property
    def blocks(self) -> Counts:
        """Windows, windows that brought an n-gram, and n-grams brought, of each block; shape (blocks, 3)."""
        return np.array(self._blocks, dtype=np.int64).reshape(-1, 3)

    @property
    def block_windows(self) -> int:
        """Windows in a block that is complete, at least 1."""
        return self._blocks[0][_WINDOWS] if self._blocks else 1

    def learn(self, ngrams: Ngrams, new: NDArray[np.bool_], *, start: int | None = None) -> None:
        """Count one window.

        Args:
            ngrams: Its n-grams, ascending and distinct.
            new: Which of them no learned window held before.
            start: The start of a container that the window belongs to, if to one.
        """
        if len(self.ngrams):
            rows, met = find(self.ngrams, ngrams)
            # What was unlearned is still listed, and was counted when it first came.
            rows, new = rows[met], new & ~met
            self.spells[rows] += self.last[rows] < self.windows - 1
            self.last[rows] = self.windows
        if start is not None:
            self.starts.learn(start, new=bool(new.any()))
        if new.any():
            self._admit(ngrams[new])
        self._count(int(new.sum()))
        self.windows += 1
        if self.windows % MAX_BLOCKS == 0:
            self._tidy()

    def to_state(self) -> dict[str, Counts]:
        """Return all that must be kept, as copies by name; nothing where nothing was counted."""
        if not self.windows:
            return {}
        return {
            "blocks": self.blocks.ravel(),
            "first": self.first.astype(np.int64),
            "last": self.last.astype(np.int64),
            "ngrams": self.ngrams.astype(np.int64),
            "spells": self.spells.astype(np.int64),
        } | ({"starts": self.starts.to_state()} if self.starts.learned else {})

    @classmethod
    def from_state(cls, state: Mapping[str, Counts]) -> Self:
        """Return the record that `state` was taken of; an empty one of an empty state.

        Raises:
            SnapshotError: The arrays do not fit each other.
        """
        record = cls()
        if not state:
            return record
        state = dict(state)
        record.starts = Starts.from_state(state.pop("starts", np.empty(0, dtype=np.int64)))
        if sorted(state) != _NAMES or len(state["blocks"]) % 3:
            msg = f"Expected {', '.join(_NAMES)}, the first in threes; got {', '.join(sorted(state))}."
            raise SnapshotError(msg)
        blocks, ngrams = state["blocks"].reshape(-1, 3), state["ngrams"].astype(np.uint64)
        first, last, spells = state["first"], state["last"], state["spells"]
        windows = int(blocks[:, _WINDOWS].sum())
        sound = (
            len(blocks) <= MAX_BLOCKS
            and bool(np.all(blocks >= 0))
            and bool(np.all(blocks[:, _NOVEL] <= blocks[:, _WINDOWS]))
            and len(ngrams) == len(first) == len(last) == len(spells)
            and bool(np.all(ngrams[1:] > ngrams[:-1]))
            and bool(np.all((first >= 0) & (first <= last) & (last < windows)))
            and bool(np.all((spells >= 1) & (spells <= last - first + 1)))
        )
        if not sound:
            msg = "Expected blocks of windows, and a first and a last window for each n-gram; got others."
            raise SnapshotError(msg)
        record.windows = windows
        record._blocks = blocks.tolist()
        record.ngrams, record.spells = ngrams, spells.astype(np.int32)
        record.first, record.last = first.astype(np.int32), last.astype(np.int32)
        return record

    def _admit(self, new: Ngrams) -> None:
        at = np.searchsorted(self.ngrams, new)
        self.ngrams = np.insert(self.ngrams, at, new)
        self.first = np.insert(self.first, at, self.windows)
        self.last = np.insert(self.last, at, self.windows)
        self.spells = np.insert(self.spells, at, 1)

    def _count(self, new: int) -> None:
        if not self._blocks or self._blocks[-1][_WINDOWS] >= self.block_windows:
            if len(self._blocks) == MAX_BLOCKS:
                joined = self.blocks.reshape(-1, 2, 3).sum(axis=1)
                self._blocks = joined.tolist()
            self._blocks.append([0, 0, 0])
        last = self._blocks[-1]
        last[_WINDOWS] += 1
        last[_NOVEL] += new > 0
        last[_NGRAMS] += new

    def _tidy(self) -> None:
        recent = self.first >= self.windows // 4
        self.ngrams, self.spells = self.ngrams[recent], self.spells[recent]
        self.first, self.last = self.first[recent], self.last[recent]
