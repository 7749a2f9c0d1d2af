"""Every figure of `nonself evaluate recording`, as plain JSON: what was learned, how the rest was judged."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from api.evaluate.events import INTRUSION, Event
from api.evaluate.replayed import DriftReport, Standing
from model.budget import Promise
from model.evaluation.judged import (
    ASKED,
    METHODS,
    OURS,
    Judged,
    abstentions,
    calibration,
    grouped,
    per_week,
    weeks_of,
    within_two,
)
from wire.ngram import is_injected, names
from wire.syscalls import load_table

Figures = dict[str, Any]
_SHOWN: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """One recording as it was judged; times are moved so that they follow what was learned."""

    path: Path
    windows: Sequence[Judged]
    pods: Mapping[str, tuple[str, str, str]]
    """Namespace, pod and pod uid of each container."""
    events: Sequence[Event]
    alerts: Sequence[str]
    """Workload of each alert that the service opened."""
    drifts: Sequence[DriftReport]
    gap_ms: int
    window_ms: int

    @property
    def intrusions(self) -> list[Event]:
        """What does not belong, and had an effect."""
        return [each for each in self.events if each.kind == INTRUSION and each.ok]

    def containers(self, event: Event) -> set[str]:
        """Return the containers of the pod in which something was done."""
        return {
            id_
            for id_, (namespace, pod, pod_uid) in self.pods.items()
            if event.happened_in(namespace=namespace, pod=pod, pod_uid=pod_uid)
        }

    def healthy(self) -> list[Judged]:
        """Return the windows in which nothing was done that does not belong, nor in the two after it."""
        spans: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        for event in self.events:
            if event.kind == INTRUSION:
                for id_ in self.containers(event):
                    spans[id_].append((event.start, event.end + 2 * self.window_ms))
        return [
            each
            for each in self.windows
            if not any(start < each.end and each.start < end for start, end in spans[each.container])
        ]


def figures_of_learning(standings: Sequence[Standing], drifts: Sequence[DriftReport]) -> Figures:
    """Return what each workload had learned when it was switched to alerting."""
    return {
        "workloads": {each.name: _learned(each) for each in standings},
        "drifts": [asdict(each) for each in drifts],
    }


def _learned(standing: Standing) -> Figures:
    summary, promise = standing.baseline.summary(), standing.promise
    unseen = summary.unseen
    return {
        "windows": summary.windows_learned,
        "held_out": standing.quarantined,
        "calls": summary.calls_learned,
        "distinct_ngrams": summary.distinct_ngrams,
        "completeness": {
            "verdict": unseen.verdict.value,
            "reason": unseen.reason,
            "unseen": unseen.estimate,
            "low": unseen.low,
            "high": unseen.high,
            "target": unseen.target,
        },
        "alpha": promise.alpha,
        "asked_per_week": promise.per_week,
        "finest_per_week": promise.finest_per_week,
        "promised_per_week": promise.promised_per_week,
    }


def figures_of_branches(standings: Sequence[Standing], branches: Sequence[Branch], window_ms: int) -> Figures:
    """Return how the windows of all branches were judged, by workload and in all."""
    known = {each.name: each for each in standings}
    healthy = [(branch, branch.healthy()) for branch in branches]
    found = [each for branch in branches for each in _intrusions(branch, known)]
    return {
        "workloads": {
            name: _healthy(
                [
                    (branch, [each for each in windows if each.workload == name])
                    for branch, windows in healthy
                ],
                standing,
                window_ms,
            )
            for name, standing in known.items()
        },
        "total": _total(healthy, known, window_ms),
        "never_learned": sorted(
            {each.workload for branch in branches for each in branch.windows} - known.keys()
        ),
        "drifts": [
            asdict(each) | {"path": str(branch.path)} for branch in branches for each in branch.drifts
        ],
        "intrusions": {
            "without_effect": sum(
                event.kind == INTRUSION and not event.ok for branch in branches for event in branch.events
            ),
            "not_recorded": sum(len(branch.intrusions) for branch in branches) - len(found),
            "by_delivery": _totals(found, "delivery"),
            "by_workload": _totals(found, "workload"),
            "by_tactic": _totals(found, "tactic"),
            "by_action": _totals(found, "name"),
            "by_delivery_and_workload": _totals(found, "delivery", "workload"),
            "all": _count(found),
            "by_threshold": [
                {
                    "asked": asked,
                    "raised": sum(each["p_value"] is not None and each["p_value"] <= asked for each in found),
                    "intrusions": len(found),
                }
                for asked in ASKED
            ],
            "each": found,
        },
    }


_Healthy = Sequence[tuple[Branch, Sequence[Judged]]]


def _healthy(parts: _Healthy, standing: Standing, window_ms: int) -> Figures:
    windows = [each for _, some in parts for each in some]
    unseen = standing.baseline.summary().unseen
    # What came later in the same recording is what the estimate was about; another recording may differ.
    later = [each for each in parts[0][1] if each.p_value is not None] if parts else []
    share = sum(each.unseen for each in later) / len(later) if later else None
    return {
        "windows": len(windows),
        "ranked": sum(each.p_value is not None for each in windows),
        "abstentions": abstentions(windows),
        "calibration": calibration(windows),
        "unseen_later": share,
        "unseen_covered": None if share is None else unseen.low <= share <= unseen.high,
        "opened_by_service": sum(name == standing.name for branch, _ in parts for name in branch.alerts),
        "findings": [_finding(each, standing.baseline.arch) for each in windows if OURS in each.flagged],
        "methods": {name: _rates(parts, name, standing.promise, window_ms) for name in METHODS},
    }


def _rates(parts: _Healthy, method: str, promise: Promise, window_ms: int) -> Figures:
    weeks = sum(weeks_of(some, window_ms // 1000) for _, some in parts)
    flagged = [(branch, [each for each in some if method in each.flagged]) for branch, some in parts]
    findings = sum(len(some) for _, some in flagged)
    alerts = sum(grouped(some, branch.gap_ms) for branch, some in flagged)
    return {
        kind: per_week(count, weeks, promised=promise.promised_per_week, asked=promise.per_week)
        for kind, count in (("findings", findings), ("alerts", alerts))
    }


def _total(healthy: _Healthy, known: Mapping[str, Standing], window_ms: int) -> Figures:
    """Return all workloads together; promises and weeks are those of each."""
    rows = {
        name: [(branch, [each for each in some if each.workload == name]) for branch, some in healthy]
        for name in known
    }
    rates: Figures = {}
    for method in METHODS:
        each = [_rates(rows[name], method, standing.promise, window_ms) for name, standing in known.items()]
        rates[method] = {
            kind: per_week(
                sum(row[kind]["count"] for row in each),
                weeks := sum(row[kind]["weeks"] for row in each),
                promised=_mean(each, kind, "promised", weeks),
                asked=_mean(each, kind, "asked", weeks),
            )
            for kind in ("findings", "alerts")
        }
    windows = [each for _, some in healthy for each in some if each.workload in known]
    return {
        "windows": len(windows),
        "calibration": calibration(windows),
        "abstentions": abstentions(windows),
        "methods": rates,
    }


def _mean(rows: Sequence[Figures], kind: str, which: str, weeks: float) -> float:
    return sum(row[kind][which]["expected"] for row in rows) / weeks if weeks else 0.0


def _intrusions(branch: Branch, known: Mapping[str, Standing]) -> Iterable[Figures]:
    by_container: defaultdict[str, list[Judged]] = defaultdict(list)
    for window in branch.windows:
        by_container[window.container].append(window)
    for event in branch.intrusions:
        own = [each for id_ in sorted(branch.containers(event)) for each in by_container[id_]]
        if own and own[0].workload in known:
            yield _intrusion(branch, event, own, known[own[0].workload].baseline.arch)


def _intrusion(branch: Branch, event: Event, own: Sequence[Judged], arch: str) -> Figures:
    windows = within_two(own, event.start, event.start, branch.window_ms)
    until = within_two(own, event.start, event.end, branch.window_ms)
    raised = [each for each in windows if OURS in each.flagged]
    ranked = [each.p_value for each in windows if each.p_value is not None]
    return {
        "name": event.name,
        "tactic": event.tactic,
        "delivery": event.delivery,
        "workload": own[0].workload,
        "pod": event.pod,
        "start": event.start,
        "windows": len(windows),
        "raised": bool(raised),
        "raised_by_its_end": any(OURS in each.flagged for each in until),
        "seconds_to_finding": (raised[0].end - event.start) / 1000 if raised else None,
        "p_value": min(ranked, default=None),
        "score": max((each.score for each in windows), default=None),
        "methods": {name: any(name in each.flagged for each in windows) for name in METHODS},
        "contributions": _named(raised[0], arch) if raised else [],
        "reasons": sorted({reason for each in windows for reason in each.reasons}),
    }


def _finding(window: Judged, arch: str) -> Figures:
    return {
        "container": window.container,
        "start": window.start,
        "p_value": window.p_value,
        "score": window.score,
        "contributions": _named(window, arch),
    }


def _named(window: Judged, arch: str) -> list[Figures]:
    table = load_table(arch)
    return [
        {
            "syscalls": list(names(each["ngram"], table)),
            "injected": is_injected(each["ngram"]),
            "count": each["count"],
            "bits": each["bits"],
        }
        for each in window.contributions[:_SHOWN]
    ]


def _totals(found: Sequence[Figures], *keys: str) -> list[Figures]:
    groups: defaultdict[tuple[str, ...], list[Figures]] = defaultdict(list)
    for each in found:
        groups[tuple(each[key] for key in keys)].append(each)
    return [dict(zip(keys, group, strict=True)) | _count(groups[group]) for group in sorted(groups)]


def _count(found: Sequence[Figures]) -> Figures:
    counts = Counter(name for each in found for name in METHODS if each["methods"][name])
    waits = sorted(each["seconds_to_finding"] for each in found if each["raised"])
    return {
        "intrusions": len(found),
        "raised": {name: counts[name] for name in METHODS},
        "raised_by_its_end": sum(each["raised_by_its_end"] for each in found),
        "median_seconds_to_finding": waits[len(waits) // 2] if waits else None,
    }
