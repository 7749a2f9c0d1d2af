"""What all formats ask of an alert that REST lists: times, names, level, and how far people are with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from api.vocabulary import AlertChange, AlertKind, Level, Triage

Alert = Mapping[str, Any]
"""An alert as REST lists it, in JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One thing that happened to an alert, where that is what is told."""

    id: int
    """Grows with each change, so that receivers can put them in order."""
    change: AlertChange
    at: str
    """When, in the form of REST."""
    actor: str | None
    """Who did it; None: the service itself."""
    comment: str | None


VENDOR: Final = "nonself"
UNRANKED: Final = Level.MEDIUM
"""What an anomaly counts as: its p-value says how rare it is, and nothing of harm."""


def level(alert: Alert) -> Level:
    """Return the level that an alert has, or counts as.

    Examples:
        >>> level({"level": None}).value, level({"level": "high"}).value
        ('medium', 'high')
    """
    return Level(alert["level"]) if alert["level"] else UNRANKED


def milliseconds(moment: str) -> int:
    """Return a time of REST as Unix milliseconds.

    Examples:
        >>> milliseconds("1970-01-01T00:00:01.5Z")
        1500
    """
    return round(datetime.fromisoformat(moment).timestamp() * 1000)


def title(alert: Alert) -> str:
    """Return what an alert is about, in some words."""
    what = alert["rule"] if alert["kind"] == AlertKind.SIGNATURE.value else "Unusual order of system calls"
    return f"{what} in {place(alert)}"


def message(alert: Alert) -> str:
    """Return what was seen, in one sentence; the newest match has more words than the first."""
    return str((alert["match"] or {}).get("output") or alert["message"] or title(alert))


def place(alert: Alert) -> str:
    """Return the name of an alert's workload, as people read it."""
    workload = alert["workload"]
    parts = (workload["namespace"], workload["name"], workload["container"])
    return "/".join(dict.fromkeys(each for each in parts if each))


def is_closed(alert: Alert) -> bool:
    """Return whether a person has said what it is."""
    return bool(alert["triage"] == Triage.CLOSED.value)


def split_technique(technique: str) -> tuple[str, str | None]:
    """Return a technique of ATT&CK and, where it is one, its sub-technique.

    Examples:
        >>> split_technique("T1059.004"), split_technique("T1059")
        (('T1059', 'T1059.004'), ('T1059', None))
    """
    parent, dot, _ = technique.partition(".")
    return parent, technique if dot else None


def filled(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record without members that say nothing.

    Examples:
        >>> filled({"a": 0, "b": None, "c": "", "d": [], "e": {"f": None}, "g": {"h": False}})
        {'a': 0, 'g': {'h': False}}
    """
    found = {name: filled(value) if isinstance(value, Mapping) else value for name, value in record.items()}
    return {name: value for name, value in found.items() if value not in (None, "", [], {}, ())}
