"""What the sensor's C code and Python agree on, byte for byte: the twin of collector/bpf/layout.h.

A kernel test compiles that header and compares every offset.
"""

import struct
from typing import Final

import numpy as np

WAYS: Final = 4
PATH_BYTES: Final = 512
OVER_QUOTA: Final = 1 << 61
"""Stands in the table for all calls of a container beyond its quota of n-grams."""

LINE: Final = np.dtype([("gram", "<u8", WAYS), ("owner", "<u4", WAYS), ("count", "<u4", WAYS)])
CONTROL: Final = np.dtype([("epoch", "<u4"), ("generation", "<u4")])
CONTAINER: Final = np.dtype([("adopted_before", "<u8"), ("ignored", "<u4"), ("unused", "<u4")])
LOSSES: Final = np.dtype(
    [
        ("epoch", "<u4"),
        ("claimed", "<u4"),
        ("table_full", "<u8", 2),
        ("quota", "<u8", 2),
        ("untracked", "<u8", 2),
    ]
)
EVENT: Final = struct.Struct("<QII")
"""The head of `struct event`; the path follows."""
BORN, DIED, WATCHED = range(3)
STAT_DROPPED_EVENTS, STAT_UNWATCHED = range(2)
