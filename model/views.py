"""The views from which a window is judged: each has bits of its own, and a record of healthy ones."""

from enum import StrEnum
from typing import Final


class View(StrEnum):
    """What of a window is looked at; in the order in which ties between views are settled."""

    CALLS = "calls"
    """Calls never learned."""
    PAIRS = "pairs"
    """Sequences of two calls never learned."""
    TRIPLES = "triples"
    """Sequences of three calls never learned."""
    SEQUENCES = "sequences"
    """Sequences of six calls that are new or rare, by back-off surprise."""
    MIX = "mix"
    """Shares of the calls."""


VIEWS: Final = tuple(View)
SHORT: Final = (1, 2, 3)
"""Calls in a sequence of the views `calls`, `pairs` and `triples`."""
