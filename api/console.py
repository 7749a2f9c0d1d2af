"""Standard output as rich sees it, for the commands."""

import sys
from typing import Final

from rich.console import Console

_WIDE: Final = 1000


def console() -> Console:
    """Return standard output; where nobody sees it, nothing is cut to fit a screen."""
    return Console() if sys.stdout.isatty() else Console(width=_WIDE)


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
