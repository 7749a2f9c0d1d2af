"""What every section of the benchmark is handed."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.rounds import Quiet


@dataclass(frozen=True, slots=True)
class Context:
    """Where to work, how thoroughly, and whom to tell."""

    work: Path
    """The compiled workload program."""
    folder: Path
    """A folder for this run's files, removed at its end."""
    cgroups: Path
    """A folder on the cgroup2 mount for this run's cgroups, removed at its end."""
    quick: bool
    quiet: Quiet
    say: Callable[[str], None]
    scores: int = 5_000_000
    """How many scores the section `store` fills PostgreSQL with."""
    alerts: int = 1_000_000
    """How many alerts, likewise."""

    def rounds(self, wanted: int) -> int:
        """Return how many rounds to run: two when only a sign of life is asked for."""
        return 2 if self.quick else wanted

    def timed(self, what: str) -> "Timed":
        """Tell that something begins, and how long it took."""
        return Timed(what, self.say)


class Timed:
    """Says what begins and how long it took."""

    def __init__(self, what: str, say: Callable[[str], None]) -> None:
        self._what, self._say = what, say

    def __enter__(self) -> None:
        self._begin = time.monotonic()
        self._say(f"{self._what} …")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        ended = "failed" if kind else "done"
        self._say(f"{self._what}: {ended} after {time.monotonic() - self._begin:.0f} s")
