"""Compare asked with realised rates of false anomalies on synthetic healthy servers; see docs/detection.md.

    python docs/realised_rates.py [WINDOWS] [SERVERS]
    python docs/realised_rates.py shifts SERVERS
    python docs/realised_rates.py starts [WINDOWS] [SERVERS] [untold]

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
from model.phases import Phase
from model.record import Record
from model.score import ReasonCode
from model.starts import WINDOWS
from model.views import VIEWS
from tests.unit.model.workloads import SERVER, SHELL, Path, Server, sequence, tokens, window

ASKED = (0.05, 0.01, 1e-3, 1e-4)
NEW = "epoll_wait recvfrom statx mremap fallocate fsync close"
BEFORE = 1000
"""Windows scored between the freeze and the shift."""
AFTER = 1500
"""Windows scored after it."""
LIFE = 30
"""Windows that a container lives, where starts and stops are looked at."""
STARTED_WITH = (1.0, 1.0, 0.9, 0.5, 0.3, 0.2, 0.1, 0.05, 0.03, 0.02, 0.01, 0.005)
"""Shares of the starts that load each of some modules, of calls that steady windows have not."""
ENDED_WITH = (1.0, 0.9, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01)
"""The same of ends, which steady windows have not either."""
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
            for at, (p_value, resolution) in enumerate(found):
                drift = drift.after(p_value, at, limit=limit(60_480.0), resolution=resolution)
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


def print_starts(windows: int, servers: int, *, told: bool) -> None:
    """Print the realised rates of each phase, of containers that live for a few minutes.

    Args:
        windows: Of each server.
        servers: How many.
        told: The agent tells ends; otherwise they are ranked as steady windows, and printed apart.
    """
    found: dict[Phase, list[tuple[float, float]]] = {phase: [] for phase in Phase}
    shells = list[float]()
    unsure = dict.fromkeys((ReasonCode.FEW_STARTS, ReasonCode.FEW_STOPS), 0)
    for seed in range(servers):
        server, baseline, rng = Server(seed), Baseline(), np.random.default_rng(seed)
        calls = [list(map(int, rng.integers(1, 330, size=12))) for _ in STARTED_WITH]
        last = [list(map(int, rng.integers(1, 330, size=12))) for _ in ENDED_WITH]
        for index in range(windows):
            age = index % LIFE
            ended = age == LIFE - 1
            started = [
                sequence(each)
                for each, share in zip(calls, STARTED_WITH, strict=True)
                if age < WINDOWS and rng.random() < share / (age + 1)
            ]
            started += [
                sequence(each)
                for each, share in zip(last, ENDED_WITH, strict=True)
                if ended and rng.random() < share
            ]
            one = window(server.counts(200), *started)
            one = replace(one, start=index // LIFE if age < WINDOWS else None, ended=ended and told)
            score = baseline.score_window(one, alpha=0.0)
            if ended and score.p_value is not None:
                intruded = window(server.counts(200), *started, sequence(tokens(SHELL)))
                shell = baseline.score_window(replace(intruded, ended=told), alpha=0.0)
                shells.append(shell.p_value or 1.0)
            for code in unsure:
                unsure[code] += score.evidence.has(code)
            if score.p_value is not None and not score.evidence.has(*unsure):
                found[Phase.STOP if ended else one.phase].append((score.p_value, score.resolution))
            baseline.learn_window(one, score)
    print(
        "| phase | asked | windows | realised | by rank | realised |\n| --- | --- | --- | --- | --- | --- |"
    )
    for phase, pairs in found.items():
        p_values, resolutions = np.array(pairs).T
        for asked in ASKED[:3]:
            reach = resolutions <= asked
            ranked = f"{np.mean(p_values[reach] <= asked):.2g}" if reach.any() else "-"
            print(
                f"| {phase} | {asked:g} | {len(pairs)} | {np.mean(p_values <= asked):.2g} "
                f"({np.sum(p_values <= asked)}) | {np.sum(reach)} | {ranked} |"
            )
    print(f"\nNot ranked among their own: { {code.value: count for code, count in unsure.items()} }.")
    raised = {each: sum(p_value <= each / 60_480 for p_value in shells) for each in (7, 1)}
    print(f"{len(shells)} windows of an end with a shell in them; raised by alerts asked a week: {raised}.")


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


def _ranked(baseline: Baseline, server: Server, load: float, windows: int) -> list[tuple[float, float]]:
    """Return p-value and resolution of windows that are scored and not learned."""
    scores = [baseline.score_window(window(server.counts(load)), alpha=0.0) for _ in range(windows)]
    return [(score.p_value or 1.0, score.resolution) for score in scores]


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
    for seed in range(servers):
        usual, baseline = Server(seed), Baseline()
        for _ in range(2000):
            one = window(usual.counts(200))
            baseline.learn_window(one, baseline.score_window(one, alpha=0.0))
        before = _ranked(baseline, usual, 200, BEFORE)
        for name, (load, paths) in shifts.items():
            after = _ranked(baseline, Server(seed + 100, paths), load, AFTER)
            print(f"| {name} | {_when(before, after)} |", flush=True)


def _when(before: list[tuple[float, float]], after: list[tuple[float, float]]) -> str:
    """Return after how many windows drift is reported, and each asked rate doubled."""
    drift, reported = Drift(), "never"
    for at, (p_value, resolution) in enumerate((*before, *after)):
        drift = drift.after(p_value, at, limit=limit(60_480.0), resolution=resolution)
        if drift.since is not None and at >= BEFORE:
            reported = str(at - BEFORE)
            break
    found, cells = np.array([p_value for p_value, _ in (*before, *after)]), [reported]
    for asked in ASKED[:3]:
        over = np.cumsum(found <= asked) > 2 * asked * np.arange(1, len(found) + 1)
        later = np.flatnonzero(over[BEFORE:])
        cells.append(str(later[0]) if len(later) else "never")
    return " | ".join(cells)


if __name__ == "__main__":
    if sys.argv[1:2] == ["shifts"]:
        print_shifts(servers=int(sys.argv[2]))
        sys.exit()
    if sys.argv[1:2] == ["starts"]:
        told = "untold" not in sys.argv
        print_starts(*(map(int, sys.argv[2:4] if sys.argv[2:] else ("6000", "10"))), told=told)
        sys.exit()
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
