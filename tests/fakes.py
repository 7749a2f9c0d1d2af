"""Stand-ins for what talks to the kernel, a runtime or a clock."""

import threading
from collections import Counter, deque
from types import TracebackType
from typing import Self

import numpy as np

from collector.probe import CgroupCounts, CgroupEvent, CgroupEventKind, ProbeHealth
from wire.profile import LossCause


class FakeProbe:
    """A probe fed by the test: `happen` and `count` stand for the kernel."""

    def __init__(self) -> None:
        self.state = ProbeHealth()
        self.adopted: set[int] = set()
        self.ignored: set[int] = set()
        self.forgotten: set[int] = set()
        self.closed = False
        self._events: deque[CgroupEvent] = deque()
        self._counts: dict[int, Counter[int]] = {}
        self._lost: dict[int, Counter[LossCause]] = {}
        self._over: set[int] = set()
        self._changed = threading.Condition()

    def happen(self, kind: CgroupEventKind, cgroup_id: int, path: str = "", pid: int = 1) -> None:
        """Queue one event."""
        with self._changed:
            self._events.append(CgroupEvent(kind, cgroup_id, path, pid))
            self._changed.notify_all()

    def count(
        self,
        cgroup_id: int,
        ngrams: dict[int, int],
        lost: dict[LossCause, int] | None = None,
        *,
        over_quota: bool = False,
    ) -> None:
        """Add calls to the running epoch; an ignored cgroup does not count."""
        with self._changed:
            if cgroup_id in self.ignored:
                return
            self._counts.setdefault(cgroup_id, Counter()).update(ngrams)
            self._lost.setdefault(cgroup_id, Counter()).update(lost or {})
            if over_quota:
                self._over.add(cgroup_id)

    def events(self, timeout_s: float) -> list[CgroupEvent]:
        with self._changed:
            self._changed.wait_for(lambda: self._events or self.closed, timeout_s)
            happened = list(self._events)
            self._events.clear()
            return happened

    def drain(self) -> list[CgroupCounts]:
        with self._changed:
            drained = [self._taken(cgroup_id) for cgroup_id in sorted(self._counts)]
            self._counts, self._lost, self._over = {}, {}, set()
            return [each for each in drained if each.ngrams.size or each.lost]

    def _taken(self, cgroup_id: int) -> CgroupCounts:
        counts = self._counts[cgroup_id]
        ngrams = sorted(counts)
        return CgroupCounts(
            cgroup_id,
            np.array(ngrams, dtype=np.uint64),
            np.array([counts[ngram] for ngram in ngrams], dtype=np.uint64),
            {cause: lost for cause, lost in self._lost[cgroup_id].items() if lost},
            cgroup_id in self._over,
        )

    def adopt(self, cgroup_id: int) -> None:
        self.adopted.add(cgroup_id)

    def ignore(self, cgroup_id: int) -> None:
        self.ignored.add(cgroup_id)

    def forget(self, cgroup_id: int) -> None:
        self.forgotten.add(cgroup_id)
        self.ignored.discard(cgroup_id)

    def health(self) -> ProbeHealth:
        return self.state

    def close(self) -> None:
        with self._changed:
            self.closed = True
            self._changed.notify_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.close()
