"""Time and weigh the learner on windows of 200 distinct n-grams; see docs/detection.md.

python docs/time_learner.py

Times are CPU time of one process; each window is scored, then learned. A
baseline is loaded when it has scored its first window. Its memory is what Python
and numpy allocated for one that was loaded, with full records of scores, and the
growth of the process over sixty.
"""

import ctypes
import gc
import resource
import time
import tracemalloc
from pathlib import Path

import numpy as np

from model import snapshot
from model.baseline import Baseline
from model.record import WIDTH
from model.state import BaselineState
from model.window import Window

WINDOWS, PER_WINDOW, CALLS, RECORD, STARTS, COPIES = 2000, 200, 60, 4096, 512, 60
ALPHA = 1.65e-5


def packed(calls: np.ndarray) -> np.ndarray:
    """Return the n-gram of each row of six calls."""
    ngrams = np.zeros(len(calls), dtype=np.uint64)
    for column in calls.T:
        ngrams = ngrams << np.uint64(10) | column
    return ngrams


def random(distinct: int, generator: np.random.Generator) -> np.ndarray:
    """Return random n-grams over sixty calls, the worst case for the lower orders."""
    calls = generator.integers(1, CALLS, size=(2 * distinct, 6), dtype=np.uint64)
    return np.sort(generator.permutation(np.unique(packed(calls)))[:distinct])


def routines(distinct: int, generator: np.random.Generator) -> np.ndarray:
    """Return n-grams of programs that call routines, each a fixed sequence of calls, some far more often."""
    count = max(8, distinct // 50)
    bodies = [generator.zipf(1.3, generator.integers(3, 13)).clip(1, CALLS) for _ in range(count)]
    found = np.empty(0, dtype=np.uint64)
    while len(found) < distinct:
        taken = generator.zipf(1.3, 4 * distinct) % count
        calls = np.concatenate([bodies[each] for each in taken]).astype(np.uint64)
        found = np.union1d(found, packed(np.lib.stride_tricks.sliding_window_view(calls, 6)))
    return np.sort(generator.choice(found, distinct, replace=False))


def learned(known: np.ndarray) -> Baseline:
    """Return a baseline of n-grams."""
    baseline = Baseline()
    for first in range(0, len(known), PER_WINDOW):
        part = known[first : first + PER_WINDOW]
        window = Window(ngrams=part, counts=np.full(len(part), 7))
        baseline.learn_window(window, baseline.score_window(window, alpha=ALPHA))
    return baseline


def weigh(data: bytes, window: Window) -> tuple[float, float, float]:
    """Return megabytes of arrays, of everything that was allocated, and of growth, for one baseline."""
    state = snapshot.from_bytes(data).state()
    fields = {name: getattr(state, name) for name in BaselineState.__slots__}
    record = {
        "scores": np.random.default_rng(2).exponential(10.0, (RECORD, WIDTH)),
        "scores_seen": 2 * RECORD,
        "start_scores": np.random.default_rng(3).exponential(10.0, (STARTS, WIDTH)),
        "start_scores_seen": 2 * STARTS,
    }
    full = BaselineState(**fields | record)

    def load() -> Baseline:
        baseline = Baseline.from_state(full)
        baseline.score_window(window, alpha=ALPHA)
        return baseline

    load()
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    kept = load()
    gc.collect()
    allocated = tracemalloc.get_traced_memory()[0] - before
    statistics = tracemalloc.take_snapshot().filter_traces(
        [tracemalloc.DomainFilter(inclusive=True, domain=np.lib.tracemalloc_domain)]
    )
    arrays = sum(trace.size for trace in statistics.traces)
    tracemalloc.stop()
    ctypes.CDLL(None).malloc_trim(0)
    before = resident()
    copies = [load() for _ in range(COPIES)]
    growth = (resident() - before) / COPIES
    del kept, copies
    return arrays / 1e6, allocated / 1e6, growth / 1e6


def resident() -> int:
    """Return the bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def measure(kind: str, known: np.ndarray, generator: np.random.Generator) -> list[str]:
    """Return one row of the table."""
    baseline = learned(known)
    windows = [
        Window(
            ngrams=np.sort(generator.choice(known, PER_WINDOW, replace=False)),
            counts=generator.integers(1, 1000, PER_WINDOW),
        )
        for _ in range(WINDOWS)
    ]
    scoring = learning = 0.0
    for window in windows:
        start = time.process_time()
        score = baseline.score_window(window, alpha=ALPHA)
        scored = time.process_time()
        baseline.learn_window(window, score)
        scoring, learning = scoring + scored - start, learning + time.process_time() - scored
    taught = time.process_time()
    data = snapshot.to_bytes(baseline)
    saved = time.process_time()
    snapshot.from_bytes(data).score_window(windows[0], alpha=ALPHA)
    loaded = time.process_time()
    each = [scoring / WINDOWS * 1e6, learning / WINDOWS * 1e6]
    return [
        kind,
        f"{len(known):,}",
        *(f"{figure:.0f}" for figure in each),
        f"{1e6 / sum(each):,.0f}",
        f"{len(data) / 1000:.0f}",
        f"{(saved - taught) * 1e3:.1f}",
        f"{(loaded - saved) * 1e3:.1f}",
        *(f"{figure:.2f}" for figure in weigh(data, windows[0])),
    ]


def main() -> None:
    """Print one row for each kind and size of baseline."""
    titles = ["n-grams", "learned", "score µs", "learn µs", "windows/s", "snapshot kB", "save ms", "load ms"]
    titles += ["arrays MB", "allocated MB", "growth MB"]
    print("| " + " | ".join(titles) + " |")
    print("| " + " | ".join(["---"] * len(titles)) + " |")
    generator = np.random.default_rng(1)
    for distinct in (200, 2000, 20_000):
        for kind in (routines, random):
            row = measure(kind.__name__, kind(distinct, generator), generator)
            print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()
