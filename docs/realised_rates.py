"""Compare asked with realised rates of false anomalies on synthetic healthy servers; see docs/detection.md.

    python docs/realised_rates.py [WINDOWS] [SERVERS]

Run it from the root of the repository: the servers are those of the tests.
"""

import math
import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from model.baseline import Baseline
from model.calibrate import Calibrator
from model.drift import Drift, limit
from model.record import Record
from model.views import VIEWS
from tests.unit.model.workloads import SERVER, Path, Server, window

ASKED = (0.05, 0.01, 1e-3, 1e-4)
NEW = "epoll_wait recvfrom statx mremap fallocate fsync close"
BEFORE = 1000
"""Windows scored between the freeze and the shift."""
GAP = 90
"""Windows of ten seconds in the fifteen minutes within which findings join one alert."""
_rng = np.random.default_rng(1)
KNOWN: dict[str, tuple[Callable[[int], NDArray[np.float64]], Callable[[float], float]]] = {
    "exponential": (lambda size: _rng.exponential(10, size), lambda score: math.exp(-score / 10)),
    "log-normal": (
        lambda size: np.exp(_rng.normal(2, 1, size)),
        lambda score: 0.5 * math.erfc((math.log(max(score, 1e-300)) - 2) / math.sqrt(2)),
    ),
    "Pareto, index 3": (lambda size: 10 * _rng.pareto(3, size), lambda score: (1 + score / 10) ** -3),
}


def healthy(seed: int, windows: int, swing: float) -> tuple[list[tuple[float, float]], list[float]]:
    """Return p-value and resolution of windows scored before they are learned, and all their bits."""
    server, baseline = Server(seed), Baseline()
    found, bits = list[tuple[float, float]](), list[float]()
    for index in range(windows):
        load = 200 * swing ** np.sin(2 * np.pi * index / 500)
        one = window(server.counts(load))
        score = baseline.score_window(one)
        bits.append(score.score)
        if score.p_value is not None:
            found.append((score.p_value, score.resolution))
        baseline.learn_window(one, score)
    return found, bits


def episodes(flags: NDArray[np.bool_]) -> int:
    """Return how many alerts flagged windows make."""
    at = np.flatnonzero(flags)
    return int(len(at) and 1 + np.sum(np.diff(at) > GAP))


def print_servers(windows: int, servers: int) -> None:
    """Print the realised rates of servers: of all windows, and where the record reaches the asked rate."""
    print("| load | asked | windows | realised | by rank | realised | alerts | autocorrelation |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, swing in (("steady", 1.0), ("swings 25-fold", 5.0)):
        runs = [healthy(seed, windows, swing) for seed in range(servers)]
        late = [np.array(bits[windows // 2 :]) for _, bits in runs]
        lag = float(np.mean([np.corrcoef(bits[:-1], bits[1:])[0, 1] for bits in late]))
        drifts = 0
        for found, _ in runs:
            drift, reported = Drift(), False
            for at, (p_value, _) in enumerate(found):
                drift = drift.after(p_value, at, limit(60_480.0))
                drifts += drift.since is not None and not reported
                reported = drift.since is not None
        for asked in ASKED:
            pairs = [np.array(found) for found, _ in runs]
            flags = [each[:, 0] <= asked for each in pairs]
            reach = np.concatenate([each[:, 1] <= asked for each in pairs])
            all_flags = np.concatenate(flags)
            ranked = f"{np.mean(all_flags[reach]):.2g}" if reach.any() else "-"
            print(
                f"| {name} | {asked:g} | {len(all_flags)} | {np.mean(all_flags):.2g} ({np.sum(all_flags)}) "
                f"| {np.sum(reach)} | {ranked} | {sum(map(episodes, flags))} | {lag:.2f} |"
            )
        print(f"\n{name}: {drifts} reports of drift.\n")


def print_exchangeable(records: int) -> None:
    """Print realised over asked for known distributions, at fixed rates and below the resolution."""
    print("| record | scores | 1 % | 0.1 % | resolution / 10 | / 16 | / 100 |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, (draw, survival) in KNOWN.items():
        for size in (99, 999, 4096):
            resolution = 1 / (size + 1)
            asked = (0.01, 1e-3, resolution / 10, resolution / 16, resolution / 100)
            realised = np.zeros(len(asked))
            for _ in range(records):
                calibrator = Calibrator(draw(size).tolist())
                realised += [survival(_threshold(calibrator, rate)) for rate in asked]
            ratios = " | ".join(f"{ratio:.2f}" for ratio in realised / records / asked)
            print(f"| {name} | {size} | {ratios} |", flush=True)


def print_views(records: int, draws: int) -> None:
    """Print realised over asked of all views together, for known distributions and ways to hang together."""
    print(
        "| each view | shared by all views | 1 % | 0.1 % | resolution / 10 | / 16 | least p beside it, 1 % |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- |")
    size = 999
    asked = np.array([0.01, 1e-3, 1e-3 / 10, 1e-3 / 16])
    for name, (draw, _) in KNOWN.items():
        for shared in (0.0, 0.5, 1.0):
            reached, alone = np.zeros(len(asked)), 0
            for _ in range(records):
                record = Record([24.0] * len(VIEWS))
                for row in _views(draw, shared, 2 * size):
                    record.learn(row, record.judge(row).least)
                for row in _views(draw, shared, draws):
                    judged = record.judge(row)
                    reached += judged.p_value <= asked
                    alone += judged.least <= asked[0]
            total = records * draws
            ratios = " | ".join(f"{ratio:.2f}" for ratio in reached / total / asked)
            print(f"| {name} | {shared:g} | {ratios} | {alone / total / asked[0]:.2f} |", flush=True)


def _views(draw: Callable[[int], NDArray[np.float64]], shared: float, size: int) -> list[list[float]]:
    """Return windows in which a share of the scores is the same in all views, and the short ones are rare."""
    common = np.repeat(draw(size), len(VIEWS)).reshape(size, -1)
    own = draw(size * len(VIEWS)).reshape(size, -1)
    rows = np.where(_rng.random((size, 1)) < shared, common, own)
    for view, share in enumerate((0.002, 0.01, 0.05)):
        rows[:, view] *= _rng.random(size) < share
    return list(rows.tolist())


def _threshold(calibrator: Calibrator, asked: float) -> float:
    low, high = 0.0, 1e7
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if calibrator.p_value(middle) <= asked else (middle, high)
    return high


def _more(times: float) -> tuple[Path, ...]:
    """Return the paths of the server with those below one in a hundred taken more often."""
    return tuple(replace(path, share=path.share * (times if path.share < 0.01 else 1)) for path in SERVER)


def print_shifts(servers: int) -> None:
    """Print when drift is reported after a shift, and when the realised rate since the freeze doubles."""
    print("| after the shift | reported after | rate at 5 % doubled after | at 1 % | at 0.1 % |")
    print("| --- | --- | --- | --- | --- |")
    shifts = {
        "load x 4": (800, SERVER),
        "rare paths x 3": (200, _more(3)),
        "rare paths x 10": (200, _more(10)),
        "a new path, 0.1 %": (200, (*SERVER, Path(NEW, 1e-3))),
        "a new path, 5 %": (200, (*SERVER, Path(NEW, 0.05))),
    }
    for name, (load, paths) in shifts.items():
        for seed in range(servers):
            usual, later, baseline = Server(seed), Server(seed + 100, paths), Baseline()
            for _ in range(2000):
                one = window(usual.counts(200))
                baseline.learn_window(one, baseline.score_window(one))
            drift, p_values, reported = Drift(), list[float](), -1
            for at in range(4000):
                p_values.append(
                    baseline.score_window(
                        window(usual.counts(200) if at < BEFORE else later.counts(load))
                    ).p_value
                    or 1.0
                )
                drift = drift.after(p_values[-1], at, limit(60_480.0))
                if drift.since is not None and reported < 0:
                    reported = at - BEFORE
            found = np.array(p_values)
            doubled = []
            for asked in ASKED[:3]:
                over = np.cumsum(found <= asked) > 2 * asked * np.arange(1, len(found) + 1)
                later_over = np.flatnonzero(over[BEFORE:])
                doubled.append(str(later_over[0]) if len(later_over) else "never")
            print(
                f"| {name} | {reported if reported >= 0 else 'never'} | {' | '.join(doubled)} |", flush=True
            )


if __name__ == "__main__":
    print_exchangeable(records=200)
    print()
    print_views(records=20, draws=50_000)
    print()
    print_servers(
        windows=int(sys.argv[1]) if len(sys.argv) > 1 else 3000,
        servers=int(sys.argv[2]) if len(sys.argv) > 2 else 4,
    )
    print()
    print_shifts(servers=2)
