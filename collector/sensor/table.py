"""Takes the counts out of one epoch's lines of the sensor's table, grouped by cgroup."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from collector.sensor.layout import LINE, WAYS

_WORDS = LINE.itemsize // 8
_DIGIT_BITS = 16


def take(lines: NDArray[np.void]) -> Iterator[tuple[int, NDArray[np.uint64], NDArray[np.uint64]]]:
    """Empty the lines, and yield (owner, n-grams ascending, counts), ascending by owner.

    An owner is the lower half of a cgroup id.

    The same n-gram counted on several CPUs, or in several slots of one, comes back
    once, with their sum. No program may use the lines any more: they are freed without a lock.
    """
    words = lines.view(np.uint64).reshape(-1, _WORDS)
    # Ways fill in order, so a line whose first is free is empty.
    used = np.flatnonzero(words[:, 0])
    taken = words[used]
    words[used] = 0
    grams, halves = taken[:, :WAYS].ravel(), taken.view(np.uint32)
    owners, counts = halves[:, 2 * WAYS : 3 * WAYS].ravel(), halves[:, 3 * WAYS :].ravel()
    claimed = np.flatnonzero(grams)
    return _group(grams[claimed], owners[claimed], counts[claimed])


def _group(
    grams: NDArray[np.uint64], owners: NDArray[np.uint32], counts: NDArray[np.uint32]
) -> Iterator[tuple[int, NDArray[np.uint64], NDArray[np.uint64]]]:
    if not grams.size:
        return
    order = _order(grams, owners)
    grams, owners = grams[order], owners[order]
    new_owner = owners[1:] != owners[:-1]
    first = np.flatnonzero(np.concatenate(([True], new_owner | (grams[1:] != grams[:-1]))))
    sums = np.add.reduceat(counts[order], first, dtype=np.uint64)
    grams, owners = grams[first], owners[first]
    bounds = [0, *(np.flatnonzero(owners[1:] != owners[:-1]) + 1), len(grams)]
    for start, end in pairwise(bounds):
        yield int(owners[start]), grams[start:end], sums[start:end]


def _order(*keys: NDArray[np.uint64] | NDArray[np.uint32]) -> NDArray[np.intp]:
    """Return what sorts by the last key, then by those before it, as `np.lexsort` does.

    Three times as fast: numpy sorts 16-bit integers by radix, so one stable
    pass over each digit of each key is all it takes.
    """
    order = np.arange(keys[0].size)
    for key in keys:
        differing = int(np.bitwise_or.reduce(key ^ key[0]))
        for shift in range(0, differing.bit_length(), _DIGIT_BITS):
            digit = (key >> key.dtype.type(shift)).astype(np.uint16)
            order = order[np.argsort(digit[order], kind="stable")]
    return order
