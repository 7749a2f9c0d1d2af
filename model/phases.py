"""The phases of a container's life: a window is ranked among windows of its own phase only."""

from collections.abc import Mapping
from enum import StrEnum

from model.calibrate import remembered
from model.record import Record
from model.settings import BaselineSettings
from model.views import VIEWS, View


class Phase(StrEnum):
    """Where in its container's life a window lies."""

    STEADY = "steady"
    """Any window that is not known to be of a start; the last of a container among them."""
    START = "start"
    """One of the first `model.starts.WINDOWS` of a container that was seen from its beginning."""


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
        most = {Phase.STEADY: settings.max_scores, Phase.START: settings.max_start_scores}
        self._of = {phase: Record(jumps, max_scores=most[phase], least_scores=least) for phase in Phase}

    def __getitem__(self, phase: Phase) -> Record:
        """Return the record of a phase."""
        return self._of[phase]

    @property
    def windows(self) -> Mapping[Phase, int]:
        """Windows learned of each phase."""
        return {phase: record.seen for phase, record in self._of.items()}

    def unlearn(self, phase: Phase, score: float) -> None:
        """Forget a window; of a start that was learned before there were phases, the steady record knows."""
        own, steady = self._of[phase], self._of[Phase.STEADY]
        elsewhere = not own.holds(score) and (steady.holds(score) or not own.seen)
        (steady if elsewhere else own).unlearn(score)
