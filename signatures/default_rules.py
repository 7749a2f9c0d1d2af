"""The rules that come with nonself: where they lie, and their texts in the order in which they are loaded."""

from importlib.resources import files
from importlib.resources.abc import Traversable

from signatures.loader import RuleFile


def folder() -> Traversable:
    """Return the folder of the rule files, in the source tree as in an installed wheel."""
    return files("signatures").joinpath("rules")


def rule_files() -> tuple[RuleFile, ...]:
    """Return all files in the order of their names, which is the order of loading.

    What they share stands in the first; narrow rules stand before broad ones, because the first match of
    an event speaks.

    Examples:
        >>> [file.name for file in rule_files()][0]
        '00-shared.yaml'
    """
    found = sorted((each.name, each) for each in folder().iterdir() if each.name.endswith(".yaml"))
    return tuple(RuleFile(name=name, text=file.read_text("utf-8")) for name, file in found)
