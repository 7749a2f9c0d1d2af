"""Decides which troubles open and close; pure, and the same whatever was measured twice."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from api.troubles.kinds import Bounds, TroubleKind


class Key(NamedTuple):
    """What is in trouble: at most one trouble of a key is open."""

    kind: TroubleKind
    subject: str


@dataclass(frozen=True, slots=True)
class Reading:
    """One measured value of one subject."""

    subject: str
    value: float
    said: str
    """A sentence for people, written as if the value were bad."""
    certain: bool = True
    """Not where the service has not watched for long enough: a bad value then opens no trouble."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What follows from readings; the three are disjoint."""

    opened: Mapping[Key, Reading]
    closed: Mapping[Key, Reading | None]
    """Without a reading where the subject is gone: a node was deleted, a token revoked."""
    going_on: Mapping[Key, Reading]
    """Open before and after; the newest reading is what is told."""


def judge(
    opened: Collection[Key],
    measured: Mapping[TroubleKind, Sequence[Reading]],
    limits: Mapping[TroubleKind, Bounds],
) -> Judgement:
    """Return what changes.

    A kind that is missing in `measured` could not be measured, and its troubles stay as they are.

    Args:
        opened: Keys of the troubles that are open.
        measured: Readings of each kind, of all its subjects.
        limits: Bounds of each kind that was measured.

    Examples:
        >>> limits = {TroubleKind.DISK: Bounds(0.1, 0.15, "share free")}
        >>> full = {TroubleKind.DISK: [Reading("var", 0.04, "The disk is full.")]}
        >>> first = judge([], full, limits)
        >>> [key.subject for key in first.opened]
        ['var']
        >>> judge(list(first.opened), full, limits).opened
        {}
    """
    readings = dict(_flat(measured))
    before = set(opened)
    return Judgement(
        opened={
            key: reading
            for key, reading in readings.items()
            if key not in before and reading.certain and limits[key.kind].bad(reading.value)
        },
        closed={
            key: readings.get(key)
            for key in sorted(before)
            if key.kind in measured and (key not in readings or limits[key.kind].good(readings[key].value))
        },
        going_on={
            key: reading
            for key, reading in readings.items()
            if key in before and not limits[key.kind].good(reading.value)
        },
    )


def _flat(measured: Mapping[TroubleKind, Sequence[Reading]]) -> Iterator[tuple[Key, Reading]]:
    for kind, readings in measured.items():
        for each in readings:
            yield Key(kind, each.subject), each
