"""The baselines in memory: read from their snapshots when needed, written once per transaction."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from api.db.baseline_tables import BaselineVersionRow
from api.db.tables import BaselineRow, WorkloadRow
from api.lifecycle import versions
from api.lifecycle.provenance import Provenance
from model import snapshot
from model.baseline import Baseline
from model.score import WindowScore
from model.teachers import Teachers
from model.window import Window

MOST_IN_MEMORY: Final = 1000
_ANEW: Final = 16
"""Windows after which completeness is estimated anew."""


class Key(NamedTuple):
    """One baseline of a workload."""

    workload_id: int
    version_id: int | None = None
    """A version at rest, which judges an image of its own; None is the live one."""


@dataclass(frozen=True, slots=True)
class Learner:
    """What was learned of a workload, from which windows, and which of it one replica alone has shown."""

    baseline: Baseline
    teachers: Teachers
    provenance: Provenance = field(default_factory=Provenance)

    def unvouched(self, window: Window) -> NDArray[np.bool_] | None:
        """Return which n-grams of a window one replica alone has shown; None where there are none at all."""
        return self.teachers.unvouched(window.ngrams) if len(self.teachers) else None

    def release(
        self, held: Sequence[tuple[Window, int | None]], *, again: bool = False
    ) -> list[WindowScore | None]:
        """Learn windows that were held out and belong after all, in order: first what they count.

        Each enters the record with what it scores beside the others, or, released alone, beside itself.
        Where they come from is for the caller to add.

        Args:
            held: Windows, each with who shows it as of `learn`.
            again: They were learned before, and unlearned.

        Returns:
            What is remembered of each; None of one that is no evidence.
        """
        counted = [self._count(window, replica, again=again) for window, replica in held]
        alone = sum(counted) == 1
        return [
            self.baseline.remember_window(window, itself=alone, unvouched=self.unvouched(window))
            if taken
            else None
            for taken, (window, _) in zip(counted, held, strict=True)
        ]

    def _count(self, window: Window, replica: int | None, *, again: bool) -> bool:
        new = self.baseline.held_by(window.ngrams) == 0
        taken = self.baseline.count_window(window, again=again)
        if taken and replica is not None:
            self.teachers.learn(window.ngrams, new, replica=replica)
        return taken

    def unlearn(self, window: Window, bits: float) -> None:
        """Take a learned window back; a replica that alone taught what is gone has taught nothing.

        Args:
            window: The window.
            bits: The score that it was learned with.

        Raises:
            UnlearnError: The baseline cannot take it back; nothing was changed.
        """
        self.baseline.unlearn_window(window, bits)
        if len(self.teachers):
            self.teachers.forget(window.ngrams[self.baseline.held_by(window.ngrams) == 0])

    def learn(self, window: Window, score: WindowScore, replica: int | None) -> bool:
        """Learn a window; False where it is no evidence. The caller adds it to the provenance.

        Args:
            window: The window.
            score: What it scored before.
            replica: Who shows it, where the workload has several; None where nobody else could vouch.
        """
        new = self.baseline.held_by(window.ngrams) == 0 if replica is not None else None
        if not self.baseline.learn_window(window, score):
            return False
        if replica is not None and new is not None:
            self.teachers.learn(window.ngrams, new, replica=replica)
        return True


class Baselines:
    """Baselines of the workloads that were scored last.

    What was learned but not committed must not survive: the worker calls
    `forget` after every transaction that was rolled back.
    """

    def __init__(self, capacity: int = MOST_IN_MEMORY) -> None:
        self._known: OrderedDict[Key, Learner] = OrderedDict()
        self._changed: set[Key] = set()
        self._capacity = capacity
        self._connections = 0

    def follow(self, connections: int) -> None:
        """Forget everything where the store writes over a new connection: another service may have learned.

        Args:
            connections: Writers' connections so far (`Store.connections`).
        """
        if connections != self._connections:
            self._known.clear()
            self._connections = connections

    def get(self, session: Session, key: Key, arch: str) -> Learner:
        """Return what was learned of a workload; a new baseline where that is nothing yet."""
        learner = self._known.get(key)
        if learner is None:
            learner = load(session, key, arch)
            self._known[key] = learner
        self._known.move_to_end(key)
        return learner

    def mark_changed(self, key: Key) -> None:
        """Remember that a baseline learned something."""
        self._changed.add(key)

    def save(self, session: Session, now_ms: int) -> None:
        """Write the snapshots of all that changed."""
        for key in sorted(self._changed, key=lambda each: (each.workload_id, each.version_id or 0)):
            store(session, key, self._known[key], now_ms)

    def settle(self) -> None:
        """Take note that the transaction was committed; the least used leave the memory."""
        self._changed.clear()
        while len(self._known) > self._capacity:
            self._known.popitem(last=False)

    def forget(self) -> None:
        """Drop what was not committed; it is read again from the last snapshots."""
        for key in self._changed:
            self._known.pop(key, None)
        self._changed.clear()

    def drop(self, workload_id: int) -> None:
        """Forget a workload's baselines, since another writer has changed one; call it before it commits."""
        for key in [each for each in self._known if each.workload_id == workload_id]:
            del self._known[key]


def load(session: Session, key: Key, arch: str) -> Learner:
    """Read what was learned of a workload."""
    row = (
        session.get(BaselineRow, key.workload_id)
        if key.version_id is None
        else session.get(BaselineVersionRow, key.version_id)
    )
    if row is None or row.snapshot is None:
        return Learner(Baseline(arch=arch), Teachers())
    return Learner(
        snapshot.from_bytes(row.snapshot),
        Teachers.from_bytes(row.taught_by),
        Provenance.from_plain(row.provenance),
    )


def store(session: Session, key: Key, learner: Learner, now_ms: int) -> None:
    """Write what was learned of a workload; its live version follows."""
    workload_id = key.workload_id
    if key.version_id is not None:
        _write(session.get_one(BaselineVersionRow, key.version_id), learner)
        return
    row = session.get(BaselineRow, workload_id)
    if row is None:
        row = BaselineRow(workload_id=workload_id)
        session.add(row)
    ready_before = row.ready
    _write(row, learner)
    row.ready = is_ready(learner.baseline)
    row.updated_at = now_ms
    # State depends on nothing else that learning changes; a look at the version would cost each window one.
    if row.version_id is None or row.ready != ready_before:
        workload = session.get_one(WorkloadRow, workload_id)
        versions.align(session, workload, row, actor=versions.WORKER, reason="", now_ms=now_ms)


def _write(row: BaselineRow | BaselineVersionRow, learner: Learner) -> None:
    baseline, teachers = learner.baseline, learner.teachers
    # The estimate takes several times as long as the snapshot, and one window hardly changes it.
    if row.completeness is None or row.windows_learned // _ANEW != baseline.windows_learned // _ANEW:
        row.completeness = baseline.unseen().verdict.value
    row.snapshot = snapshot.to_bytes(baseline)
    row.windows_learned = baseline.windows_learned
    row.taught_by = teachers.to_bytes() if len(teachers) else None
    row.provenance = learner.provenance.to_plain()


def is_ready(baseline: Baseline) -> bool:
    """Tell whether a baseline has seen enough windows to rank a score."""
    return baseline.ready
