"""Errors of the learner.

ModelError
├── WindowError            counts that cannot be a window
├── UnlearnError           a window that cannot be taken out of what was learned
├── MergeError             baselines that do not add up to one
├── RatesError             vectors of call counts that do not fit
├── SampleError            recorded traces that cannot be evaluated
└── SnapshotError          bytes that are not a baseline snapshot
    └── VersionError       a snapshot version that this release cannot read
"""


class ModelError(Exception):
    """Base of everything that `model` raises."""


class WindowError(ModelError):
    """The n-grams and counts do not form a window."""


class UnlearnError(ModelError):
    """The window cannot be taken out of the baseline; nothing was changed."""


class MergeError(ModelError):
    """The baselines do not add up to one."""


class SnapshotError(ModelError):
    """The bytes are not a baseline snapshot; the message names the part that does not fit."""


class VersionError(SnapshotError):
    """The snapshot version is not one that this release can read."""


class RatesError(ModelError):
    """The vectors of call counts do not fit each other, or what was learned."""


class SampleError(ModelError):
    """The recorded traces cannot be evaluated; the message says what is missing."""
