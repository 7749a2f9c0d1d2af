"""Standard output as rich sees it, for the commands."""

import json
import sys
from collections.abc import Collection
from typing import Final, Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

_WIDE: Final = 1000


def console() -> Console:
    """Return standard output; where nobody sees it, nothing is cut to fit a screen."""
    return Console() if sys.stdout.isatty() else Console(width=_WIDE)


def new_table(*headings: str, numbers: Collection[str] = (), wrap: Collection[str] = ()) -> Table:
    """Return an empty table.

    Args:
        headings: Of its columns.
        numbers: Those of columns that are read from the right.
        wrap: Those of columns that share what room the others leave, which are shown whole.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        justify: Literal["left", "right"] = "right" if heading in numbers else "left"
        table.add_column(heading, justify=justify, no_wrap=heading not in wrap, overflow="fold")
    return table


def print_json(value: object) -> None:
    """Print an answer for scripts."""
    print(json.dumps(value, indent=2))  # noqa: T201 - standard output is what scripts read


def show(table: Table, otherwise: str) -> None:
    """Print a table, or a sentence where it has no rows."""
    if table.row_count:
        console().print(table)
    else:
        console().print(otherwise, highlight=False)


def moment(time: str | None) -> str:
    """Return a time of the REST interface, which is in UTC, to the minute.

    Examples:
        >>> moment("2026-11-25T02:52:33.956000Z"), moment(None)
        ('2026-11-25 02:52', '')
    """
    return time[:16].replace("T", " ") if time else ""


def plain(text: str) -> Text:
    r"""Return text that somebody wrote without what would command a terminal; lines stay.

    Examples:
        >>> plain("all well[bold]\x1b[2J").plain
        'all well[bold]?[2J'
    """
    return Text(_printable(text, kept="\n"))


def full_name(namespace: str, name: str, container: str) -> str:
    r"""Return the name under which a person knows a workload, without what would command a terminal.

    Examples:
        >>> full_name("shop", "web", "web"), full_name("shop", "web", "sidecar")
        ('shop/web', 'shop/web/sidecar')
        >>> full_name("", "evil\x1b[2J\n", "")
        'evil?[2J?'
    """
    parts = [namespace, name] if container in {"", name} else [namespace, name, container]
    joined = "/".join(part for part in parts if part)
    return _printable(joined)


def _printable(text: str, kept: str = "") -> str:
    return "".join(each if each.isprintable() or each in kept else "?" for each in text)
