"""Standard output as rich sees it, for the commands."""

import sys
from collections.abc import Collection
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

_WIDE: Final = 1000


def console() -> Console:
    """Return standard output; where nobody sees it, nothing is cut to fit a screen."""
    return Console() if sys.stdout.isatty() else Console(width=_WIDE)


def new_table(*headings: str, numbers: Collection[str] = ()) -> Table:
    """Return an empty table.

    Args:
        headings: Of its columns.
        numbers: Those of columns that are read from the right.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, justify="right" if heading in numbers else "left")
    return table


def plain(text: str) -> Text:
    r"""Return text that somebody wrote without what would command a terminal; lines stay.

    Examples:
        >>> plain("all well[bold]\x1b[2J").plain
        'all well[bold]?[2J'
    """
    return Text(_printable(text))


def full_name(namespace: str, name: str, container: str) -> str:
    r"""Return the name under which a person knows a workload, without what would command a terminal.

    Examples:
        >>> full_name("shop", "web", "web"), full_name("shop", "web", "sidecar")
        ('shop/web', 'shop/web/sidecar')
        >>> full_name("", "evil\x1b[2J", "")
        'evil?[2J'
    """
    parts = [namespace, name] if container in {"", name} else [namespace, name, container]
    joined = "/".join(part for part in parts if part)
    return _printable(joined)


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() or each == "\n" else "?" for each in text)
