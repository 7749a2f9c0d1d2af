"""Finds many whole numbers among known ones at once, in a table small enough for the processor's cache."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]

_MULTIPLIER: Final = np.uint64(0x9E3779B97F4A7C15)
"""2 to the 64th over the golden ratio: spreads neighbouring keys (Knuth, TAOCP 3, 6.4)."""
_ROOM: Final = 4
"""Slots for each key, at least."""


class Hashed:
    """Open addressing with linear probing, for all keys of an array at a time.

    Sorted keys need a search of twenty steps each, a table of all possible keys
    takes hundreds of megabytes; here a key takes 16 to 32 bytes and is found in
    little more than one look.

    Args:
        keys: Different whole numbers from 0.

    Examples:
        >>> Hashed(np.array([4, 70, 900])).find(np.array([70, 5, 900]))
        array([2, 0, 3])
    """

    def __init__(self, keys: Numbers) -> None:
        self._keys = np.concatenate(([-1], keys))
        self._size = 1 << max(_ROOM * len(keys) - 1, 1).bit_length()
        self._shift = np.uint64(64 - self._size.bit_length() + 1)
        self._slots = np.zeros(self._size, dtype=np.int32)
        numbers = np.arange(1, len(keys) + 1, dtype=np.int32)
        places = self._places(keys)
        while len(numbers):
            free = self._slots[places] == 0
            self._slots[places[free]] = numbers[free]  # of several for one slot the last stays
            left = self._slots[places] != numbers
            numbers, places = numbers[left], (places[left] + 1) & (self._size - 1)

    def find(self, keys: Numbers) -> Numbers:
        """Return for each key its place among the known ones, from 1; 0 where it is none of them."""
        places = self._places(keys)
        found = self._slots[places].astype(np.int64)
        # Another key's slot: look into the next ones until one is ours or free.
        open_ = np.flatnonzero((found > 0) & (self._keys[found] != keys))
        while len(open_):
            places[open_] = (places[open_] + 1) & (self._size - 1)
            found[open_] = self._slots[places[open_]]
            now = found[open_]
            open_ = open_[(now > 0) & (self._keys[now] != keys[open_])]
        return found

    def _places(self, keys: Numbers) -> Numbers:
        return np.asarray((keys.astype(np.uint64) * _MULTIPLIER) >> self._shift, dtype=np.int64)
