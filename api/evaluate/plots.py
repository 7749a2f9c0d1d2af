"""Plots as PNG files; the only module that knows matplotlib."""

from pathlib import Path
from typing import Final

from matplotlib.figure import Figure

from api.evaluate.report import Plot

_INCHES: Final = (7.0, 5.0)
_DOTS_PER_INCH: Final = 120


def draw(plot: Plot, folder: Path) -> Path:
    """Write one plot and return its path.

    Raises:
        OSError: The file cannot be written.
    """
    figure = Figure(figsize=_INCHES, dpi=_DOTS_PER_INCH, layout="constrained")
    axes = figure.subplots()
    for curve in plot.curves:
        style = {"linestyle": "", "marker": ".", "markersize": 4} if curve.points else {"linewidth": 1.2}
        axes.plot(curve.x, curve.y, label=curve.label or None, **style)
    for mark in plot.marks:
        axes.axvline(mark, color="black", linestyle=":", linewidth=1)
    if plot.diagonal:
        axes.axline((0.5, 0.5), (1, 1), color="grey", linestyle="--", linewidth=1)
    axes.set(
        title=plot.title,
        xlabel=plot.x_label,
        ylabel=plot.y_label,
        xscale="log" if plot.log_x else "linear",
        # Below 2 linear, so that a score of 0 is shown.
        yscale="symlog" if plot.log_y else "linear",
    )
    if plot.log_y:
        axes.set_ylim(bottom=min(0.0, *(min(curve.y) for curve in plot.curves if curve.y)))
    if any(curve.label for curve in plot.curves):
        axes.legend(fontsize="small")
    path = folder / f"{plot.name}.png"
    figure.savefig(path)
    return path
