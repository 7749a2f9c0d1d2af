"""Which troubles there are, and the bounds between which each stays as it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from api.vocabulary import Level


class TroubleKind(StrEnum):
    """What can be wrong; the words are stable, for programs."""

    NODE_SILENT = "node_silent"
    LOSS = "loss"
    RULE_ENGINE = "rule_engine"
    WORKER = "worker"
    BACKLOG = "backlog"
    INBOX_FULL = "inbox_full"
    DISK = "disk"
    CHANNEL = "channel"
    REFUSED = "refused"
    FALCO_OUTPUT = "falco_output"
    CERTIFICATE = "certificate"
    TOKEN = "token"  # noqa: S105 - a word, no secret
    KUBERNETES = "kubernetes"
    ISSUER = "issuer"


LEVELS: Final[Mapping[TroubleKind, Level]] = {
    TroubleKind.NODE_SILENT: Level.HIGH,
    TroubleKind.LOSS: Level.MEDIUM,
    TroubleKind.RULE_ENGINE: Level.HIGH,
    TroubleKind.WORKER: Level.CRITICAL,
    TroubleKind.BACKLOG: Level.HIGH,
    TroubleKind.INBOX_FULL: Level.CRITICAL,
    TroubleKind.DISK: Level.CRITICAL,
    TroubleKind.CHANNEL: Level.HIGH,
    TroubleKind.REFUSED: Level.HIGH,
    TroubleKind.FALCO_OUTPUT: Level.HIGH,
    TroubleKind.CERTIFICATE: Level.MEDIUM,
    TroubleKind.TOKEN: Level.MEDIUM,
    TroubleKind.KUBERNETES: Level.MEDIUM,
    TroubleKind.ISSUER: Level.HIGH,
}
"""How bad a trouble of each kind is: critical where nothing is detected or kept soon."""
_UNKNOWN: Final = Level.MEDIUM


def level_of(kind: str) -> Level:
    """Return how bad troubles of a kind are; medium for one that only a later release knows.

    Examples:
        >>> level_of("disk").value, level_of("moon_phase").value
        ('critical', 'medium')
    """
    return LEVELS[TroubleKind(kind)] if kind in set(TroubleKind) else _UNKNOWN


@dataclass(frozen=True, slots=True)
class Bounds:
    """A trouble opens when its value reaches `opens`, and closes once the value is back at `closes`.

    Values between the two change nothing, so that one that wavers around a bound is told once.
    Where `opens` is below `closes`, low values are bad.

    Examples:
        >>> loss = Bounds(opens=0.05, closes=0.01, meaning="")
        >>> loss.bad(0.05), loss.bad(0.03), loss.good(0.03), loss.good(0.01)
        (True, False, False, True)
        >>> days = Bounds(opens=14, closes=15, meaning="")
        >>> days.bad(13), days.good(13), days.good(90)
        (True, False, True)
    """

    opens: float
    closes: float
    meaning: str
    """What the value is, with its unit."""

    def __post_init__(self) -> None:
        if self.opens == self.closes:
            msg = f"Bounds must differ, so that a value between them changes nothing; both are {self.opens}."
            raise ValueError(msg)

    def bad(self, value: float) -> bool:
        """Tell whether a value opens a trouble."""
        return value >= self.opens if self.opens > self.closes else value <= self.opens

    def good(self, value: float) -> bool:
        """Tell whether a value closes a trouble."""
        return value <= self.closes if self.opens > self.closes else value >= self.closes


_SILENT_S: Final = 300
_SILENT_WINDOWS: Final = 6
DOWN_ATTEMPTS: Final = 3
"""Attempts in a row without success at which a receiver is in trouble: one that is restarted fails fewer."""
_YES_OR_NO: Final = "1 while it is so, else 0"


def bounds(window_s: int) -> Mapping[TroubleKind, Bounds]:
    """Return the bounds of every kind for windows of this length in seconds."""
    silent = max(_SILENT_S, _SILENT_WINDOWS * window_s)
    return {
        TroubleKind.NODE_SILENT: Bounds(silent, silent / 2, "seconds since the node's newest batch"),
        TroubleKind.LOSS: Bounds(0.05, 0.01, "share of the node's calls of about ten minutes that are lost"),
        TroubleKind.RULE_ENGINE: Bounds(1, 0, _YES_OR_NO),
        TroubleKind.WORKER: Bounds(1, 0, _YES_OR_NO),
        TroubleKind.BACKLOG: Bounds(120, 30, "seconds for which the oldest delta has waited for the worker"),
        TroubleKind.INBOX_FULL: Bounds(0.8, 0.5, "share of `inbox_limit` that waits for the worker"),
        TroubleKind.DISK: Bounds(0.1, 0.15, "share of the state folder's file system that is free"),
        TroubleKind.CHANNEL: Bounds(DOWN_ATTEMPTS, 0, "attempts in a row that delivered nothing"),
        TroubleKind.REFUSED: Bounds(900, 60, "seconds for which its receiver has refused a message"),
        TroubleKind.FALCO_OUTPUT: Bounds(1, 0, _YES_OR_NO),
        TroubleKind.CERTIFICATE: Bounds(14, 15, "days until the service's certificate expires"),
        TroubleKind.TOKEN: Bounds(7, 8, "days until the token expires"),
        TroubleKind.KUBERNETES: Bounds(DOWN_ATTEMPTS, 0, "questions in a row without an answer"),
        TroubleKind.ISSUER: Bounds(1, 0, _YES_OR_NO),
    }
