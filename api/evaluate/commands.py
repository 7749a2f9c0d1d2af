"""The frame of `nonself evaluate`: what is done with the report of each kind of evaluation."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from api.console import console, new_table
from api.errors import DataError
from api.evaluate.kinds import KINDS
from api.evaluate.report import Grid, Report
from model.errors import ModelError


class Evaluate(Protocol):
    """What the module of an evaluation holds under the name `evaluate`."""

    def __call__(self, paths: Sequence[Path], settings: Any, progress: Progress) -> Report:  # noqa: ANN401 - each its own
        """Return what was found; `progress.track` shows how far a long loop is."""


def run(settings: Any, options: argparse.Namespace) -> None:  # noqa: ANN401 - each kind its own
    """Evaluate as the options say: print the tables, write JSON and plots.

    Raises:
        DataError: The data cannot be read or evaluated, or a result cannot be written.
    """
    evaluate: Evaluate = import_module(KINDS[options.kind].module).evaluate
    try:
        if options.plots is not None:
            options.plots.mkdir(parents=True, exist_ok=True)
        with Progress(console=Console(stderr=True), transient=True) as progress:
            report = evaluate(options.paths, settings, progress)
        if options.json is not None:
            options.json.write_text(_as_json(options, settings, report))
        if options.plots is not None:
            draw = import_module("api.evaluate.plots").draw
            for plot in report.plots:
                draw(plot, options.plots)
    except OSError as error:
        msg = f"Expected a path that can be used, got {error.filename}: {error.strerror or error}."
        raise DataError(msg) from error
    except ModelError as error:
        raise DataError(str(error)) from error
    _print(report)


def _as_json(options: argparse.Namespace, settings: Any, report: Report) -> str:  # noqa: ANN401 - each kind its own
    whole = {
        "version": version("nonself"),
        "evaluation": options.kind,
        "input": [str(path) for path in options.paths],
        "settings": asdict(settings),
        "notes": list(report.notes),
        "figures": report.figures,
    }
    return json.dumps(whole, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def _print(report: Report) -> None:
    out = console()
    for grid in report.grids:
        out.print(grid.title, style="bold", markup=False)
        out.print(_table(grid))
        out.print()
    for note in report.notes:
        out.print(note, markup=False, highlight=False)


def _table(grid: Grid) -> Table:
    shown = new_table(*grid.headings, numbers=grid.headings[1:])
    for row in grid.rows:
        shown.add_row(*row)
    return shown
