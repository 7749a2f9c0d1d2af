"""Words of the service with a fixed set of values, the same in columns, URLs and logs (docs/glossary.md)."""

from enum import StrEnum
from typing import Final

from wire.match import Priority


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
    STALE = "stale"
    """Another version took its place; it is kept, and a rollback makes it active again."""
    RETIRED = "retired"
    """It is never used again; what it had learned is gone, its history stays."""


class Origin(StrEnum):
    """Where a version of a baseline came from."""

    LEARNED = "learned"
    IMPORTED = "imported"
    UPGRADED = "upgraded"
    """It began with its parent's counts at a reduced weight, when a new image came."""


class UpgradeState(StrEnum):
    """How far a workload's change to a new image has come."""

    SETTLING = "settling"
    """What the new image does otherwise is learned, as far as it returns; all else raises alerts."""
    REVIEW = "review"
    """The difference is known; the version is frozen, raises alerts, and waits for a person."""
    APPROVED = "approved"
    """The version is, or was, the live one."""
    REJECTED = "rejected"
    """The image is judged by the live version, as if nothing of it had been learned."""
    SUPERSEDED = "superseded"
    """Nothing is left to decide: the live version knows the image, or the workload learns again."""


class AlertStatus(StrEnum):
    """Whether findings may still join an alert."""

    OPEN = "open"
    CLOSED = "closed"


class AlertChange(StrEnum):
    """What happened to an alert."""

    OPENED = "opened"
    GREW = "grew"
    """Findings joined it; one change for all of one transaction."""
    SUPERSEDED = "superseded"
    """A later alert of the same cause was opened; nothing joins this one unless it is of its time."""
    MARKED_BENIGN = "marked_benign"
    """A person closed it by a suppression."""
    ACKNOWLEDGED = "acknowledged"
    ASSIGNED = "assigned"
    COMMENTED = "commented"
    CLOSED = "closed"
    """A person said what it was; nothing joins it any more."""
    REOPENED = "reopened"


class Triage(StrEnum):
    """How far a person has come with an alert."""

    NEW = "new"
    ACKNOWLEDGED = "acknowledged"
    """Somebody looks at it."""
    CLOSED = "closed"
    """Somebody said what it was."""


class AlertVerdict(StrEnum):
    """What a person found an alert to be."""

    TRUE_POSITIVE = "true_positive"
    """It did not belong."""
    BENIGN = "benign"
    """It is real and wanted."""
    FALSE_POSITIVE = "false_positive"
    """There was nothing."""


def state_of(mode: Mode, *, ready: bool) -> BaselineState:
    """Return the state of a workload's live baseline, `ready` if it has seen enough to rank a score."""
    if not ready:
        return BaselineState.LEARNING
    return BaselineState.ACTIVE if mode is Mode.ENFORCEMENT else BaselineState.READY


class AlertKind(StrEnum):
    """What raised an alert."""

    ANOMALY = "anomaly"
    """Windows that the baseline finds strange; in mode `enforcement-alert` only."""
    SIGNATURE = "signature"
    """A rule that matched; in every mode."""


class Level(StrEnum):
    """How bad an alert is, least first."""

    INFORMATIONAL = "informational"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class MatchOutcome(StrEnum):
    """What became of a match."""

    RAISED = "raised"
    """It is part of an alert."""
    SUPPRESSED = "suppressed"
    """It is a finding, and a suppression keeps it from raising an alert."""
    DISABLED = "disabled"
    """Its rule is switched off for its workload or namespace."""
    WAITING = "waiting"
    """Its rule asks for the score of a window that has not been scored yet."""
    REFUTED = "refuted"
    """The score of its window did not meet the rest of its rule's condition."""
    FAILED = "failed"
    """It could not be handled; it is kept with the error."""


_LEVELS: Final = {
    Priority.EMERGENCY: Level.CRITICAL,
    Priority.ALERT: Level.CRITICAL,
    Priority.CRITICAL: Level.CRITICAL,
    Priority.ERROR: Level.HIGH,
    Priority.WARNING: Level.MEDIUM,
    Priority.NOTICE: Level.LOW,
    Priority.INFORMATIONAL: Level.INFORMATIONAL,
    Priority.DEBUG: Level.INFORMATIONAL,
}


def level_of(priority: Priority) -> Level:
    """Return the level of an alert whose rule has this priority.

    Examples:
        >>> level_of(Priority.WARNING).value
        'medium'
    """
    return _LEVELS[priority]


def priorities_of(level: Level) -> list[Priority]:
    """Return the priorities whose alerts have a level, most urgent first.

    Examples:
        >>> [each.value for each in priorities_of(Level.INFORMATIONAL)]
        ['Informational', 'Debug']
    """
    return [priority for priority in Priority if _LEVELS[priority] is level]


class RuleCondition(StrEnum):
    """Whether a rule can fire, over all nodes that run the active rules."""

    EVALUABLE = "evaluable"
    PARTLY = "partly"
    """Not everywhere, or not all of its condition."""
    NOT_EVALUABLE = "not_evaluable"
    DISABLED = "disabled"
    UNREPORTED = "unreported"
    """No node that runs the active rules has said anything of it yet."""


class TroubleChange(StrEnum):
    """What happened to a trouble."""

    OPENED = "opened"
    CLOSED = "closed"
