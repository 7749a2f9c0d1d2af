"""How Python shares its lock and collects its garbage while a service runs: so that answers come soon."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_SWITCH_S: Final = 0.0005
"""A thread that computes gives way after so long. A request changes threads some ten times on its way, and
beside a worker that scores it would wait each time for Python's default of 5 ms."""
_GARBAGE: Final = (20_000, 20, 50)
"""Of a page of 100 entries, Python's default of 700 collects thirty times, to find nothing: what a page is
made of refers to nothing that refers back."""


@contextmanager
def tuned() -> Iterator[None]:
    """Tune this process for the length of a block."""
    switch_s, garbage = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(_SWITCH_S)
    gc.set_threshold(*_GARBAGE)
    gc.collect()
    # Modules and what they hold stay for good; no collection looks at them again.
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.set_threshold(*garbage)
        sys.setswitchinterval(switch_s)
