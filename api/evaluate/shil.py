"""`nonself evaluate shil`: counts of calls in tenths of a second, of containers that are attacked.

The folder holds `meta.json` (a list; of each vulnerability its name and the
test vectors in which the exploit begins and succeeds, per container) and
`compact/<name>.csv.gz` (part, container, minute, ts_ms, one column for each call).
"""

import csv
import gzip
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress

from api.errors import DataError
from api.evaluate.report import Curve, Grid, Plot, Report
from api.evaluate.settings import ShilSettings
from model.evaluation.shil import (
    ALLOW_LIST,
    CURVE,
    METHODS,
    OURS,
    PROTOCOLS,
    TRACKED,
    VECTOR_S,
    Replica,
    Run,
    Summary,
    Vulnerability,
    runs,
    summarise,
)

_LEADING: Final = ["part", "container", "minute", "ts_ms"]
_PROTOCOL_NAMES: Final = {"pooled": "all replicas", "others": "other replicas only", "own": "own past only"}
_TEST: Final = 0
_TRAIN: Final = 1


def evaluate(paths: Sequence[Path], settings: ShilSettings, progress: Progress) -> Report:
    """Evaluate the folder; see docs/evaluation.md.

    Raises:
        DataError: The folder does not hold what its form says.
    """
    folder = paths[0]
    entries = _entries(folder)
    found: list[Run] = []
    empty: list[str] = []
    for entry in progress.track(entries, description="vulnerabilities"):
        vulnerability = _vulnerability(folder, entry)
        if vulnerability is None:
            empty.append(str(entry["cve"]))
        else:
            found.extend(runs(vulnerability))
    if not found:
        msg = f"Expected recordings with calls in {folder}; found none in {len(entries)}."
        raise DataError(msg)
    return _report(
        found,
        empty,
        {each: settings.others_rate if each == "others" else settings.rate for each in PROTOCOLS},
    )


def _report(found: list[Run], empty: list[str], asked: Mapping[str, float]) -> Report:
    cells = {
        (protocol, method): [run for run in found if (run.protocol, run.method) == (protocol, method)]
        for protocol in PROTOCOLS
        for method in METHODS
    }
    cells = {key: chosen for key, chosen in cells.items() if chosen}
    rates = sorted({*CURVE, *asked.values()})
    curves = {key: [summarise(chosen, rate) for rate in rates] for key, chosen in cells.items()}
    headline = {key: summarise(chosen, asked[key[0]]) for key, chosen in cells.items()}
    in_paper = {
        key: summarise(known, asked[key[0]])
        for key, chosen in cells.items()
        if (known := [run for run in chosen if run.in_paper])
    }
    figures: dict[str, Any] = {
        "asked": asked["pooled"],
        "asked_others": asked["others"],
        "vulnerabilities": len({run.vulnerability for run in found}),
        "without_calls": empty,
        "summary": _nested(headline),
        "summary_in_paper": _nested(in_paper),
        "curve": {
            protocol: {
                method: [asdict(each) for each in curves[protocol, method]]
                for method in METHODS
                if (protocol, method) in curves
            }
            for protocol in PROTOCOLS
        },
        "runs": [
            {
                "vulnerability": run.vulnerability,
                "container": run.container,
                "protocol": run.protocol,
                "method": run.method,
                **asdict(run.outcome(asked[run.protocol])),
            }
            for run in found
        ],
    }
    return Report(
        figures=figures,
        grids=[
            _grid(f"All {figures['vulnerabilities']} vulnerabilities", headline),
            _grid("Those among the 41 of the paper", in_paper),
            _curve_grid({key: curves[key] for key in curves if key[1] in {OURS, TRACKED}}),
            _missed_grid(found, asked["pooled"]),
        ],
        plots=[*_curve_plots(curves), *_timelines(found, asked["pooled"])],
        notes=_notes(empty),
    )


def _notes(empty: list[str]) -> list[str]:
    notes = [
        "Chance is what alarms thrown at random at the same rate of false positives would detect.",
        "Tracking: the threshold begins where training puts it and follows the stream (model.rates.tracked).",
        "False alarms per hour are counted per container, consecutive vectors as one.",
    ]
    if empty:
        notes.append(f"Left out, since the recordings hold not a single call: {', '.join(empty)}.")
    return notes


def _nested(summaries: dict[tuple[str, str], Summary]) -> dict[str, dict[str, Any]]:
    nested: dict[str, dict[str, Any]] = {}
    for (protocol, method), summary in summaries.items():
        nested.setdefault(protocol, {})[method] = asdict(summary)
    return nested


_HEADINGS: Final = ("runs", "false positives", "detected", "lead s", "false alarms/h", "chance")


def _cells(summary: Summary) -> tuple[str, ...]:
    return (
        str(summary.runs),
        f"{summary.false_positive_rate:.2%}",
        f"{summary.detection_rate:.2%}",
        f"{summary.lead_s:.2f}",
        f"{summary.false_alarms_per_hour:.0f}",
        f"{summary.chance:.1%}",
    )


def _grid(title: str, summaries: dict[tuple[str, str], Summary]) -> Grid:
    return Grid(
        title=title,
        headings=("learned from", "method", "asked", *_HEADINGS),
        rows=[
            (_PROTOCOL_NAMES[protocol], method, f"{summary.asked:.2%}", *_cells(summary))
            for (protocol, method), summary in summaries.items()
        ],
    )


def _curve_grid(curves: dict[tuple[str, str], list[Summary]]) -> Grid:
    return Grid(
        title="nonself at other asked rates",
        headings=("learned from", "method", "asked", *_HEADINGS),
        rows=[
            (_PROTOCOL_NAMES[protocol], method, f"{each.asked:.2%}", *_cells(each))
            for (protocol, method), summaries in curves.items()
            for each in summaries
        ],
    )


def _missed_grid(found: list[Run], asked: float) -> Grid:
    rows = []
    ours = [run for run in found if (run.protocol, run.method) == ("pooled", OURS)]
    for name, group in groupby(ours, key=lambda run: run.vulnerability):
        outcomes = [(run.container, run.outcome(asked)) for run in group]
        missed = [str(container) for container, outcome in outcomes if not outcome.detected]
        if missed:
            rate = float(np.mean([outcome.false_positive_rate for _, outcome in outcomes]))
            rows.append((name, ", ".join(missed), f"{rate:.2%}"))
    return Grid(
        title="Missed by nonself, learned from all replicas",
        headings=("vulnerability", "containers", "false positives"),
        rows=rows,
    )


def _curve_plots(curves: dict[tuple[str, str], list[Summary]]) -> Iterator[Plot]:
    for protocol in PROTOCOLS:
        shown = [
            Curve(
                label=method,
                x=[each.false_positive_rate for each in summaries],
                y=[each.detection_rate for each in summaries],
            )
            for (other, method), summaries in curves.items()
            if other == protocol and method != ALLOW_LIST
        ]
        if shown:
            yield Plot(
                name=f"shil-curve-{protocol}",
                title=f"SHIL, learned from {_PROTOCOL_NAMES[protocol]}",
                x_label="vectors before the exploit that alarm",
                y_label="exploits detected before they succeed",
                curves=shown,
            )


def _timelines(found: list[Run], asked: float) -> Iterator[Plot]:
    for run in found:
        if (run.protocol, run.method) != ("pooled", OURS):
            continue
        scores = run.judged.test
        seconds = (np.arange(len(scores)) * VECTOR_S).tolist()
        threshold = run.judged.threshold(asked)
        yield Plot(
            name=f"shil-{run.vulnerability}-{run.container}",
            title=f"{run.vulnerability}, container {run.container}: exploit begins and succeeds",
            x_label="seconds",
            y_label="score, bits",
            curves=[
                Curve(label="score", x=seconds, y=scores.tolist()),
                Curve(label=f"threshold, {asked:.2%}", x=[0, seconds[-1]], y=[threshold, threshold]),
            ],
            marks=[run.replica.trigger * VECTOR_S, run.replica.success * VECTOR_S],
            log_y=True,
        )


def _entries(folder: Path) -> list[dict[str, Any]]:
    path = folder / "meta.json"
    try:
        entries = json.loads(path.read_text())
    except FileNotFoundError as error:
        msg = f"Expected {path}, which says when each exploit begins; there is no such file."
        raise DataError(msg) from error
    except ValueError as error:
        msg = f"{path}: expected JSON; {error}."
        raise DataError(msg) from error
    if not isinstance(entries, list) or not entries:
        msg = f"{path}: expected a list with one entry for each vulnerability."
        raise DataError(msg)
    for entry in entries:
        if not isinstance(entry, dict) or not isinstance(entry.get("cve"), str):
            msg = f"{path}: expected each entry to have a name in 'cve'; got {str(entry)[:80]}."
            raise DataError(msg)
    return entries


def _vulnerability(folder: Path, entry: dict[str, Any]) -> Vulnerability | None:
    """Return one vulnerability; None where its recordings hold no call."""
    name = entry["cve"]
    path = folder / "compact" / f"{name}.csv.gz"
    labels, counts = _read(path)
    if not counts.any():
        return None
    timing = entry.get("timing_test_index")
    containers = np.unique(labels[:, 1]).tolist()
    if not isinstance(timing, list) or len(timing) != len(containers):
        msg = f"{name}: expected 'timing_test_index' for each of {len(containers)} containers in meta.json."
        raise DataError(msg)
    replicas = []
    for container, times in zip(containers, timing, strict=True):
        train = (labels[:, 1] == container) & (labels[:, 0] == _TRAIN)
        test = (labels[:, 1] == container) & (labels[:, 0] == _TEST)
        trigger, success = _times(name, container, times, int(test.sum()))
        if len(np.unique(labels[train, 2])) < 2:
            msg = f"{path}: expected training vectors of at least two minutes for container {container}."
            raise DataError(msg)
        replicas.append(
            Replica(
                train=counts[train],
                minutes=labels[train, 2],
                test=counts[test],
                trigger=trigger,
                success=success,
            )
        )
    return Vulnerability(name=name, in_paper=bool(entry.get("in_paper_41")), replicas=tuple(replicas))


def _times(name: str, container: int, times: object, vectors: int) -> tuple[int, int]:
    try:
        trigger, success = int(times["trigger"]), int(times["success"])  # type: ignore[index]
    except (KeyError, TypeError, ValueError) as error:
        msg = f"{name}, container {container}: expected whole numbers 'trigger' and 'success'; got {times}."
        raise DataError(msg) from error
    if not 0 < trigger <= success < vectors:
        msg = (
            f"{name}, container {container}: expected 0 < trigger <= success < {vectors} test vectors;"
            f" got {trigger} and {success}."
        )
        raise DataError(msg)
    return trigger, success


def _read(path: Path) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return part (0 test, 1 train), container and minute of each vector, and its counts."""
    try:
        with gzip.open(path, "rt", newline="") as lines:
            header, *rows = csv.reader(lines)
    except FileNotFoundError as error:
        msg = f"Expected {path}, which meta.json names; there is no such file."
        raise DataError(msg) from error
    except (EOFError, ValueError, zlib.error, gzip.BadGzipFile) as error:
        msg = f"{path}: expected a compressed table with a header; {error}."
        raise DataError(msg) from error
    if header[:4] != _LEADING:
        msg = f"{path}: expected columns {', '.join(_LEADING)} first; got {', '.join(header[:4])}."
        raise DataError(msg)
    labels = np.empty((len(rows), 3), dtype=np.int64)
    # A recording without any call has one column, without a name and without values.
    calls = len(header) - 4 if header[4:] != [""] else 0
    counts = np.empty((len(rows), calls), dtype=np.int64)
    for number, row in enumerate(rows):
        try:
            labels[number] = ("test", "train").index(row[0]), int(row[1]), int(row[2])
            counts[number] = row[4 : 4 + calls]
            correct = len(row) == len(header) and bool((counts[number] >= 0).all())
        except (IndexError, ValueError):
            correct = False
        if not correct:
            msg = (
                f"{path}, line {number + 2}: expected train or test, whole numbers from 0,"
                f" and {len(header)} columns; got {','.join(row)[:60]!r} in {len(row)}."
            )
            raise DataError(msg)
    return labels, counts
