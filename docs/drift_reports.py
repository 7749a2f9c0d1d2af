"""False reports of drift on exchangeable windows, and the kinds that real shifts are told to be.

    python docs/drift_reports.py false [STREAMS]
    python docs/drift_reports.py kinds [REPEATS]
    python docs/drift_reports.py detectors [STREAMS]

Run it from the root of the repository: the servers are those of the tests. See docs/detection.md.
"""

import math
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from river.drift import ADWIN, KSWIN, PageHinkley

from model.baseline import Baseline
from model.budget import windows_per_week
from model.calibrate import Calibrator
from model.drift import POWERS, TRUSTED, Drift, limit
from model.shift import Replica, classify
from tests.unit.model.workloads import Path, Server, window

WEEKS = 4
LEARNED = 1000
FIRST, SHIFT, LAST = 800, 1000, 2200
"""Windows from which on p-values are seen, with which a step comes, and after which nothing is waited for."""
NEW = "epoll_wait recvfrom statx mremap fallocate fsync close"
Draw = Callable[[int], NDArray[np.float64]]


def ranked(draw: Draw, remembered: int, size: int) -> NDArray[np.float64]:
    """Return p-values of scores against a frozen record, as `Calibrator` gives them."""
    record, new = np.sort(draw(remembered)), draw(size)
    calibrator = Calibrator()
    calibrator.restore(record.tolist(), seen=2 * remembered)
    p_values = np.interp(new, record, (remembered - np.arange(remembered)) / (remembered + 1))
    p_values[new < record[0]] = 1.0
    for at in np.flatnonzero(new > record[-1]):
        p_values[at] = calibrator.p_value(float(new[at]))
    return np.asarray(p_values)


def reports(p_values: NDArray[np.float64], remembered: float, needed: float) -> NDArray[np.int64]:
    """Return the reports of each stream of p-values, shape (windows, streams), as `Drift` makes them.

    All bets begin anew after a report, as they do when it ends.
    """
    powers = np.array([power for power, least in POWERS if remembered >= least])[:, None]
    resolution = 1 / (remembered + 1)
    logs, most = np.log(np.maximum(p_values, TRUSTED * resolution)), (needed + math.log(len(POWERS))) / 2
    won, found = np.zeros((len(powers), p_values.shape[1])), np.zeros(p_values.shape[1], dtype=np.int64)
    silent = len(POWERS) - len(powers)
    for log_p in logs:
        won = np.maximum(won + np.minimum(np.log(powers) + (powers - 1) * log_p, most), 0.0)
        hit = np.log((np.exp(won).sum(axis=0) + silent) / len(POWERS)) >= needed
        found += hit
        won[:, hit] = 0.0
    return found


def print_false(streams: int) -> None:
    """Print reports of four weeks, of all windows of a workload and of its replicas."""
    print("| record | scores | replicas | workloads | reports in four weeks | workloads with any |")
    print("| --- | --- | --- | --- | --- | --- |")
    rng = np.random.default_rng(1)
    kinds: dict[str, tuple[tuple[int, ...], Draw]] = {
        "exchangeable (uniform p)": ((4096,), rng.random),
        "frozen, exponential": ((99, 1000), lambda size: rng.exponential(10, size)),
        "frozen, Pareto, index 3": ((99, 1000), lambda size: 10 * rng.pareto(3, size)),
    }
    for name, (sizes, draw) in kinds.items():
        for remembered in sizes:
            for replicas in (1, 3) if remembered == 4096 and len(sizes) == 1 else (1,):
                per_week = windows_per_week(10, replicas)
                size = int(WEEKS * per_week)
                if name.startswith("exchangeable"):
                    p_values = rng.random((size, streams))
                else:
                    columns = [ranked(draw, remembered, size) for _ in range(streams)]
                    p_values = np.stack(columns, axis=1)
                found = reports(p_values, remembered, limit(per_week))
                for each in range(replicas):
                    found = found + reports(p_values[each::replicas], remembered, limit(per_week))
                shown = f"{found.mean():.2f} | {np.mean(found > 0):.0%} |"
                print(f"| {name} | {remembered} | {replicas} | {streams} | {shown}", flush=True)


def learned(seed: int, replicas: int, windows: int = LEARNED) -> Baseline:
    """Return a baseline of a server's replicas."""
    baseline, servers = Baseline(), [Server(seed + 1000 * each) for each in range(replicas)]
    for at in range(windows):
        one = window(servers[at % replicas].counts(200))
        baseline.learn_window(one, baseline.score_window(one, alpha=0.0))
    return baseline


def run(baseline: Baseline, shares: Callable[[int, int], float], replicas: int, seed: int) -> str:
    """Return the kind told of a shift at the last evidence before its end, and when it was reported.

    Args:
        baseline: Frozen.
        shares: Share of requests that take a path never learned, of a window and a replica.
        replicas: That report in each window.
        seed: Of the replicas' windows.
    """
    needed = limit(windows_per_week(10, replicas))
    servers = [Server(seed + each) for each in range(replicas)]
    rng, path = np.random.default_rng(seed), Server(seed, (Path(NEW, 1.0),), starts=0.0)
    drifts, all_ = [Drift() for _ in range(replicas)], Drift()
    seen: list[tuple[int, int, float]] = []
    highest, told, reported, began = 0.0, "none", -1, 0
    resolution = baseline.score_window(window(servers[0].counts(200))).resolution
    for at in range(FIRST, LAST):
        for each in range(replicas):
            parts = [servers[each].counts(200)]
            taken = int(rng.binomial(200, shares(at, each)))
            if taken:
                parts.append(path.counts(taken))
            p_value = baseline.score_window(window(*parts), alpha=0.0).p_value or 1.0
            seen.append((at, each, p_value))
            drifts[each] = drifts[each].after(p_value, at, limit=needed, resolution=resolution)
            all_ = all_.after(p_value, at, limit=needed, resolution=resolution)
        won = [one for one in (all_, *drifts) if one.since is not None]
        if not won and reported >= 0:
            break
        evidence = max((one.evidence for one in won), default=0.0)
        if evidence <= highest and (reported < 0 or (at - reported) % 50 or evidence < needed):
            continue
        if reported < 0:
            reported, began = at, min(one.since for one in won if one.since is not None)
        highest, newest = max(evidence, highest), seen[-2048:]
        last = at - reported > 512
        known = {
            each: Replica(
                evidence=drifts[each].evidence,
                starts=np.array([start for start, of, _ in newest if of == each]),
                p_values=np.array([p_value for _, of, p_value in newest if of == each]),
            )
            for each in range(replicas)
        }
        told = classify(known, began=began, resolution=resolution)[0].value
        if last:
            break
    return f"{told} {reported}"


SHIFTS: dict[str, tuple[int, Callable[[int, int], float]]] = {
    "burst on one of three replicas": (
        3,
        lambda at, each: 0.02 if each == 1 and SHIFT <= at < SHIFT + 10 else 0.0,
    ),
    "step of one of three replicas": (3, lambda at, each: 0.01 if each == 1 and at >= SHIFT else 0.0),
    "step of two of five replicas": (5, lambda at, each: 0.01 if each < 2 and at >= SHIFT else 0.0),
    "step of all three replicas": (3, lambda at, _: 0.01 if at >= SHIFT else 0.0),
    "the same within 20 windows": (3, lambda at, each: 0.01 if at >= SHIFT + 10 * each else 0.0),
    "small step of all three": (3, lambda at, _: 0.0003 if at >= SHIFT else 0.0),
    "slow change of all three": (3, lambda at, _: 0.0003 * max(0, at - SHIFT) / 500),
    "step of the only replica": (1, lambda at, _: 0.01 if at >= SHIFT else 0.0),
    "slow change of the only replica": (1, lambda at, _: 0.0003 * max(0, at - SHIFT) / 500),
}


def print_kinds(repeats: int) -> None:
    """Print what shifts are told to be."""
    print("| what happens | told (of the times) | reported at window |")
    print("| --- | --- | --- |")
    baselines = {count: [learned(seed, count) for seed in range(2)] for count in (1, 3, 5)}
    for name, (replicas, shares) in SHIFTS.items():
        results = [
            run(baselines[replicas][seed % 2], shares, replicas, 5000 + 10 * seed).split()
            for seed in range(repeats)
        ]
        told = ", ".join(
            f"{kind} {count}" for kind, count in Counter(kind for kind, _ in results).most_common()
        )
        at = [int(each) for _, each in results]
        print(f"| {name} | {told} | {min(at)} to {max(at)}, median {np.median(at):.0f} |", flush=True)


Detect = Callable[[list[float]], list[int]]
WEEK = int(windows_per_week(10, 1))
CALM = 4
"""Streams without any shift."""


def ours(p_values: list[float]) -> list[int]:
    """Return when our detector reports."""
    drift, found = Drift(), []
    for at, p_value in enumerate(p_values):
        before = drift.since
        drift = drift.after(p_value, at, limit=limit(WEEK), resolution=1 / 4097)
        if before is None and drift.since is not None:
            found.append(at)
    return found


def rivers(make: Callable[[], Any], feed: Callable[[float], float]) -> Detect:
    """Return the same of a detector of river, which begins anew after each report."""

    def detect(p_values: list[float]) -> list[int]:
        detector, found = make(), []
        for at, p_value in enumerate(p_values):
            detector.update(feed(p_value))
            if detector.drift_detected:
                found.append(at)
                detector = make()
        return found

    return detect


def surprise(p_value: float) -> float:
    """Return what river's detectors of a mean are fed with."""
    return min(10.0, -math.log(p_value))


def print_detectors(streams: int) -> None:
    """Print false reports in four weeks and delays of river's detectors beside ours, on p-values."""
    rng = np.random.default_rng(3)
    contenders = {
        "bets (ours)": ours,
        "ADWIN, delta 0.002 (default)": rivers(ADWIN, surprise),
        "ADWIN, delta 1e-6": rivers(lambda: ADWIN(delta=1e-6), surprise),
        "Page-Hinkley, 50 (default)": rivers(lambda: PageHinkley(mode="up"), surprise),
        "Page-Hinkley, 100, delta 0.05": rivers(
            lambda: PageHinkley(mode="up", threshold=100.0, delta=0.05), surprise
        ),
        "KSWIN, alpha 0.005 (default)": rivers(lambda: KSWIN(seed=1), float),
        "KSWIN, alpha 1e-7": rivers(lambda: KSWIN(alpha=1e-7, seed=1), float),
    }
    shifts: dict[str, Callable[[int], NDArray[np.float64]]] = {
        "p^3": lambda size: rng.random(size) ** 3,
        "5 % at 1e-4": lambda size: np.where(rng.random(size) < 0.05, 1e-4, rng.random(size)),
        "p^1.3": lambda size: rng.random(size) ** 1.3,
        "slow to p^2 in 4,000": lambda size: rng.random(size) ** (1 + np.minimum(np.arange(size) / 4000, 1)),
    }
    calm = [rng.random(WEEKS * WEEK).tolist() for _ in range(CALM)]
    print(f"| detector | false in {WEEKS} weeks | " + " | ".join(shifts) + " |")
    print("| --- |" + " --- |" * (1 + len(shifts)))
    streams_of = {
        name: [np.concatenate((rng.random(2000), draw(8000))).tolist() for _ in range(streams)]
        for name, draw in shifts.items()
    }
    for name, detect in contenders.items():
        cells = [f"{np.mean([len(detect(one)) for one in calm]):.2f}"]
        for many in streams_of.values():
            delays = [next((at - 2000 for at in detect(one) if at >= 2000), 8000) for one in many]
            cells.append(f"{np.median(delays):.0f}" if np.median(delays) < 8000 else "never")
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    what, number = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 20
    {"false": print_false, "kinds": print_kinds, "detectors": print_detectors}[what](number)
