"""The baselines in memory: read from their snapshots when needed, written once per transaction."""

from collections import OrderedDict
from typing import Final

from sqlalchemy.orm import Session

from api.db.tables import BaselineRow
from model import snapshot
from model.baseline import Baseline

MOST_IN_MEMORY: Final = 1000


class Baselines:
    """Baselines of the workloads that were scored last.

    What was learned but not committed must not survive: the worker calls
    `forget` after every transaction that was rolled back.
    """

    def __init__(self, capacity: int = MOST_IN_MEMORY) -> None:
        self._known: OrderedDict[int, Baseline] = OrderedDict()
        self._changed: set[int] = set()
        self._capacity = capacity

    def get(self, session: Session, workload_id: int, arch: str) -> Baseline:
        """Return the baseline of a workload; a new one where nothing was learned yet."""
        baseline = self._known.get(workload_id)
        if baseline is None:
            row = session.get(BaselineRow, workload_id)
            baseline = snapshot.from_bytes(row.snapshot) if row else Baseline(arch=arch)
            self._known[workload_id] = baseline
        self._known.move_to_end(workload_id)
        return baseline

    def mark_changed(self, workload_id: int) -> None:
        """Remember that a baseline learned something."""
        self._changed.add(workload_id)

    def save(self, session: Session, now_ms: int) -> None:
        """Write the snapshots of all that changed."""
        for workload_id in sorted(self._changed):
            baseline = self._known[workload_id]
            row = session.get(BaselineRow, workload_id)
            if row is None:
                row = BaselineRow(workload_id=workload_id)
                session.add(row)
            row.snapshot = snapshot.to_bytes(baseline)
            row.windows_learned = baseline.windows_learned
            row.ready = is_ready(baseline)
            row.updated_at = now_ms

    def settle(self) -> None:
        """Take note that the transaction was committed; the least used leave the memory."""
        self._changed.clear()
        while len(self._known) > self._capacity:
            self._known.popitem(last=False)

    def forget(self) -> None:
        """Drop what was not committed; it is read again from the last snapshots."""
        for workload_id in self._changed:
            self._known.pop(workload_id, None)
        self._changed.clear()


def is_ready(baseline: Baseline) -> bool:
    """Tell whether a baseline has seen enough windows to rank a score."""
    return baseline.windows_learned >= baseline.settings.min_windows
