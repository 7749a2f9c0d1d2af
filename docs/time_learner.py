"""Time the learner on windows of 200 distinct n-grams, in CPU time of one process; see docs/detection.md.

python docs/time_learner.py
"""

import time

import numpy as np

from model import snapshot
from model.baseline import Baseline
from model.window import Window

WINDOWS, PER_WINDOW, CALLS = 1000, 200, 60


def pool(distinct: int, generator: np.random.Generator) -> np.ndarray:
    """Return random n-grams over sixty calls, the worst case for the lower orders."""
    calls = generator.integers(1, CALLS, size=(2 * distinct, 6), dtype=np.uint64)
    packed = np.zeros(len(calls), dtype=np.uint64)
    for column in calls.T:
        packed = packed << np.uint64(10) | column
    return np.sort(generator.permutation(np.unique(packed))[:distinct])


def main() -> None:
    """Print one row for each size of baseline."""
    generator = np.random.default_rng(1)
    print("| n-grams | score µs | learn µs | windows/s | snapshot kB | save ms | load ms |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for distinct in (200, 2000, 20_000):
        known, baseline = pool(distinct, generator), Baseline()
        for first in range(0, distinct, PER_WINDOW):
            part = known[first : first + PER_WINDOW]
            window = Window(ngrams=part, counts=np.full(len(part), 7))
            baseline.learn_window(window, baseline.score_window(window))
        windows = [
            Window(
                ngrams=np.sort(generator.choice(known, PER_WINDOW, replace=False)),
                counts=generator.integers(1, 1000, PER_WINDOW),
            )
            for _ in range(WINDOWS)
        ]
        start = time.process_time()
        scores = [baseline.score_window(window) for window in windows]
        scored = time.process_time()
        for window, score in zip(windows, scores, strict=True):
            baseline.learn_window(window, score)
        learned = time.process_time()
        data = snapshot.to_bytes(baseline)
        saved = time.process_time()
        snapshot.from_bytes(data)
        loaded = time.process_time()
        each = [(scored - start) / WINDOWS * 1e6, (learned - scored) / WINDOWS * 1e6]
        print(f"| {distinct} | {each[0]:.0f} | {each[1]:.0f} | {1e6 / sum(each):.0f} ", end="")
        print(f"| {len(data) / 1000:.0f} | {(saved - learned) * 1e3:.1f} | {(loaded - saved) * 1e3:.1f} |")


if __name__ == "__main__":
    main()
