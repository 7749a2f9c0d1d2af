"""Tables and plots of `nonself evaluate recording`, made from its figures."""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, Final

from api.evaluate.recording_figures import Branch
from api.evaluate.report import Curve, Grid, Plot, Report, show_share
from model.evaluation.judged import METHODS, NEW_CALL, NEW_NGRAM, OURS

_MINUTE_MS: Final = 60_000
_MISSED_SHOWN: Final = 40


def build(figures: dict[str, Any], branches: Sequence[Branch]) -> Report:
    """Return the report of figures; the branches, those of the first budget, give the timelines."""
    grids: list[Grid] = []
    for number, budget in enumerate(figures["budgets"]):
        if number == 0:
            grids.append(_learned(budget))
        grids += _judged(budget)
    return Report(figures=figures, grids=grids, plots=[*_plots(branches)], notes=[*_notes(figures)])


def _learned(budget: dict[str, Any]) -> Grid:
    rows = []
    for name, each in budget["learned"]["workloads"].items():
        complete, later = each["completeness"], budget["judged"]["workloads"][name]
        rows.append(
            (
                name,
                f"{each['windows']:,}",
                f"{each['held_out']:,}",
                f"{each['distinct_ngrams']:,}",
                complete["verdict"].replace("_", " "),
                f"{complete['low']:.3f} to {complete['high']:.3f}",
                show_share(later["unseen_later"]),
                _yes(later["unseen_covered"]),
            )
        )
    return Grid(
        title="Learned, and what was still unseen",
        headings=(
            "workload",
            "windows",
            "held out",
            "n-grams",
            "verdict",
            "unseen, 95 %",
            "really",
            "covered",
        ),
        rows=rows,
    )


def _judged(budget: dict[str, Any]) -> Iterator[Grid]:
    judged, asked = budget["judged"], f"at {budget['per_week']:g} a week"
    rows = [*judged["workloads"].items(), ("all", judged["total"])]
    for kind in ("findings", "alerts"):
        yield Grid(
            title=f"Healthy windows {asked}: {kind} per workload and week",
            headings=(
                "workload",
                "windows",
                "weeks",
                kind,
                "asked",
                "promised",
                "realised, 95 %",
                "within twice asked",
                "promised",
                *METHODS[1:],
            ),
            rows=[_promise_row(name, each, kind) for name, each in rows],
        )
    yield Grid(
        title=f"P-values of healthy windows {asked}",
        headings=("workload", "asked", "windows", "realised", "95 %"),
        rows=[
            (
                name,
                f"{row['asked']:g}",
                f"{row['windows']} of {row['of']}",
                _share(row["realised"]),
                f"{_share(row['low'])} to {_share(row['high'])}",
            )
            for name, each in rows
            for row in each["calibration"]
        ],
    )
    if judged["total"]["abstentions"]:
        yield Grid(
            title=f"Windows on insufficient evidence {asked}, by reason",
            headings=("workload", "reason", "windows"),
            rows=[
                (name, reason, f"{count} of {each['windows']}")
                for name, each in rows
                for reason, count in each["abstentions"].items()
            ],
        )
    drifts = [("learned", each) for each in budget["learned"]["drifts"]]
    drifts += [("judged", each) for each in judged["drifts"]]
    if drifts:
        yield Grid(
            title=f"Drift reported {asked}",
            headings=("while", "workload", "after", "lasted"),
            rows=[_drift_row(when, each) for when, each in drifts],
        )
    if judged["intrusions"]["each"]:
        yield from _intrusion_grids(judged["intrusions"], asked)
        healthy = judged["total"]["calibration"]
        yield Grid(
            title="Were the threshold a plain p-value: healthy windows and intrusions at or below it",
            headings=("p", "healthy windows", "intrusions"),
            rows=[
                (
                    f"{row['asked']:g}",
                    _share(own["realised"]),
                    f"{row['raised']} of {row['intrusions']}",
                )
                for row, own in zip(judged["intrusions"]["by_threshold"], healthy, strict=True)
            ],
        )


def _promise_row(name: str, each: dict[str, Any], kind: str) -> tuple[str, ...]:
    rate = each["methods"][OURS][kind]
    return (
        name,
        f"{each['windows']:,}",
        f"{rate['weeks']:.4f}",
        str(rate["count"]),
        f"{rate['asked']['per_week']:.3g}",
        f"{rate['promised']['per_week']:.3g}",
        "-"
        if rate["per_week"] is None
        else f"{rate['per_week']:.3g} ({rate['low']:.2g} to {rate['high']:.3g})",
        *(_kept(rate[which]) for which in ("asked", "promised")),
        *(str(each["methods"][method][kind]["count"]) for method in METHODS[1:]),
    )


def _drift_row(when: str, each: dict[str, Any]) -> tuple[str, ...]:
    ended = each["ended"]
    lasted = "to the end" if ended is None else f"{(ended - each['since']) / _MINUTE_MS:.1f} min"
    return when, each["workload"], f"{(each['reported'] - each['since']) / _MINUTE_MS:.1f} min", lasted


def _intrusion_grids(found: dict[str, Any], asked: str) -> Iterator[Grid]:
    for title, key, names in (
        ("way in and workload", "by_delivery_and_workload", ("delivery", "workload")),
        ("action", "by_action", ("name",)),
    ):
        rows = [(", ".join(each[name] or "-" for name in names), each) for each in found[key]]
        yield Grid(
            title=f"Intrusions raised within two windows {asked}, by {title}",
            headings=(title, "intrusions", *METHODS, "by its end", "median s"),
            rows=[_raised_row(name, each) for name, each in [*rows, ("all", found["all"])]],
        )
    missed = [each for each in found["each"] if not each["raised"]]
    if missed:
        yield Grid(
            title=f"Missed {asked}"
            + (f" (the first {_MISSED_SHOWN})" if len(missed) > _MISSED_SHOWN else ""),
            headings=("intrusion", "way in", "workload", "p", "bits", NEW_CALL, NEW_NGRAM),
            rows=[_missed_row(each) for each in missed[:_MISSED_SHOWN]],
        )


def _raised_row(name: str, each: dict[str, Any]) -> tuple[str, ...]:
    total = each["intrusions"]
    wait = each["median_seconds_to_finding"]
    shares = (f"{each['raised'][method]} ({each['raised'][method] / total:.1%})" for method in METHODS)
    waited = "-" if wait is None else f"{wait:.1f}"
    return name, str(total), *shares, str(each["raised_by_its_end"]), waited


def _missed_row(each: dict[str, Any]) -> tuple[str, ...]:
    return (
        each["name"],
        each["delivery"] or "-",
        each["workload"],
        "-" if each["p_value"] is None else f"{each['p_value']:.2g}",
        "-" if each["score"] is None else f"{each['score']:.0f}",
        _yes(each["methods"][NEW_CALL]),
        _yes(each["methods"][NEW_NGRAM]),
    )


def _plots(branches: Sequence[Branch]) -> Iterator[Plot]:
    for number, branch in enumerate(branches):
        start = min((each.start for each in branch.windows), default=0)
        healthy = {id(each) for each in branch.healthy()}
        for name in sorted({each.workload for each in branch.windows}):
            own = [each for each in branch.windows if each.workload == name]
            curves = []
            for label, kept in (("healthy", True), ("intrusion, and the two windows after", False)):
                some = [each for each in own if (id(each) in healthy) is kept]
                curves.append(
                    Curve(
                        label=label,
                        x=[(each.start - start) / _MINUTE_MS for each in some],
                        y=[each.score for each in some],
                        points=True,
                    )
                )
            curves.append(
                Curve(
                    label="finding",
                    x=[(each.start - start) / _MINUTE_MS for each in own if OURS in each.flagged],
                    y=[each.score for each in own if OURS in each.flagged],
                    points=True,
                )
            )
            yield Plot(
                name=f"recording-{number}-{name.replace('/', '-')}",
                title=f"{name}, {branch.path.parent.name}",
                x_label="minutes",
                y_label="score, bits",
                curves=[each for each in curves if each.x],
                log_y=True,
            )
    yield _calibration(branches)


def _calibration(branches: Sequence[Branch]) -> Plot:
    """Plot the share of healthy windows at or below each p-value, both as decimal places."""
    ranked: defaultdict[str, list[float]] = defaultdict(list)
    for branch in branches:
        for each in branch.healthy():
            if each.p_value is not None:
                ranked[each.workload].append(-math.log10(each.p_value))
    curves = []
    for name, places in sorted(ranked.items()):
        places.sort(reverse=True)
        shares = [-math.log10((rank + 1) / len(places)) for rank in range(len(places))]
        curves.append(Curve(label=name, x=places, y=shares))
    return Plot(
        name="recording-calibration",
        title="P-values of healthy windows: below the line they come too often",
        x_label="asked, -log10 p",
        y_label="realised, -log10 of the share of windows",
        curves=curves,
        diagonal=True,
    )


def _notes(figures: dict[str, Any]) -> Iterator[str]:
    first = figures["budgets"][0]["judged"]["total"]["methods"][OURS]["alerts"]
    yield (
        f"{first['weeks']:.4f} workload-weeks were judged, so rates per week are extrapolated: a promise of "
        f"one a week means {first['weeks']:.2f} expected alerts in all."
    )
    for each in figures["recordings"]:
        if each["cut_off"]:
            yield f"{each['path']} was cut off; it was read up to its last complete record."
        if each["moved_by_ms"]:
            yield f"{each['path']} was judged as if it followed what was learned."
    without = figures["budgets"][0]["judged"]["intrusions"]["without_effect"]
    if without:
        yield f"{without} intrusions had no effect and are not counted."
    unseen = figures["budgets"][0]["judged"]["intrusions"]["not_recorded"]
    if unseen:
        yield f"{unseen} intrusions were into pods that were not recorded, or not learned: not counted."
    unknown = figures["budgets"][0]["judged"]["never_learned"]
    if unknown:
        yield f"Judged but never learned, and left out: {', '.join(unknown)}."


def _kept(beside: dict[str, Any]) -> str:
    return "yes" if beside["kept"] else "no" if beside["refuted"] else "no; may be chance"


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.2%}"


def _yes(value: bool | None) -> str:  # noqa: FBT001 - a cell of a table
    return "-" if value is None else "yes" if value else "no"
