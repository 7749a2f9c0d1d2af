"""The phases of a container's life: a window is ranked among windows of its own phase only."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.calibrate import remembered
from model.record import Record
from model.settings import BaselineSettings
from model.views import VIEWS, View


class Phase(StrEnum):
    """Where in its container's life a window lies."""

    STEADY = "steady"
    """Any other; of agents that do not tell, the last of a container among them."""
    START = "start"
    """One of the first `model.starts.WINDOWS` of a container that was seen from its beginning; the last too,
    where it lived no longer."""
    STOP = "stop"
    """The one in which a container's last process ended."""


_KEPT: Final = {
    Phase.STEADY: ("scores", "scores_seen"),
    Phase.START: ("start_scores", "start_scores_seen"),
    Phase.STOP: ("stop_scores", "stop_scores_seen"),
}
"""Where `model.state` keeps the rows of each phase, and how many windows of it were learned."""


class Records:
    """What is remembered of the healthy windows of each phase.

    Examples:
        >>> records = Records(BaselineSettings())
        >>> records[Phase.START].learn((0.0,) * 5, 1.0)
        >>> records.windows[Phase.START], records.windows[Phase.STEADY]
        (1, 0)
    """

    def __init__(self, settings: BaselineSettings) -> None:
        jumps = [settings.mix_scale_bits if view is View.MIX else settings.tail_scale_bits for view in VIEWS]
        least = remembered(settings.min_windows, settings.max_scores)
        most = {
            Phase.STEADY: settings.max_scores,
            Phase.START: settings.max_start_scores,
            Phase.STOP: settings.max_stop_scores,
        }
        self._of = {phase: Record(jumps, max_scores=most[phase], least_scores=least) for phase in Phase}

    def __getitem__(self, phase: Phase) -> Record:
        """Return the record of a phase."""
        return self._of[phase]

    @property
    def windows(self) -> Mapping[Phase, int]:
        """Windows learned of each phase."""
        return {phase: record.seen for phase, record in self._of.items()}

    def to_state(self) -> dict[str, Any]:
        """Return what `model.state` keeps of all records, by its names."""
        state: dict[str, Any] = {}
        for phase, (rows, seen) in _KEPT.items():
            state |= {rows: self._of[phase].rows(), seen: self._of[phase].seen}
        return state

    def restore(self, kept: Mapping[Phase, tuple[NDArray[np.float64], int]]) -> None:
        """Take up where other records stopped; these must be empty.

        Args:
            kept: Of each phase the rows that are remembered, and how many windows were learned.
        """
        for phase, (rows, seen) in kept.items():
            self._of[phase].restore(rows, seen)

    def unlearn(self, phase: Phase, score: float) -> None:
        """Forget a window; of one that was learned before there was its phase, the steady record knows."""
        own, steady = self._of[phase], self._of[Phase.STEADY]
        elsewhere = not own.holds(score) and (steady.holds(score) or not own.seen)
        (steady if elsewhere else own).unlearn(score)
