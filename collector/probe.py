"""What the agent asks of a sensor: cgroup events, exact n-gram counts per cgroup, and its health.

Cgroups are named by their cgroup2 id: the inode number of the directory below
the cgroup2 mount. Which of them is a container is the caller's knowledge, not the probe's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from wire.profile import LossCause


class CgroupEventKind(StrEnum):
    """What happened to a cgroup."""

    BORN = "born"
    DIED = "died"
    WATCHED = "watched"
    """The first exec of a cgroup that was not yet known: from here its calls count."""


@dataclass(frozen=True, slots=True)
class CgroupEvent:
    """One step in the life of a cgroup, as the kernel told it."""

    kind: CgroupEventKind
    cgroup_id: int
    path: str
    """Path below the cgroup2 mount, beginning with `/`; empty for `WATCHED`."""
    pid: int
    """Host process id of the process that caused it."""


@dataclass(frozen=True, slots=True, eq=False)
class CgroupCounts:
    """Calls of one cgroup between two drains."""

    cgroup_id: int
    ngrams: NDArray[np.uint64]
    """Distinct packed n-grams (`wire.ngram`), ascending."""
    counts: NDArray[np.uint64]
    """Calls that ended each of them, same order, each at least 1."""
    lost: Mapping[LossCause, int] = field(default_factory=dict)
    """What is missing, by cause; causes with nothing lost are absent."""
    over_quota: bool = False
    """The cgroup asked for more distinct n-grams than its quota."""


@dataclass(frozen=True, slots=True)
class ProbeHealth:
    """Losses that cannot be laid on one container; cumulative since the probe was opened."""

    missed_runs: int = 0
    """Times the kernel skipped a sensor program because it was already running on that CPU."""
    dropped_events: int = 0
    """Cgroup events that found the ring buffer full: the cgroup tree must be scanned."""
    unwatched_containers: int = 0
    """Execs of cgroups that found the table of containers full."""


class Probe(Protocol):
    """A source of cgroup events and n-gram counts.

    `events` may run in one thread while another calls the rest; calls that
    change or drain the probe come from one thread.
    """

    def events(self, timeout_s: float) -> list[CgroupEvent]:
        """Return what happened since the last call, in order; wait at most `timeout_s` for a first event."""
        ...

    def drain(self) -> list[CgroupCounts]:
        """Take the counts of all cgroups and begin the next epoch.

        The cut is exact: a call counted since the last drain is in this one or
        in a later one, never in two and never in none. Ascending by cgroup id;
        cgroups with neither a count nor a loss are absent.

        Raises:
            SensorError: The kernel refused.
        """
        ...

    def adopt(self, cgroup_id: int) -> None:
        """Watch a container that ran before the probe was opened, from its processes' next calls on."""
        ...

    def ignore(self, cgroup_id: int) -> None:
        """Stop counting a cgroup that is not a container."""
        ...

    def forget(self, cgroup_id: int) -> None:
        """Free the records of a cgroup that has died; call it after the drain that took its last counts."""
        ...

    def health(self) -> ProbeHealth:
        """Return the losses that no container can be charged with."""
        ...

    def close(self) -> None:
        """Detach the sensor; safe to call twice, and while another thread waits in `events`."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...
