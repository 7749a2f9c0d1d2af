"""Which quarantined windows come back to learning by themselves: those whose like returned (ADR 0080)."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from sqlalchemy.orm import Session

from api.worker import repository
from api.worker.baselines import Learner
from api.worker.repository import Held, Waiting, identify_replica
from api.worker.returning import WHILE_LEARNING, Rule, Strange, is_beyond, regular
from api.worker.windows import delta_of, window_of
from model.kinds import NOTHING_NEW
from model.phases import Phase
from model.window import Window
from wire.profile import ProfileDelta

_ANY: Final = frozenset({0})
"""Stands for the news of a window that was not read yet."""


class Returned(NamedTuple):
    """A window that is released."""

    row: Held
    delta: ProfileDelta
    window: Window
    replica: int


def hopeful(waiting: Sequence[Waiting], *, several: bool, rule: Rule = WHILE_LEARNING) -> list[int]:
    """Return the ids of those whose like may have returned, whatever is in them.

    Their counts are read only then: while an intrusion lasts each of its windows asks.

    Args:
        waiting: Windows of one phase.
        several: The workload has more than one replica.
        rule: How often it has to return.
    """
    strange = [
        Strange(
            at=each.start,
            replica=identify_replica(each.container),
            start=each.container.id if each.phase == Phase.START else None,
            news=_ANY if is_beyond(each.p_value, each.resolution) else NOTHING_NEW,
        )
        for each in waiting
    ]
    returns = regular(strange, several=several, rule=rule)
    return [each.score_id for each, returned in zip(waiting, returns, strict=True) if returned]


def returned(
    session: Session,
    learner: Learner,
    score_ids: Sequence[int],
    *,
    several: bool,
    rule: Rule = WHILE_LEARNING,
) -> list[Returned]:
    """Return those of some windows of one phase whose like returned, oldest first.

    Args:
        session: A transaction.
        learner: What was learned of the workload.
        score_ids: Of the windows.
        several: The workload has more than one replica.
        rule: How often it has to return.
    """
    if not score_ids:
        return []
    held = [_read(each) for each in repository.find_held(session, score_ids)]
    strange = [
        Strange(
            at=each.delta.start,
            replica=each.replica,
            start=each.window.start,
            news=learner.baseline.news(each.window)
            if is_beyond(each.row.score.p_value, each.row.score.resolution)
            else NOTHING_NEW,
        )
        for each in held
    ]
    returns = regular(strange, several=several, rule=rule)
    return [each for each, came in zip(held, returns, strict=True) if came]


def _read(row: Held) -> Returned:
    delta = delta_of(row.inbox)
    return Returned(row, delta, window_of(delta, row.container), identify_replica(row.container))
