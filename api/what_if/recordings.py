"""Which alerts recorded windows would have raised: the service's own transactions, on a database of its own.

The workload begins as its service knows it, with its baseline and rate of windows, in `enforcement-alert`.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from pydantic import ValidationError
from rich.progress import Progress
from sqlalchemy.orm import Session

from api.clock import to_datetime
from api.console import full_name
from api.db.tables import LedgerRow, WorkloadRow
from api.errors import DataError, ProblemError
from api.evaluate.replayed import ReplayedService
from api.evaluate.slots import Progressed, read, span_of
from api.settings import ServiceSettings
from api.vocabulary import Mode
from api.what_if import service
from api.what_if.carried import CarriedOut, decode
from api.what_if.schemas import WhatIfIn, WhatIfOut
from api.worker import baselines, repository
from api.worker.baselines import Learner
from api.workloads.identity import Source, WorkloadKey, identify
from model import snapshot
from model.errors import ModelError
from model.teachers import Teachers
from wire.profile import Batch, ContainerKind, ProfileDelta

_AT_ONCE: Final = 16
"""Slots in one transaction."""


@dataclass(slots=True)
class _Chosen:
    """Which of the recorded workloads is judged, and which others there are."""

    wanted: str
    cluster: str
    key: WorkloadKey | None = None
    others: set[str] = field(default_factory=set)
    starts: list[int] = field(default_factory=list)
    """Of the first window, and of the last one so far."""

    def picks(self, delta: ProfileDelta) -> bool:
        """Tell whether a delta is of the workload.

        Raises:
            DataError: The name fits two workloads.
        """
        if delta.container.kind is ContainerKind.SANDBOX:
            return False
        key, source = identify(delta.container, self.cluster)
        shown = full_name(key.namespace, key.name, key.container)
        if source is Source.NONE or self.wanted not in {shown, key.name, f"{key.namespace}/{key.name}"}:
            self.others.add(shown)
            return False
        if self.key is not None and key != self.key:
            known = full_name(self.key.namespace, self.key.name, self.key.container)
            msg = f"Expected one recorded workload called {self.wanted!r}; found {known} and {shown}."
            raise DataError(msg)
        self.key = key
        self.starts = [min([delta.start, *self.starts]), max([delta.start, *self.starts])]
        return True


def read_carried(path: Path) -> CarriedOut:
    """Return the baseline of a file that `nonself workload snapshot` wrote.

    Raises:
        DataError: It cannot be read as one.
    """
    try:
        return CarriedOut.model_validate(json.loads(path.read_bytes()))
    except OSError as error:
        msg = f"The file {path} cannot be read: {error.strerror or error}."
        raise DataError(msg) from error
    except (ValidationError, ValueError) as error:
        reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error
        msg = f"{path}: expected a file of 'nonself workload snapshot'; got another ({reason})."
        raise DataError(msg) from error


def replay(
    paths: Sequence[Path],
    carried: CarriedOut,
    *,
    wanted: str,
    budget_per_week: float | None,
    progress: Progress,
) -> WhatIfOut:
    """Return what a baseline would have raised of recorded windows.

    Args:
        paths: Recordings, of different times.
        carried: The baseline.
        wanted: Name of the workload in the recordings.
        budget_per_week: None takes that of the workload.
        progress: Shows how far it is.

    Raises:
        DataError: A file is no recording, they overlap, or they hold nothing of the workload.
    """
    spans = {path: span_of(path) for path in paths}
    ordered = sorted(paths, key=lambda path: spans[path].start)
    chosen = _Chosen(wanted, carried.cluster)
    with TemporaryDirectory(prefix="nonself-what-if-") as name:
        settings = ServiceSettings(
            state_dir=Path(name),
            window_s=round(carried.window_s),
            budget_per_week=budget_per_week or carried.budget_per_week,
            alert_gap_s=carried.alert_gap_s,
            cluster=carried.cluster,
        )
        replayed = ReplayedService(Path(name), settings)
        try:
            seeded = False
            for path in ordered:
                for batches in _chosen_of(path, chosen, settings.window_s * 1000, progress):
                    if not seeded and chosen.key is not None:
                        with replayed.write() as session:
                            _seed(session, chosen.key, carried, batches[0].deltas[0].start)
                        seeded = True
                    replayed.take(batches)
            if not seeded:
                known = ", ".join(sorted(chosen.others)) or "no container"
                msg = f"Expected recorded windows of {wanted!r}; the recordings hold {known}."
                raise DataError(msg)
            since, until = chosen.starts[0], chosen.starts[1] + settings.window_s * 1000
            wish = WhatIfIn(since=to_datetime(since), until=to_datetime(until))
            with replayed.read() as session:
                return service.run(session, _ID, wish, settings, now_ms=until)
        except ProblemError as error:
            msg = f"The recordings cannot be judged together: {error.detail}"
            raise DataError(msg) from error
        finally:
            replayed.close()


_ID: Final = 1
"""Of the only workload."""


def _chosen_of(path: Path, chosen: _Chosen, window_ms: int, progress: Progress) -> Iterator[list[Batch]]:
    progressed = Progressed()
    task = progress.add_task(path.name, total=path.stat().st_size)
    picked = _picked(read(path, window_ms, progressed), chosen)
    while some := list(islice(picked, _AT_ONCE)):
        progress.update(task, completed=progressed.bytes)
        yield some
    progress.update(task, completed=path.stat().st_size)


def _picked(batches: Iterator[Batch], chosen: _Chosen) -> Iterator[Batch]:
    for batch in batches:
        deltas = tuple(delta for delta in batch.deltas if chosen.picks(delta))
        if deltas:
            yield replace(batch, deltas=deltas)


def _seed(session: Session, key: WorkloadKey, carried: CarriedOut, start: int) -> None:
    row: WorkloadRow = repository.add_workload(
        session, key, Source.LABEL, Mode.ENFORCEMENT.value, now_ms=start
    )
    row.id = _ID
    try:
        learner = Learner(
            snapshot.from_bytes(decode(carried.snapshot)),
            Teachers.from_bytes(None if carried.taught_by is None else decode(carried.taught_by)),
        )
    except (ModelError, ValueError) as error:
        msg = f"The baseline cannot be read: {error}"
        raise DataError(msg) from error
    baselines.store(session, baselines.Key(_ID), learner, start)
    session.add(
        LedgerRow(
            workload_id=_ID,
            newest_start=0,
            newest_windows=round(carried.replicas),
            slots=carried.slots,
            replicas=carried.replicas,
            drift_evidence=0.0,
            window_ms=round(carried.window_s * 1000),
        )
    )
