"""The rules that come with nonself: where they lie, and their texts in the order in which they are loaded."""

from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

SHARED: Final = "00-shared.yaml"
"""Macros and lists of all; loaded first."""


def folder() -> Traversable:
    """Return the folder of the rule files, in the source tree as in an installed wheel."""
    return files("signatures").joinpath("rules")


def texts() -> tuple[tuple[str, str], ...]:
    """Return name and text of each file, in the order of their names, which is the order of loading.

    Narrow rules stand in earlier files than broad ones, because the first match of an event speaks.

    Examples:
        >>> [name for name, _ in texts()][0]
        '00-shared.yaml'
    """
    found = sorted((each for each in folder().iterdir() if each.name.endswith(".yaml")), key=lambda each: each.name)
    return tuple((each.name, each.read_text("utf-8")) for each in found)
