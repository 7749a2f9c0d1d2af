"""What `collector/bpf/events.c` and Python agree on, byte for byte: the twin of collector/bpf/events.h.

A kernel test compiles that header and compares every offset.
"""

import struct
from enum import IntEnum, IntFlag
from typing import Final

SLOTS: Final = 1024
COMPAT_SLOT: Final = 512
KEY_BYTES: Final = 256


class Kind(IntEnum):
    """What a record reports."""

    CALL = 0
    EXEC = 1
    FORK = 2
    EXIT = 3
    RENAME = 4


class Mark(IntFlag):
    """What is special about a record."""

    COMPAT = 1
    LATE = 2
    TRUNCATED = 4
    UNREADABLE = 8


class How(IntFlag):
    """How the kernel captures one call."""

    ON = 1
    OPEN = 2
    HOW = 4
    MESSAGE = 8
    EXEC = 16
    RESULT = 32
    DATA_OUT = 64
    CONTAINED = 128


class Access(IntFlag):
    """What an open is for; those of the host's own processes apart from those of containers."""

    READ = 1
    WRITE = 2
    HOST_READ = 4
    HOST_WRITE = 8


HOST_SHIFT: Final = 2


class Tag(IntEnum):
    """What a section of a record holds."""

    PATH = 1
    PATH2 = 2
    DIRECTORY = 3
    DIRECTORY2 = 4
    TEXT = 5
    ADDRESS = 6
    DATA = 7
    DESCRIPTOR = 8
    DESCRIPTOR_PATH = 9
    CWD = 10
    EXE = 11
    FILENAME = 12
    ARGS = 13
    ENV = 14
    PROGRAM = 15
    COMM = 16
    UNIX = 17


UPPER, LOWER, MEMFD = 1, 2, 4
"""Flags of a program: where its file lies."""

CALL: Final = struct.Struct("<HH2B2BBBBBBBBx")
CONFIG: Final = struct.Struct("<6I")
HEAD: Final = struct.Struct("<QQq6QQQQQ16I4H16s")
SECTION: Final = struct.Struct("<HH")
DESCRIPTOR: Final = struct.Struct("<Q4I4H2HI16s16s")
PROGRAM: Final = struct.Struct("<QQQ4II4x")
PREFIX: Final = struct.Struct("<I256s")
STAT_DROPPED, STAT_FILTERED, STAT_SENT = range(3)
STATS: Final = 3
