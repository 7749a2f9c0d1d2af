"""Words of the service with a fixed set of values, the same in columns, URLs and logs (docs/glossary.md)."""

from enum import StrEnum


class Mode(StrEnum):
    """What the service does with what it learns of a workload."""

    LEARNING = "learning"
    """Score and learn; raise no anomaly alert."""
    ENFORCEMENT = "enforcement-alert"
    """Score against the frozen baseline and raise alerts; nothing is ever blocked."""


class Verdict(StrEnum):
    """What a window is, given its score."""

    NORMAL = "normal"
    ANOMALOUS = "anomalous"
    INSUFFICIENT = "insufficient_evidence"


class BaselineState(StrEnum):
    """Where a baseline stands in its life."""

    LEARNING = "learning"
    """It has not seen enough to rank a score; it learns in either mode."""
    READY = "ready"
    """It ranks scores and still learns; it waits for a person to switch the mode."""
    ACTIVE = "active"
    """It is frozen and raises alerts."""


class AlertStatus(StrEnum):
    """Whether findings may still join an alert."""

    OPEN = "open"
    CLOSED = "closed"


def state_of(mode: Mode, *, ready: bool) -> BaselineState:
    """Return the state of a baseline, `ready` if it has seen enough windows to rank a score."""
    if not ready:
        return BaselineState.LEARNING
    return BaselineState.ACTIVE if mode is Mode.ENFORCEMENT else BaselineState.READY
