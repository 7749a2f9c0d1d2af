"""All that a baseline remembers, as plain integers and arrays: what a snapshot holds."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from model.phases import Phase
from model.record import WIDTH
from model.window import Counts, Ngrams

Sizes = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class BaselineState:
    """A baseline's memory; every table that scoring needs follows from it.

    Counts are additive: those of disjoint sets of windows add up to those of
    their union (`model.merge`). Only scores tell in what order windows came,
    because a score is taken before its window is learned.
    """

    arch: str
    windows: int
    windows_from_start: int
    refused_calls: int
    scores_seen: int
    ngrams: Ngrams
    counts: Counts
    held_by: Counts
    """Windows that held each n-gram."""
    sizes: Sizes
    """Calls of the windows learned, ascending and distinct, rounded as `model.sizes` says."""
    sizes_held: Counts
    """Windows of each size."""
    scores: NDArray[np.float64]
    """What is remembered of healthy steady windows, oldest first: the rows of `model.record`."""
    start_scores_seen: int = 0
    start_scores: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, WIDTH)))
    """The same of windows that belong to starts."""
    stop_scores_seen: int = 0
    stop_scores: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, WIDTH)))
    """The same of windows that hold a container's end."""
    completeness: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
    """What `model.completeness` counts, by name; empty where nothing was counted."""

    @property
    def records(self) -> Mapping[Phase, tuple[NDArray[np.float64], int]]:
        """Of each phase what is remembered of windows, and how many were learned."""
        return {
            Phase.STEADY: (self.scores, self.scores_seen),
            Phase.START: (self.start_scores, self.start_scores_seen),
            Phase.STOP: (self.stop_scores, self.stop_scores_seen),
        }
