"""Stand-ins for what the agent asks beside the probe: identity, clock, outbox."""

import threading
from collections.abc import Callable

from collector.clock import Instant
from collector.status import Waiting
from wire.profile import Batch, ContainerKind, ContainerRef


def container(id_: str, **known) -> ContainerRef:
    """Return a container of plain containerd."""
    return ContainerRef(id=id_, runtime="containerd", **({"name": id_, "cgroup": f"/default/{id_}"} | known))


class FakeIdentifier:
    """Knows containers by the path or id of their cgroup."""

    def __init__(self) -> None:
        self.by_path: dict[str, ContainerRef] = {}
        self.paths: dict[int, str] = {}
        self.present: list[tuple[int, ContainerRef]] = []
        self.labels: dict[str, dict[str, str]] = {}
        self.scanning: Callable[[], None] = lambda: None
        """What happens on the node while `running` walks over it."""

    def add(self, cgroup_id: int, path: str, ref: ContainerRef) -> None:
        """Make a cgroup of a container."""
        self.by_path[path] = ref
        self.paths[cgroup_id] = path

    def identify(self, cgroup_id: int, path: str, pid: int) -> ContainerRef | None:  # noqa: ARG002
        return self.by_path.get(path or self.paths.get(cgroup_id, ""))

    def enrich(self, ref: ContainerRef) -> ContainerRef:
        if ref.id not in self.labels:
            return ref
        return ContainerRef(
            id=ref.id, runtime=ref.runtime, name=ref.name, cgroup=ref.cgroup, labels=self.labels[ref.id]
        )

    def running(self) -> list[tuple[int, ContainerRef]]:
        self.scanning()
        return list(self.present)

    def path_of(self, cgroup_id: int) -> str | None:
        return self.paths.get(cgroup_id)


def sandbox(id_: str) -> ContainerRef:
    """Return a pod's pause container."""
    return container(id_, kind=ContainerKind.SANDBOX)


class FakeClock:
    """Two clocks that a test moves."""

    def __init__(self, wall: int = 1_700_000_000_000) -> None:
        self.instant = Instant(wall, 0)

    def now(self) -> Instant:
        return self.instant

    def pass_ms(self, steady: int, stepped: int = 0) -> Instant:
        """Let time pass, and set the wall clock by so much in between."""
        self.instant = Instant(self.instant.wall + steady + stepped, self.instant.steady + steady)
        return self.instant


class FakeOutbox:
    """Keeps batches for the test to look at."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.changed = threading.Condition()
        self.closed = False

    def put(self, batch: Batch) -> None:
        with self.changed:
            self.batches.append(batch)
            self.changed.notify_all()

    def waiting(self) -> Waiting:
        return Waiting()

    def close(self) -> None:
        self.closed = True
