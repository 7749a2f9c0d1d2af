"""The agent's loop: follow containers, end windows, hand over their profiles."""

import threading
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Protocol

import structlog

from collector.clock import Instant
from collector.containers import Containers
from collector.enrichment import Enrichment
from collector.outbox import Outbox
from collector.probe import CgroupCounts, CgroupEventKind, Probe
from collector.profiles import Origin, to_delta
from collector.status import StatusReporter
from collector.windows import Window, Windows
from wire.profile import Batch, ContainerRef, ProfileDelta

_SETTLE_S: Final = 1.0
"""How long a window waits for the labels of containers just found: their workload depends on them."""
_EVENTS_WAIT_S: Final = 60.0
_SCAN_WAIT_S: Final = 0.02
"""How long the end of the first scan may go unnoticed while nothing is born."""
_LISTENER_END_S: Final = 2.0

log = structlog.get_logger()


class Clock(Protocol):
    """A source of time."""

    def now(self) -> Instant: ...


class Agent:
    """Everything between the sensor and the outbox.

    Containers are followed in a thread of their own, since a short life leaves
    little time to ask who it was; all else that touches the probe is done by
    the thread that calls `run`.

    Args:
        probe: An open probe; the agent closes it.
        containers: The book of cgroups.
        enrichment: Asks runtimes about what the book finds.
        outbox: Takes a batch for each window; the agent closes it.
        reporter: Says how the agent is doing.
        origin: Whose deltas these are.
        clock: The machine's clocks.
        window_s: Length of a window in seconds, 0.001 to 3600.
        release: Closes what else was opened for the agent; called once, last in `run`.
    """

    def __init__(
        self,
        *,
        probe: Probe,
        containers: Containers,
        enrichment: Enrichment,
        outbox: Outbox,
        reporter: StatusReporter,
        origin: Origin,
        clock: Clock,
        window_s: float,
        release: Callable[[], None] = lambda: None,
    ) -> None:
        self._probe = probe
        self._containers = containers
        self._enrichment = enrichment
        self._outbox = outbox
        self._reporter = reporter
        self._origin = origin
        self._clock = clock
        self._release = release
        self._windows = Windows(round(window_s * 1000), clock.now())
        self._woken = threading.Event()
        self._stopping = False
        self._closing = False
        self._failure: Exception | None = None
        self._dropped_events = 0

    def stop(self) -> None:
        """End `run` after a last, short window; any thread may call it, a signal handler may not."""
        self._stopping = True
        self._woken.set()

    def run(self) -> None:
        """Work until `stop`.

        Raises:
            SensorError: The sensor no longer answers.
        """
        listener = threading.Thread(target=self._listen, name="events", daemon=True)
        try:
            self._enrichment.start()
            self._begin()
            listener.start()
            while not self._stopping:
                self._woken.wait(self._windows.wait_s(self._clock.now()))
                if self._windows.wait_s(self._clock.now()) == 0:
                    self._end_window()
            self._end_window()
        finally:
            self._closing = True
            self._probe.close()
            if listener.is_alive():
                listener.join(_LISTENER_END_S)
            self._enrichment.stop()
            self._outbox.close()
            self._release()
        if self._failure is not None:
            raise self._failure
        log.info("agent_stopped", waiting_batches=self._outbox.waiting().batches)

    def _begin(self) -> None:
        """Adopt what runs already; what was born since the probe was opened is watched by itself.

        Births are heard while the scan runs, since a short life does not wait for its end.
        """
        born: set[int] = set()
        with ThreadPoolExecutor(1, "scan") as scanner:
            scan = scanner.submit(self._containers.find)
            while not scan.done():
                born |= self._hear(_SCAN_WAIT_S)
        # A birth is told before its cgroup can be found: after this, what was found and not told is older.
        born |= self._hear(0)
        for cgroup_id in sorted(self._containers.begin(scan.result(), born)):
            self._probe.adopt(cgroup_id)
        log.info("agent_started", node=self._origin.node, running_containers=len(self._containers))

    def _listen(self) -> None:
        try:
            while not self._closing:
                self._hear(_EVENTS_WAIT_S)
        except Exception as error:  # noqa: BLE001 - raised again by the thread that others wait for
            if not self._closing:
                self._failure = error
                self.stop()

    def _hear(self, timeout_s: float) -> set[int]:
        """Take up the probe's next events; return the cgroups that were born."""
        events = self._probe.events(timeout_s)
        for event in events:
            self._containers.hear(event)
        return {event.cgroup_id for event in events if event.kind is CgroupEventKind.BORN}

    def _end_window(self) -> None:
        # Only what was dead before the drain has all its counts in it.
        dead, ended = self._containers.dead(), self._containers.take_ended()
        window = self._windows.cut(self._clock.now())
        counts = self._probe.drain()
        self._outbox.put(self._batch(window, counts, ended))
        for cgroup_id in sorted(self._containers.take_strangers()):
            self._probe.ignore(cgroup_id)
        for cgroup_id in sorted(dead):
            self._probe.forget(cgroup_id)
        self._containers.forget(dead)

    def _batch(self, window: Window, counts: list[CgroupCounts], ended: set[str]) -> Batch:
        health = self._probe.health()
        if health.dropped_events > self._dropped_events:
            new = self._containers.rescan()
            log.warning(
                "events_dropped", dropped=health.dropped_events - self._dropped_events, found_by_scan=len(new)
            )
            self._dropped_events = health.dropped_events
        deltas = self._deltas(window, counts, ended)
        status = self._reporter.report(
            containers=len(self._containers), health=health, waiting=self._outbox.waiting()
        )
        log.debug(
            "window_ended", start=window.start, end=window.end, partial=window.partial, deltas=len(deltas)
        )
        return Batch(
            node=self._origin.node,
            boot_id=self._origin.boot_id,
            sent_at=self._clock.now().wall,
            agent=status,
            deltas=deltas,
        )

    def _deltas(
        self, window: Window, counts: list[CgroupCounts], ended: set[str]
    ) -> tuple[ProfileDelta, ...]:
        parts: defaultdict[str, list[CgroupCounts]] = defaultdict(list)
        for each in counts:
            ref = self._containers.resolve(each.cgroup_id)
            if ref is not None:
                parts[ref.id].append(each)
        if not self._enrichment.settle(_SETTLE_S):
            log.warning("labels_late", waited_s=_SETTLE_S)
        return tuple(
            to_delta(self._origin, window, self._named(parts[id_]), parts[id_], ended=id_ in ended)
            for id_ in sorted(parts)
        )

    def _named(self, parts: list[CgroupCounts]) -> ContainerRef:
        """Return a container as it is known by now."""
        ref = self._containers.get(parts[0].cgroup_id)
        if ref is None:
            msg = f"Expected a container for cgroup {parts[0].cgroup_id}; the book has none."
            raise LookupError(msg)
        return ref
