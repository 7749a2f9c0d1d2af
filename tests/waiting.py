"""Waiting for what other threads and processes do, as long as tests may."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(known: Callable[[], T], timeout_s: float = 10, every_s: float = 0.01) -> T:
    """Return what becomes true in time, or what it is then."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if found := known():
            return found
        time.sleep(every_s)
    return known()


def wait_for(
    condition: Callable[[], object],
    timeout_s: float = 30,
    every_s: float = 0.01,
    *,
    said: Callable[[], str] = str,
) -> None:
    """Wait until something has happened; where it does not, `said` says more."""
    assert until(condition, timeout_s, every_s), f"It did not happen within {timeout_s} s. {said()}"
