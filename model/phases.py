"""The phases of a container's life: windows are ranked among windows of the same phase only."""

from enum import StrEnum
from typing import Final


class Phase(StrEnum):
    """Where in its container's life a window lies."""

    STEADY = "steady"
    """Any window that is not known to be of a start; the last of a container among them."""
    START = "start"
    """One of the first `model.starts.WINDOWS` of a container that was seen from its beginning."""


PHASES: Final = tuple(Phase)
