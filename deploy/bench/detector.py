"""How many windows the learner scores and learns per second of one core."""

import random
import time
from typing import Any

import numpy as np

from bench.context import Context
from model import snapshot
from model.baseline import Baseline
from model.window import Window
from wire.ngram import pack

DISTINCT, KNOWN = 200, 600


def windows(
    count: int, *, workload: int = 1, seed: int = 1, distinct: int = DISTINCT, known: int = KNOWN
) -> list[Window]:
    """Return windows of `distinct` n-grams each, drawn from `known` ones of a workload with forty calls.

    `workload` decides which n-grams those are, `seed` which windows are drawn.
    """
    draw = random.Random(workload)
    calls = [draw.randrange(40) + 1 for _ in range(known + 5)]
    grams = np.unique(np.array([pack(calls[at : at + 6]) for at in range(known)], np.uint64))
    generator = np.random.default_rng(seed)
    weights = 1.0 / np.arange(1, len(grams) + 1)
    weights /= weights.sum()
    found = []
    for _ in range(count):
        chosen = np.sort(generator.choice(len(grams), distinct, replace=False, p=weights))
        counts = generator.geometric(0.01, distinct).astype(np.int64)
        found.append(Window(ngrams=grams[chosen], counts=counts))
    return found


def detector(context: Context) -> dict[str, Any]:
    """Teach a baseline, then measure scoring alone, and scoring followed by learning."""
    taught, measured = windows(200), windows(200 if context.quick else 3000, seed=2)
    baseline = Baseline()
    with context.timed(f"detector: {len(measured)} windows of {DISTINCT} n-grams, twice"):
        for each in taught:
            baseline.learn_window(each, baseline.score_window(each))
        begin = time.process_time()
        for each in measured:
            baseline.score_window(each)
        scoring = time.process_time() - begin
        begin = time.process_time()
        for each in measured:
            baseline.learn_window(each, baseline.score_window(each))
        both = time.process_time() - begin
        begin = time.process_time()
        stored = snapshot.to_bytes(baseline)
        storing = time.process_time() - begin
        begin = time.process_time()
        snapshot.from_bytes(stored)
        reading = time.process_time() - begin
    return {
        "ngrams_per_window": DISTINCT,
        "ngrams_learned": baseline.summary().distinct_ngrams,
        "windows_scored_per_core_s": round(len(measured) / scoring),
        "windows_scored_and_learned_per_core_s": round(len(measured) / both),
        "snapshot_bytes": len(stored),
        "snapshot_written_ms": round(storing * 1e3, 2),
        "snapshot_read_ms": round(reading * 1e3, 2),
    }
