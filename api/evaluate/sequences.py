"""`nonself evaluate sequences`: our detector and the comparators on one file of traces."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from rich.progress import Progress

from api.evaluate.report import Curve, Grid, Plot, Report, show_share
from api.evaluate.settings import SequencesSettings
from api.evaluate.trace_file import TraceFile, read_traces
from model.errors import SampleError
from model.evaluation.conformal import p_values
from model.evaluation.detectors import AllOrders, Detector
from model.evaluation.metrics import curve
from model.evaluation.sequences import ASKED, OURS, RATES, check, detectors, figures, held_back
from model.evaluation.traces import Split, Traces, shuffled, without_duplicates

_CANONICAL: Final = "canonical"
_DEDUPLICATED: Final = "deduplicated"


def evaluate(paths: Sequence[Path], settings: SequencesSettings, progress: Progress) -> Report:
    """Return the figures of every detector on every split of the first file.

    Raises:
        DataError: The file is not as expected.
        SampleError: It holds too few traces.
        OSError: It cannot be read.
    """
    file = read_traces(paths[0])
    check(file.split, _CANONICAL)
    splits, notes = _splits(file, settings)
    makers = detectors(settings.seed, every=settings.comparators == "all")
    work = [(split, name) for split in splits for name in makers]
    found: dict[str, dict[str, Any]] = {split: {} for split in splits}
    curves: list[Curve] = []
    for split, name in progress.track(work, description="detectors on splits"):
        figure, roc = _judge(file, splits[split], makers[name], name, settings)
        found[split][name] = figure
        if split == _CANONICAL:
            curves.append(roc)
    resplits = _resplits(found)
    numbers = range(1, settings.calibration_resplits + 1)
    calibrated = [
        _realised_once(file.traces, shuffled(file.split, settings.seed + number))
        for number in progress.track(numbers, description="asked and realised rates")
    ]
    calibration = [{"asked": asked, **each} for asked, each in zip(ASKED, _spread(calibrated), strict=True)]
    return Report(
        figures={
            "traces": _counts(file, splits),
            "splits": found,
            "resplits": resplits,
            "calibration": {"resplits": len(calibrated), "rates": calibration},
        },
        grids=[
            *_grids(found, resplits),
            _groups(found[_CANONICAL][OURS]),
            *_calibrations(found),
            _calibrated(calibration, len(calibrated)),
        ],
        plots=[
            _roc(curves),
            *(_calibration(split, found[split]) for split in (_CANONICAL, list(splits)[-1])),
        ],
        notes=notes,
    )


def _splits(file: TraceFile, settings: SequencesSettings) -> tuple[dict[str, Split], list[str]]:
    notes = []
    splits = {_CANONICAL: file.split}
    once = without_duplicates(file.split, file.traces.contents())
    try:
        check(once, _DEDUPLICATED)
        splits[_DEDUPLICATED] = once
    except SampleError as error:
        notes.append(f"There is no deduplicated split: {error}")
    for number in range(1, settings.resplits + 1):
        splits[f"re-split {number}"] = shuffled(file.split, settings.seed + number)
    return splits, notes


def _judge(
    file: TraceFile, split: Split, make: Callable[[], Detector], name: str, settings: SequencesSettings
) -> tuple[dict[str, Any], Curve]:
    learned = file.traces.take(split.learned)
    both = file.traces.take(np.concatenate((split.normal, split.attack)))
    began = time.process_time()
    detector = make().fit(learned)
    fitted = time.process_time()
    scores = detector.score(both)
    scored = time.process_time()
    back = held_back(make, detector, learned, settings.seed)
    normal, attack = np.split(scores, [len(split.normal)])
    figure = figures(normal, attack, back, [file.groups[row] for row in split.attack])
    figure["fit_s"] = fitted - began
    figure["calls_scored_per_s"] = len(both.calls) / max(scored - fitted, 1e-9)
    false, true = curve(normal, attack)
    return figure, Curve(label=f"{name} ({figure['auc']['value']:.3f})", x=false.tolist(), y=true.tolist())


def _counts(file: TraceFile, splits: Mapping[str, Split]) -> dict[str, Any]:
    lengths = file.traces.lengths
    return {
        "distinct_calls": file.traces.alphabet,
        "splits": {
            name: {
                part: {"traces": len(rows), "calls": int(lengths[rows].sum())}
                for part, rows in (
                    ("learned", split.learned),
                    ("normal", split.normal),
                    ("attack", split.attack),
                )
            }
            for name, split in splits.items()
        },
    }


def _resplits(found: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return mean and standard deviation over the re-splits, for each detector."""
    rows = [figures for split, figures in found.items() if split not in {_CANONICAL, _DEDUPLICATED}]
    return {name: _summary([each[name] for each in rows]) for name in rows[0]}


def _summary(figures: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    def over(values: Iterator[float]) -> dict[str, float]:
        array = np.fromiter(values, dtype=np.float64)
        return {"mean": float(array.mean()), "deviation": float(array.std(ddof=1)) if len(array) > 1 else 0.0}

    return {
        "auc": over(each["auc"]["value"] for each in figures),
        "detection_at_false_alarm_rate": {
            str(rate): over(each["detection_at_false_alarm_rate"][str(rate)] for each in figures)
            for rate in RATES
        },
        "false_alarm_rate_at_90_percent_detection": over(
            each["false_alarm_rate_at_90_percent_detection"] for each in figures
        ),
        "calibration": [
            {
                "asked": asked,
                "realised": over(each["calibration"][place]["realised"] for each in figures),
                "detection": over(each["calibration"][place]["detection"] for each in figures),
            }
            for place, asked in enumerate(ASKED)
        ],
    }


def _grids(found: Mapping[str, Mapping[str, Any]], resplits: Mapping[str, Any]) -> Iterator[Grid]:
    rates = tuple(f"detected at {rate:.0%}" for rate in RATES)
    for split in (_CANONICAL, _DEDUPLICATED):
        if split not in found:
            continue
        yield Grid(
            title=f"{split.capitalize()} split",
            headings=("detector", "AUC", "95 % interval", *rates, "false at 90 %", "million calls/s"),
            rows=[
                (
                    name,
                    show_share(each["auc"]["value"]),
                    f"{each['auc']['low']:.3f} to {each['auc']['high']:.3f}",
                    *map(show_share, each["detection_at_false_alarm_rate"].values()),
                    show_share(each["false_alarm_rate_at_90_percent_detection"]),
                    f"{each['calls_scored_per_s'] / 1e6:.2f}",
                )
                for name, each in found[split].items()
            ],
        )
    yield Grid(
        title="Random re-splits of the normal traces: mean",
        headings=("detector", "AUC", "deviation", *rates, "false at 90 %"),
        rows=[
            (
                name,
                show_share(each["auc"]["mean"]),
                show_share(each["auc"]["deviation"]),
                *(show_share(rate["mean"]) for rate in each["detection_at_false_alarm_rate"].values()),
                show_share(each["false_alarm_rate_at_90_percent_detection"]["mean"]),
            )
            for name, each in resplits.items()
        ],
    )


def _groups(ours: Mapping[str, Any]) -> Grid:
    return Grid(
        title=f"Attack groups, canonical split: {OURS}",
        headings=("group", "traces", "AUC", *(f"detected at {rate:.0%}" for rate in RATES)),
        rows=[
            (
                group,
                str(each["traces"]),
                show_share(each["auc"]),
                *map(show_share, each["detection_at_false_alarm_rate"].values()),
            )
            for group, each in ours["groups"].items()
        ],
    )


def _calibrations(found: Mapping[str, Mapping[str, Any]]) -> Iterator[Grid]:
    exchangeable = [split for split in found if split not in {_CANONICAL, _DEDUPLICATED}]
    for title, splits in (("file's own split", [_CANONICAL]), ("re-splits, exchangeable", exchangeable)):
        yield Grid(
            title=f"Realised false-alarm rate, {title}",
            headings=("detector", *(f"asked {asked:.1%}" for asked in ASKED)),
            rows=[
                (
                    name,
                    *(
                        f"{_realised([found[split][name] for split in splits], at):.2%}"
                        for at in range(len(ASKED))
                    ),
                )
                for name in found[_CANONICAL]
            ],
        )


def _realised_once(traces: Traces, split: Split) -> list[float]:
    """Return what share of the normal traces has a p-value at or below each asked rate."""
    detector = AllOrders().fit(traces.take(split.learned))
    found = p_values(detector.held_back, detector.score(traces.take(split.normal)))
    return [float((found <= asked).mean()) for asked in ASKED]


def _spread(rows: Sequence[Sequence[float]]) -> list[dict[str, float]]:
    array = np.array(rows)
    deviations = array.std(axis=0, ddof=1) if len(array) > 1 else np.zeros(array.shape[1])
    pairs = zip(array.mean(axis=0).tolist(), deviations.tolist(), strict=True)
    return [{"mean": mean, "deviation": deviation} for mean, deviation in pairs]


def _calibrated(rates: Sequence[Mapping[str, float]], resplits: int) -> Grid:
    return Grid(
        title=f"Realised false-alarm rate of {OURS}, {resplits} exchangeable re-splits",
        headings=("asked", "realised, mean", "deviation of one re-split"),
        rows=[(f"{each['asked']:.1%}", f"{each['mean']:.3%}", f"{each['deviation']:.3%}") for each in rates],
    )


def _realised(figures: Sequence[Mapping[str, Any]], place: int) -> float:
    return float(np.mean([each["calibration"][place]["realised"] for each in figures]))


def _roc(curves: Sequence[Curve]) -> Plot:
    return Plot(
        name="roc",
        title="Canonical split",
        x_label="false-alarm rate",
        y_label="detection",
        curves=curves,
        diagonal=True,
    )


def _calibration(split: str, found: Mapping[str, Any]) -> Plot:
    return Plot(
        name=f"calibration-{split.replace(' ', '-')}",
        title=f"Asked and realised false-alarm rate, {split}",
        x_label="asked",
        y_label="realised",
        curves=[
            Curve(
                label=name,
                x=[point["asked"] for point in each["calibration"]],
                y=[point["realised"] for point in each["calibration"]],
            )
            for name, each in found.items()
        ],
        diagonal=True,
    )
