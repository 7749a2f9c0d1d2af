"""Benign hours: load that varies and all that operators do, at random times that follow from one seed."""

import heapq
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from demo.workloads import Workload

from recordings.diary import Diary
from recordings.operations import OPERATIONS, Operation


@dataclass(frozen=True)
class Phase:
    """One kind of stretch of load."""

    name: str
    levels: Sequence[float]
    seconds: tuple[float, float]
    weight: float


PHASES = (
    Phase("idle", (), (20, 180), 2),
    Phase("trickle", (0.1, 0.25), (30, 240), 2),
    Phase("normal", (0.25, 0.5, 1.0), (60, 300), 4),
    Phase("busy", (1.0, 2.0), (30, 180), 2),
    Phase("burst", (4.0,), (5, 30), 2),
)


class Director:
    """Leads the load and the operations of some workloads, each pod in threads of its own.

    Args:
        workloads: What runs.
        diary: Takes what is done.
        seed: The same seed does the same at the same times.
        operations: Whether operators are at work.
    """

    def __init__(
        self, workloads: Sequence[Workload], diary: Diary, seed: int, *, operations: bool = True
    ) -> None:
        self._workloads = workloads
        self._diary = diary
        self._seed = seed
        self._operations = operations
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin."""
        parts: Sequence[Callable[[Workload], None]] = (
            (self._vary, self._operate) if self._operations else (self._vary,)
        )
        for workload in self._workloads:
            workload.start_load()
            self._threads += [threading.Thread(target=part, args=(workload,), daemon=True) for part in parts]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End it, and the load."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        for workload in self._workloads:
            workload.stop_load()

    def _dice(self, workload: Workload, what: str) -> random.Random:
        return random.Random(f"{self._seed}/{workload.pod.name}/{what}")

    def _vary(self, workload: Workload) -> None:
        dice = self._dice(workload, "load")
        while not self._stop.is_set():
            (phase,) = dice.choices(PHASES, [each.weight for each in PHASES])
            with self._diary.event(workload, "load", phase.name):
                workload.levels = phase.levels
                self._stop.wait(dice.uniform(*phase.seconds))

    def _operate(self, workload: Workload) -> None:
        begun, dice = time.monotonic(), self._dice(workload, "operations")
        for at_s, operation in timetable(OPERATIONS[workload.name], dice):
            if self._stop.wait(max(0.0, begun + at_s - time.monotonic())):
                return
            try:
                with self._diary.event(workload, "operation", operation.name):
                    operation.act(workload, dice)
            except Exception as error:  # noqa: BLE001 - noted in the diary; the recording goes on
                print(f"{workload.pod.name}: {operation.name} failed: {error}", flush=True)


def timetable(operations: Sequence[Operation], dice: random.Random) -> Iterator[tuple[float, Operation]]:
    """Yield when to do what, without end: each operation once, at a random second, in each of its periods.

    Examples:
        >>> daily = Operation("nightly", 10, lambda _workload, _dice: None)
        >>> times = timetable([daily], random.Random(0))
        >>> [int(at_s // 10) for at_s, _ in (next(times), next(times), next(times))]
        [0, 1, 2]
    """
    due = [(dice.uniform(0, each.period_s), number, each.period_s) for number, each in enumerate(operations)]
    heapq.heapify(due)
    while True:
        at_s, number, next_period_s = heapq.heappop(due)
        operation = operations[number]
        yield at_s, operation
        following = next_period_s + dice.uniform(0, operation.period_s)
        heapq.heappush(due, (following, number, next_period_s + operation.period_s))
