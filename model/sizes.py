"""How many calls learned windows had: a histogram, so that the largest can be merged and unlearned."""

from collections.abc import Iterable
from typing import Final

_BITS: Final = 5
"""Significant bits of a size: rounding up adds at most one part in sixteen."""


def rounded(calls: int) -> int:
    """Return a number of calls, rounded up to five significant bits.

    Examples:
        >>> rounded(31), rounded(33), rounded(1000)
        (31, 34, 1024)
    """
    shift = max(0, calls.bit_length() - _BITS)
    return -(-calls >> shift) << shift


class Sizes:
    """How many windows of each rounded size were learned.

    A largest size alone could not be taken back: after unlearning the window
    that set it, nobody would know the second largest.

    Examples:
        >>> sizes = Sizes()
        >>> sizes.learn(100)
        >>> sizes.learn(5000)
        >>> sizes.largest
        5120
        >>> sizes.unlearn(5000)
        >>> sizes.largest
        100
    """

    def __init__(self, held: Iterable[tuple[int, int]] = ()) -> None:
        self._held = dict(held)

    @property
    def largest(self) -> int:
        """Size of the largest window, 0 before the first."""
        return max(self._held, default=0)

    def learn(self, calls: int) -> None:
        """Count one window."""
        size = rounded(calls)
        self._held[size] = self._held.get(size, 0) + 1

    def unlearn(self, calls: int) -> None:
        """Take one window back; of a size never counted none is (version 1 stored the largest only)."""
        size = rounded(calls)
        left = self._held.pop(size, 0) - 1
        if left > 0:
            self._held[size] = left

    def items(self) -> list[tuple[int, int]]:
        """Return pairs of size and windows, ascending."""
        return sorted(self._held.items())
