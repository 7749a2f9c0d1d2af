"""`nonself evaluate recording`: what the service would have said of recorded containers.

The first part of the first recording is learned, window by window, by the service's own code: scored first,
held out or released as the worker does. Then every workload is switched to alerting, and the rest of the
first recording and all others are judged, each as if it followed what was learned.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from rich.progress import Progress

from api.errors import DataError
from api.evaluate import recording_report
from api.evaluate.allow_lists import AllowLists
from api.evaluate.events import INTRUSION, Event, read_events
from api.evaluate.recording_figures import Branch, figures_of_branches, figures_of_learning
from api.evaluate.replayed import ReplayedService, Standing, name_of
from api.evaluate.report import Report
from api.evaluate.settings import RecordingSettings
from api.evaluate.slots import Progressed, Span, read, span_of
from api.vocabulary import Verdict
from model.evaluation.judged import OURS, Judged
from wire.profile import Batch

_EVENTS: Final = "events.jsonl"
_AT_ONCE: Final = 16
"""Slots in one transaction."""


@dataclass(slots=True)
class _Part:
    """A recording, or the rest of the first one, that is judged."""

    path: Path
    shift: int
    """Milliseconds by which it is moved, so that it follows what was learned."""
    events: list[Event] = field(default_factory=list)


@dataclass(slots=True)
class _Run:
    """One budget: its service, and what it had learned when it was switched."""

    per_week: float
    service: ReplayedService
    standings: list[Standing] = field(default_factory=list)
    branches: list[Branch] = field(default_factory=list)


def evaluate(paths: Sequence[Path], settings: RecordingSettings, progress: Progress) -> Report:
    """Learn and judge with every budget; see docs/recordings.md.

    Raises:
        DataError: A file is no recording, or what it holds cannot be evaluated.
        OSError: A file cannot be read.
    """
    window_ms = settings.window_s * 1000
    spans = [span_of(path) for path in paths]
    split = _split(spans[0], settings.learn_share, window_ms)
    parts = [
        _Part(path, _shift(span, split, window_ms) if number else 0, _events(path, settings.events))
        for number, (path, span) in enumerate(zip(paths, spans, strict=True))
    ]
    recordings = []
    with TemporaryDirectory(prefix="nonself-evaluate-") as name:
        folder = Path(name)
        runs = [
            _Run(
                per_week,
                ReplayedService.make(folder / f"{number}", window_s=settings.window_s, per_week=per_week),
            )
            for number, per_week in enumerate(settings.budgets)
        ]
        lists = AllowLists()
        for number, part in enumerate(parts):
            progressed = Progressed()
            slots = _watched(part.path, read(part.path, window_ms, progressed), progressed, progress)
            if number == 0:
                first = _learn(runs, lists, slots, split)
                _switch(runs, split)
                slots = _chained(first, slots)
            _judge(runs, lists, part, slots, folder / f"judged-{number}")
            recordings.append(
                {
                    "path": str(part.path),
                    "from": spans[number].start,
                    "to": spans[number].end,
                    "cut_off": progressed.cut_off,
                    "moved_by_ms": part.shift,
                    "events": len(part.events),
                    "intrusions": sum(each.kind == INTRUSION for each in part.events),
                }
            )
        figures = {
            "recordings": recordings,
            "window_s": settings.window_s,
            "learned_until": split,
            "budgets": [
                {
                    "per_week": run.per_week,
                    "learned": figures_of_learning(run.standings, run.service.drifts),
                    "judged": figures_of_branches(run.standings, run.branches, window_ms),
                }
                for run in runs
            ],
        }
        for run in runs:
            run.service.close()
    return recording_report.build(figures, runs[0].branches)


def _split(span: Span, share: float, window_ms: int) -> int:
    split = round(span.start + share * (span.end - span.start)) // window_ms * window_ms
    return max(split, span.start // window_ms * window_ms + window_ms)


def _shift(span: Span, split: int, window_ms: int) -> int:
    begin = span.start // window_ms * window_ms
    return max(0, split - begin)


def _events(path: Path, given: str) -> list[Event]:
    file = Path(given) if given else path.parent / _EVENTS
    return list(read_events(file)) if given or file.exists() else []


def _watched(
    path: Path, slots: Iterator[Batch], progressed: Progressed, progress: Progress
) -> Iterator[Batch]:
    task = progress.add_task(path.parent.name + "/" + path.name, total=path.stat().st_size)
    for batch in slots:
        progress.update(task, completed=progressed.bytes)
        yield batch
    progress.update(task, completed=path.stat().st_size)


def _learn(runs: Sequence[_Run], lists: AllowLists, slots: Iterator[Batch], split: int) -> Batch | None:
    """Learn until the split; return the first batch after it."""
    waiting: list[Batch] = []
    following = None
    for batch in slots:
        if batch.deltas[0].start >= split:
            following = batch
            break
        lists.learn(batch.deltas)
        waiting.append(batch)
        if len(waiting) == _AT_ONCE:
            _take(runs, waiting)
            waiting = []
    _take(runs, waiting)
    return following


def _take(runs: Sequence[_Run], batches: Sequence[Batch]) -> None:
    if batches:
        for run in runs:
            run.service.take(batches)


def _switch(runs: Sequence[_Run], split: int) -> None:
    for run in runs:
        run.standings = run.service.standings()
        if not run.standings:
            msg = "Expected windows of at least one container in the part to be learned; found none."
            raise DataError(msg)
        run.service.enforce(split)


def _chained(first: Batch | None, slots: Iterator[Batch]) -> Iterator[Batch]:
    if first is not None:
        yield first
        yield from slots


def _judge(
    runs: Sequence[_Run],
    lists: AllowLists,
    part: _Part,
    slots: Iterator[Batch],
    folder: Path,
) -> None:
    folder.mkdir()
    judges = [run.service.branch(folder / f"{place}") for place, run in enumerate(runs)]
    before = [judge.last_score() for judge in judges]
    flags: dict[tuple[str, int], frozenset[str]] = {}
    while some := list(islice(slots, _AT_ONCE)):
        moved = [_moved(batch, part.shift) for batch in some]
        for batch in moved:
            for delta in batch.deltas:
                flags[delta.container.id, delta.start] = lists.refuses(delta)
        for judge in judges:
            judge.take(moved)
    events = [replace(each, start=each.start + part.shift, end=each.end + part.shift) for each in part.events]
    for run, judge, after in zip(runs, judges, before, strict=True):
        windows = list(_windows(judge, after, flags))
        run.branches.append(
            Branch(
                path=part.path,
                windows=windows,
                pods={
                    row.container_id: (row.namespace, row.pod, row.pod_uid)
                    for _, row, _ in judge.scores(after)
                },
                events=events,
                alerts=judge.alerts(),
                drifts=judge.drifts,
                gap_ms=judge.settings.alert_gap_s * 1000,
                window_ms=judge.settings.window_s * 1000,
            )
        )
        judge.close()


def _moved(batch: Batch, shift: int) -> Batch:
    if not shift:
        return batch
    deltas = tuple(replace(each, start=each.start + shift, end=each.end + shift) for each in batch.deltas)
    return replace(batch, sent_at=batch.sent_at + shift, deltas=deltas)


def _windows(
    judge: ReplayedService, after: int, flags: dict[tuple[str, int], frozenset[str]]
) -> Iterator[Judged]:
    for score, container, workload in judge.scores(after):
        raised = score.verdict == Verdict.ANOMALOUS.value
        flagged = flags[container.container_id, score.start] | ({OURS} if raised else set())
        parts: list[dict[str, Any]] = sorted(score.contributions, key=lambda each: -float(each["bits"]))
        yield Judged(
            workload=name_of(workload),
            container=container.container_id,
            start=score.start,
            end=score.end,
            score=score.score,
            p_value=score.p_value,
            reasons=tuple(each["code"] for each in score.evidence),
            flagged=flagged,
            unseen=score.novelty > 0,
            contributions=tuple(parts[:5]) if raised else (),
        )
