"""Standard output as rich sees it, for the commands."""

import sys
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

_WIDE: Final = 1000


def console() -> Console:
    """Return standard output; where nobody sees it, nothing is cut to fit a screen."""
    return Console() if sys.stdout.isatty() else Console(width=_WIDE)


def table(*headings: str, wrap: tuple[str, ...] = ()) -> Table:
    """Return an empty table. Its columns are shown whole, but those to `wrap` share what room is left."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        made.add_column(heading, no_wrap=heading not in wrap, overflow="fold")
    return made


def show(made: Table, otherwise: str) -> None:
    """Print a table, or a sentence where it has no rows."""
    if made.row_count:
        console().print(made)
    else:
        console().print(otherwise, highlight=False)


def plain(text: str) -> Text:
    r"""Return text that somebody wrote without what would command a terminal.

    Examples:
        >>> plain("evil\x1b[2J\nmore").plain
        'evil?[2J\nmore'
    """
    return Text("".join(each if each.isprintable() or each == "\n" else "?" for each in text))


def moment(time: str | None) -> str:
    """Return a time of the REST interface, which is in UTC, to the minute.

    Examples:
        >>> moment("2026-11-25T02:52:33.956000Z"), moment(None)
        ('2026-11-25 02:52', '')
    """
    return time[:16].replace("T", " ") if time else ""


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
    return "".join(each if each.isprintable() else "?" for each in joined)
