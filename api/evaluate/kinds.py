"""The table of evaluations: one row for each kind of recorded data, and the options that it takes.

An evaluation is a module with `evaluate(paths, settings, progress)`, which
returns a `Report`. It is imported when it is asked for, so that the other
commands start without scikit-learn and matplotlib.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from api.evaluate.settings import RecordingSettings, SequencesSettings, ShilSettings, SokSettings
from wire.settings import add_options


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One row of the table."""

    name: str
    help: str
    path: str
    """What the argument is called in the help."""
    many: bool = False
    """Whether the argument may be given several times."""
    settings: type[Any]
    module: str


KINDS: Final = {
    kind.name: kind
    for kind in (
        Kind(
            name="sequences",
            help="traces of calls, normal and attack, in one file",
            path="FILE",
            settings=SequencesSettings,
            module="api.evaluate.sequences",
        ),
        Kind(
            name="shil",
            help="counts of calls in tenths of a second, of attacked containers",
            path="DIR",
            settings=ShilSettings,
            module="api.evaluate.shil",
        ),
        Kind(
            name="sok",
            help="ordered calls of containers with the time of an exploit",
            path="DIR",
            settings=SokSettings,
            module="api.evaluate.sok",
        ),
        Kind(
            name="recording",
            help="recordings of `nonself-agent record`; the first is learned in part",
            path="FILE",
            many=True,
            settings=RecordingSettings,
            module="api.evaluate.recording",
        ),
    )
}


def add_kinds(parser: argparse.ArgumentParser) -> None:
    """Add one command for each row of the table."""
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="data")
    for each in KINDS.values():
        kind = kinds.add_parser(each.name, help=each.help, description=f"Evaluate on {each.help}.")
        kind.add_argument("paths", nargs="+" if each.many else 1, type=Path, metavar=each.path)
        kind.add_argument("--json", type=Path, metavar="OUT", help="file to write every figure to")
        kind.add_argument("--plots", type=Path, metavar="DIR", help="folder to write plots to, as PNG")
        add_options(kind, each.settings)
