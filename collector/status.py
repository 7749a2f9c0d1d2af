"""What an agent says of itself with every batch."""

import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final

from collector.probe import ProbeHealth
from wire.profile import AgentStatus

_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
_MOST_ERROR: Final = 1000


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for the service, and what no longer does."""

    bytes: int = 0
    batches: int = 0
    discarded_deltas: int = 0


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """How the rule engine is doing, as the agent sees it."""

    state: str = "off"
    """`off`, `starting`, `running` or `failed`: it ended, and is started again after a pause."""
    error: str = ""
    """Why it ended last; empty where it never did."""
    restarts: int = 0


def version() -> str:
    """Return the version of the installed package; `unknown` where none is installed."""
    try:
        return metadata.version("nonself")
    except metadata.PackageNotFoundError:
        return "unknown"


class StatusReporter:
    """Put together an `AgentStatus` with this process's own cost."""

    def __init__(
        self, *, window_s: float, started_at: int, engine: Callable[[], EngineStatus] = EngineStatus
    ) -> None:
        self._window_s = window_s
        self._started_at = started_at
        self._engine = engine
        self._version = version()
        self._kernel = platform.release()

    def report(self, *, containers: int, health: ProbeHealth, waiting: Waiting) -> AgentStatus:
        """Return the status at this moment."""
        engine = self._engine()
        return AgentStatus(
            version=self._version,
            window_s=self._window_s,
            kernel=self._kernel,
            started_at=self._started_at,
            containers=containers,
            spool_bytes=waiting.bytes,
            spool_batches=waiting.batches,
            discarded_deltas=waiting.discarded_deltas,
            missed_runs=health.missed_runs,
            dropped_events=health.dropped_events,
            unwatched_containers=health.unwatched_containers,
            cpu_s=round(time.process_time(), 3),
            rss_bytes=rss_bytes(),
            rule_engine=engine.state,
            rule_engine_error=engine.error[:_MOST_ERROR],
            rule_engine_restarts=engine.restarts,
        )


def rss_bytes() -> int:
    """Return the resident memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_BYTES
