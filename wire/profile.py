"""What the sensor saw of one container in one window, as it is sent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

SCHEMA_VERSION: Final = 1


class LossCause(StrEnum):
    """Why calls are missing from a profile.

    All are calls, except `UNTRACKED`, which counts threads that could not be followed.
    """

    TABLE_FULL = "table_full"
    """The sensor's table had no free slot for a new n-gram."""
    QUOTA = "quota"
    """The container used up its quota of distinct n-grams in this window."""
    UNTRACKED = "untracked"
    """Threads for which the kernel had no memory to keep a history."""
    DISCARDED = "discarded"
    """Calls of earlier windows that the agent's full spool had to throw away."""


class Mark(StrEnum):
    """A property of a window that a reader of its score must know."""

    PARTIAL = "partial"
    """The sensor was attached for only a part of the window."""
    QUOTA = "quota"
    """The container asked for more distinct n-grams than its quota."""
    UNIDENTIFIED = "unidentified"
    """The container was gone before its runtime could be asked who it was."""


class ContainerKind(StrEnum):
    """What kind of thing the cgroup holds."""

    CONTAINER = "container"
    SANDBOX = "sandbox"
    """A pod's pause container."""
    SERVICE = "service"
    """A host service (systemd unit)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerRef:
    """One running instance and what its runtime says of it; empty strings where it says nothing."""

    id: str
    runtime: str
    """`containerd`, `docker`, `podman`, `cri-o`, `systemd` or `unknown`."""
    kind: ContainerKind = ContainerKind.CONTAINER
    name: str = ""
    """The container's name within its pod or runtime."""
    pod: str = ""
    namespace: str = ""
    pod_uid: str = ""
    image: str = ""
    image_digest: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    """Of the pod, and only those that tell which workload it belongs to."""
    cgroup: str = ""
    """Path below the cgroup2 mount, for example `/kubepods/besteffort/pod<uid>/<id>`."""
    seen_from_start: bool = True
    """False where the container ran before the agent did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileDelta:
    """N-gram counts of one container in one window, with what is missing from them.

    Its identity is (`node`, `boot_id`, `container.id`, `start`).
    """

    node: str
    boot_id: str
    container: ContainerRef
    start: int
    """Unix time in milliseconds; `[start, end)` is aligned except where `Mark.PARTIAL` is set."""
    end: int
    arch: str
    ngrams: tuple[int, ...]
    """Distinct packed n-grams (`wire.ngram`), ascending."""
    counts: tuple[int, ...]
    """Calls that ended each n-gram, same order, each at least 1."""
    lost: Mapping[LossCause, int] = field(default_factory=dict)
    marks: frozenset[Mark] = frozenset()
    ended: bool = False
    """The container's last process ended within this window; agents older than this field never say so."""

    @property
    def calls(self) -> int:
        """Calls counted; those lost are not among them."""
        return sum(self.counts)

    @property
    def lost_calls(self) -> int:
        """Calls known to be missing from this window."""
        return sum(
            count for cause, count in self.lost.items() if cause in {LossCause.TABLE_FULL, LossCause.QUOTA}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentStatus:
    """How an agent is doing, sent with every batch; counters are cumulative since its start."""

    version: str
    window_s: float
    kernel: str = ""
    started_at: int = 0
    """Unix time in milliseconds."""
    containers: int = 0
    spool_bytes: int = 0
    spool_batches: int = 0
    discarded_deltas: int = 0
    missed_runs: int = 0
    """Times the kernel skipped a sensor program (`recursion_misses`); the container is not known."""
    dropped_events: int = 0
    """Lifecycle events that did not fit the ring buffer; the cgroup tree was scanned instead."""
    unwatched_containers: int = 0
    """Times an exec in a cgroup, or its adoption, found the sensor's map full; a cgroup may come often."""
    cpu_s: float = 0.0
    rss_bytes: int = 0
    rule_engine: str = ""
    """`off`, `starting`, `running` or `failed`; empty of an agent that is older than this field."""
    rule_engine_error: str = ""
    """Why the rule engine ended last, in one sentence; empty where it never did."""
    rule_engine_restarts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The body of one `POST /v1/ingest/profiles`."""

    node: str
    boot_id: str
    sent_at: int
    """Unix time in milliseconds."""
    agent: AgentStatus
    deltas: tuple[ProfileDelta, ...] = ()
