"""One window as the learner takes it: integer arrays, and what a reader of the score must know of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from model.errors import WindowError
from model.phases import Phase
from wire.ngram import INJECTED
from wire.profile import LossCause, Mark, ProfileDelta

Ngrams = NDArray[np.uint64]
Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Window:
    """N-gram counts of one container in one window.

    Raises:
        WindowError: The n-grams are not ascending, distinct and below 2**61, or a count is below 1.
    """

    ngrams: Ngrams
    """Distinct packed n-grams (`wire.ngram`), ascending."""
    counts: Counts
    """Calls that ended each n-gram, at least 1."""
    lost_calls: int = 0
    """Calls known to be missing from the counts."""
    untracked_threads: int = 0
    """Threads that the kernel could not follow: an unknown number of calls is missing."""
    partial: bool = False
    """The sensor was attached for only a part of the window, so sequences may begin in their middle."""
    seen_from_start: bool = True
    """False where the container ran before the agent did."""
    start: int | None = None
    """Number of the container's start that the window belongs to; None where it belongs to none."""
    ended: bool = False
    """The container's last process ended within the window."""

    def __post_init__(self) -> None:
        if self.ngrams.shape != self.counts.shape or self.ngrams.ndim != 1:
            msg = f"Expected one count for each n-gram; got {self.counts.shape} for {self.ngrams.shape}."
            raise WindowError(msg)
        if not bool(np.all(self.ngrams[:-1] < self.ngrams[1:])):
            msg = "Expected distinct n-grams in ascending order; got a value out of order."
            raise WindowError(msg)
        if len(self.ngrams) and int(self.ngrams[-1]) >= INJECTED << 1:
            msg = f"Expected n-grams below 2**61; got {int(self.ngrams[-1])}."
            raise WindowError(msg)
        if bool(np.any(self.counts < 1)):
            msg = f"Expected counts of at least 1; got {int(self.counts.min())}."
            raise WindowError(msg)

    @classmethod
    def from_delta(cls, delta: ProfileDelta, *, start: int | None = None) -> Self:
        """Return what the learner needs of a delta, and of which start it is."""
        return cls(
            ngrams=np.array(delta.ngrams, dtype=np.uint64),
            counts=np.array(delta.counts, dtype=np.int64),
            lost_calls=delta.lost_calls,
            untracked_threads=delta.lost.get(LossCause.UNTRACKED, 0),
            partial=Mark.PARTIAL in delta.marks,
            seen_from_start=delta.container.seen_from_start,
            start=start,
            ended=delta.ended,
        )

    @property
    def injected(self) -> bool:
        """Tell whether some calls were made by a lineage that an exec brought into the container."""
        return bool(len(self.ngrams)) and int(self.ngrams[-1]) >= INJECTED

    @property
    def phase(self) -> Phase:
        """Where in its container's life the window lies."""
        if self.start is not None:
            return Phase.START
        return Phase.STOP if self.ended else Phase.STEADY

    @property
    def calls(self) -> int:
        """Calls counted; those lost are not among them."""
        return int(self.counts.sum())


def as_arrays(x: Mapping[int, int]) -> tuple[Ngrams, Counts]:
    """Return a mapping from n-gram to count as arrays, ascending; a count below 1 is left out.

    Examples:
        >>> as_arrays({7: 1, 3: 2, 5: 0})
        (array([3, 7], dtype=uint64), array([2, 1]))
    """
    ngrams = sorted(ngram for ngram, count in x.items() if count >= 1)
    return np.array(ngrams, dtype=np.uint64), np.array([x[ngram] for ngram in ngrams], dtype=np.int64)
