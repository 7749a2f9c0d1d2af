"""A service of its own for an evaluation: inbox, worker and rows, with no clock but that of the data."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.db.alert_tables import AlertRow
from api.db.migrate import upgrade
from api.db.store import Store
from api.db.tables import BaselineRow, ContainerRow, LedgerRow, ScoreRow, WorkloadRow
from api.falco.shape import Alert
from api.ingest import service as ingest
from api.settings import ServiceSettings
from api.vocabulary import Mode
from api.worker import repository
from api.worker.baselines import Baselines
from api.worker.batch import BatchProcessor
from api.workloads import promises, service as workloads
from model import snapshot
from model.baseline import Baseline
from model.budget import Promise
from wire.profile import Batch


@dataclass(frozen=True, slots=True)
class DriftReport:
    """One time that a workload was said to drift."""

    workload: str
    since: int
    reported: int
    ended: int | None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one workload stands."""

    id: int
    name: str
    baseline: Baseline
    promise: Promise
    quarantined: int


class ReplayedService:
    """What the service would have made of a recording, window by window.

    Args:
        folder: Of its database, its own.
        settings: As of the service; the state folder is the folder.
    """

    def __init__(self, folder: Path, settings: ServiceSettings) -> None:
        self._folder = folder
        self.settings = settings
        upgrade(settings.url)
        self._open()
        self.drifts: list[DriftReport] = []

    @classmethod
    def make(cls, folder: Path, *, window_s: int, per_week: float) -> "ReplayedService":
        """Return a service that knows nothing yet."""
        folder.mkdir()
        return cls(folder, ServiceSettings(state_dir=folder, window_s=window_s, budget_per_week=per_week))

    def branch(self, folder: Path) -> "ReplayedService":
        """Return another service that knows what this one knows by now."""
        self.close()
        shutil.copytree(self._folder, folder)
        self._open()
        made = ServiceSettings(
            state_dir=folder, window_s=self.settings.window_s, budget_per_week=self.settings.budget_per_week
        )
        return ReplayedService(folder, made)

    def write(self) -> AbstractContextManager[Session]:
        """Give a session whose changes are committed together; what it changes of baselines is read anew."""
        self._baselines = Baselines()
        return self._store.write()

    def read(self) -> AbstractContextManager[Session]:
        """Give a session that sees what the worker has made so far."""
        return self._store.read()

    def close(self) -> None:
        """Close the database."""
        self._store.close()

    def take(self, batches: Sequence[Batch]) -> None:
        """Take some batches in, and do with their deltas what the worker does."""
        now_ms = max(batch.sent_at for batch in batches)
        with self._store.write() as session:
            for batch in batches:
                parcels = [ingest.pack(delta) for delta in batch.deltas]
                ingest.accept(session, batch, parcels, now_ms=now_ms, settings=self.settings)
        while self._work(now_ms):
            pass

    def enforce(self, now_ms: int) -> None:
        """Switch every workload to alerting."""
        with self._store.write() as session:
            for id_ in session.scalars(select(WorkloadRow.id)).all():
                workloads.set_mode(
                    session,
                    id_,
                    self.settings,
                    mode=Mode.ENFORCEMENT,
                    reason="learned",
                    actor="evaluation",
                    now_ms=now_ms,
                )

    def last_score(self) -> int:
        """Return the id of the newest score, 0 where there is none."""
        with self._store.read() as session:
            return session.scalar(select(func.max(ScoreRow.id))) or 0

    def scores(self, after: int) -> Iterator[tuple[ScoreRow, ContainerRow, WorkloadRow]]:
        """Yield the scores after an id with their containers and workloads, in order of time."""
        with self._store.read() as session:
            rows = session.execute(
                select(ScoreRow, ContainerRow, WorkloadRow)
                .join(ContainerRow, ContainerRow.id == ScoreRow.container_id)
                .join(WorkloadRow, WorkloadRow.id == ScoreRow.workload_id)
                .where(ScoreRow.id > after)
                .order_by(ScoreRow.start, ScoreRow.id)
            )
            yield from ((score, container, workload) for score, container, workload in rows)

    def alerts(self) -> list[str]:
        """Return the workload of each alert; in mode `learning` there were none."""
        with self._store.read() as session:
            found = session.scalars(
                select(WorkloadRow)
                .join(AlertRow, AlertRow.workload_id == WorkloadRow.id)
                .order_by(AlertRow.id)
            )
            return [name_of(each) for each in found]

    def standings(self) -> list[Standing]:
        """Return where every workload stands, by name."""
        with self._store.read() as session:
            rows = session.scalars(select(WorkloadRow)).all()
            return sorted((self._standing(session, row) for row in rows), key=lambda each: each.name)

    def _standing(self, session: Session, row: WorkloadRow) -> Standing:
        kept = session.get(BaselineRow, row.id)
        baseline = snapshot.from_bytes(kept.snapshot) if kept else Baseline()
        promise = promises.promise(
            session.get(LedgerRow, row.id),
            self.settings,
            learned=baseline.windows_learned,
            per_week=row.budget_per_week,
        )
        held = select(func.count()).select_from(ScoreRow)
        held = held.where(ScoreRow.workload_id == row.id, ScoreRow.quarantined)
        return Standing(row.id, name_of(row), baseline, promise, session.scalar(held) or 0)

    def _open(self) -> None:
        self._store = Store(self.settings.url)
        self._baselines = Baselines()

    def _work(self, now_ms: int) -> bool:
        with self._store.write() as session:
            items = repository.take(session, self.settings.batch_deltas)
            if items:
                BatchProcessor(session, self._baselines, self.settings, now_ms, _tell_nobody).process(items)
                self._watch_drift(session, now_ms)
        self._baselines.settle()
        return bool(items)

    def _watch_drift(self, session: Session, now_ms: int) -> None:
        rows = session.execute(
            select(WorkloadRow, LedgerRow).join(LedgerRow, LedgerRow.workload_id == WorkloadRow.id)
        )
        for workload, ledger in rows:
            name = name_of(workload)
            place = next(
                (at for at, each in enumerate(self.drifts) if each.workload == name and each.ended is None),
                None,
            )
            if ledger.drift_since is not None and place is None:
                self.drifts.append(DriftReport(name, ledger.drift_since, now_ms, None))
            elif ledger.drift_since is None and place is not None:
                known = self.drifts[place]
                self.drifts[place] = DriftReport(name, known.since, known.reported, now_ms)


def name_of(row: WorkloadRow) -> str:
    """Return a workload's name as tables show it."""
    return "/".join(part for part in (row.namespace, row.name) if part)


def _tell_nobody(_: Alert) -> None:
    """Tell of no alert: what is replayed happened long ago."""
