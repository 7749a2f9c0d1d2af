"""Replay the ordered container streams of the SoK data set through a baseline; see docs/detection.md.

    python docs/replay_sok.py FOLDER [WINDOW_SECONDS]

A file has one call per line, `HH:MM:SS.fraction name`. The first 200 seconds are
learned, each window scored before; what follows is scored only.
"""

import gzip
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from model.baseline import Baseline
from model.score import WindowScore
from model.window import Window, as_arrays
from wire.ngram import GRAM_MASK, TOKEN_BITS
from wire.syscalls import NATIVE_OTHER, load_table

LEARNED_S, EXPLOIT_S, OVER_S = 200.0, 238.0, 246.0
"""The exploit is stated at 240.1 s; in these recordings its burst begins up to 2 s before."""
NOT_A_CALL = "switch"


def windows(path: Path, width: float) -> Iterator[tuple[float, Window]]:
    """Yield each window's start in seconds and its n-grams; the streams have no thread ids."""
    table = load_table("x86_64")
    token = {name: number + 1 for number, name in table.native.items()}
    counts: Counter[int] = Counter()
    history, first, current = 0, -1.0, 0
    with gzip.open(path, "rt") as lines:
        for line in lines:
            clock, name = line.split()
            if name == NOT_A_CALL:
                continue
            hours, minutes, seconds = clock.split(":")
            at = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
            first = at if first < 0 else first
            while int((at - first) / width) > current:
                yield current * width, _window(counts)
                counts, current = Counter(), current + 1
            history = (history << TOKEN_BITS | token.get(name, NATIVE_OTHER)) & GRAM_MASK
            counts[history] += 1


def _window(counts: Counter[int]) -> Window:
    ngrams, numbers = as_arrays(counts)
    return Window(ngrams=ngrams, counts=numbers)


def replay(path: Path, width: float) -> None:
    """Print what a baseline makes of one stream."""
    baseline, learned = Baseline(), list[float]()
    healthy, exploit = list[WindowScore](), list[tuple[float, WindowScore]]()
    for start, window in windows(path, width):
        score = baseline.score_window(window)
        if start < LEARNED_S:
            baseline.learn_window(window, score)
            learned.append(score.score)
        elif start + width > EXPLOIT_S and start < OVER_S:
            exploit.append((start, score))
        else:
            healthy.append(score)
    summary = baseline.summary()
    print(f"{path.name}: {summary.windows_learned} windows, {summary.calls_learned} calls,", end=" ")
    print(f"{summary.distinct_ngrams} n-grams, tail scale {summary.calibration.tail_scale:.1f} bits")
    later = learned[len(learned) // 2 :]
    print(f"  learned, later half: median {np.median(later):.1f}, highest {max(later):.1f} bits")
    least = min(score.p_value or 0 for score in healthy)
    top = max(score.score for score in healthy)
    print(f"  healthy, not learned: {len(healthy)} windows, highest {top:.1f} bits, least p {least:.2g}")
    for start, score in exploit:
        print(f"  {start:.0f} s: {score.score:.1f} bits, p {score.p_value:.2g},", end=" ")
        print(f"novelty {score.novelty:.1%} of {score.calls} calls")


if __name__ == "__main__":
    for each in sorted(Path(sys.argv[1]).glob("*_syscalls.txt.gz")):
        replay(each, float(sys.argv[2]) if len(sys.argv) > 2 else 2.0)
