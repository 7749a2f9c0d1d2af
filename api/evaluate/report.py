"""What an evaluation hands back: figures for scripts, tables and plots for people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """One table as it is printed."""

    title: str
    headings: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One line of a plot; an empty label is left out of the legend."""

    label: str
    x: Sequence[float]
    y: Sequence[float]
    points: bool = False
    """Draw points instead of a line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """One plot, and the name of its PNG file without the ending."""

    name: str
    title: str
    x_label: str
    y_label: str
    curves: Sequence[Curve]
    log_x: bool = False
    log_y: bool = False
    diagonal: bool = False
    """Draw where x equals y."""
    marks: Sequence[float] = ()
    """Where on the x axis something happened: a vertical line each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that one evaluation found; `figures` holds every number of the tables and is plain JSON."""

    figures: Mapping[str, Any]
    grids: Sequence[Grid] = ()
    plots: Sequence[Plot] = ()
    notes: Sequence[str] = ()
    """Sentences that a reader of the figures must know."""


def show_share(share: float | None) -> str:
    """Return a share as it is printed: three places, a dash where there is none.

    Examples:
        >>> show_share(0.5), show_share(None)
        ('0.500', '-')
    """
    return "-" if share is None else f"{share:.3f}"
