"""All that a baseline remembers, as plain integers and arrays: what a snapshot holds."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.window import Counts, Ngrams


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class BaselineState:
    """A baseline's memory; every table that scoring needs follows from it.

    Counts are additive: those of disjoint sets of windows add up to those of their union.
    """

    arch: str
    windows: int
    windows_from_start: int
    largest_calls: int
    """Calls of the largest window learned."""
    refused_calls: int
    scores_seen: int
    ngrams: Ngrams
    counts: Counts
    held_by: Counts
    """Windows that held each n-gram."""
    scores: NDArray[np.float64]
    """Remembered healthy scores, oldest first."""
