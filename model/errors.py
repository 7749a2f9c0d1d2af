"""Errors of the learner.

ModelError
├── WindowError            counts that cannot be a window
└── SnapshotError          bytes that are not a baseline snapshot
    └── VersionError       a snapshot version that this release cannot read
"""


class ModelError(Exception):
    """Base of everything that `model` raises."""


class WindowError(ModelError):
    """The n-grams and counts do not form a window."""


class SnapshotError(ModelError):
    """The bytes are not a baseline snapshot; the message names the part that does not fit."""


class VersionError(SnapshotError):
    """The snapshot version is not one that this release can read."""
