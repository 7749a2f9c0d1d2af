"""Standard output as rich sees it, for the commands."""

import sys
from typing import Final

from rich.console import Console

_WIDE: Final = 1000


def console() -> Console:
    """Return standard output; where nobody sees it, nothing is cut to fit a screen."""
    return Console() if sys.stdout.isatty() else Console(width=_WIDE)
