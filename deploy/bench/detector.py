"""How many windows the learner scores and learns per second of one core, beside what others do with them."""

import random
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from river.anomaly import HalfSpaceTrees

from bench.context import Context
from model import snapshot
from model.baseline import Baseline
from model.window import Window
from wire.ngram import pack

DISTINCT, KNOWN = 200, 600
ALPHA = 1.65e-5
"""One alert a week at windows of ten seconds: as in the service, few n-grams of other windows are listed."""


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


def stide(taught: Sequence[Window], measured: Sequence[Window]) -> int:
    """Return windows per second of the least that a detector of sequences does: is each in a set?"""
    known: set[int] = set()
    for each in taught:
        known.update(each.ngrams.tolist())
    begin = time.process_time()
    for each in measured:
        pairs = zip(each.ngrams.tolist(), each.counts.tolist(), strict=True)
        _ = sum(count for ngram, count in pairs if ngram not in known) / each.calls
        known.update(each.ngrams.tolist())
    return round(len(measured) / (time.process_time() - begin))


def half_space_trees(taught: Sequence[Window], measured: Sequence[Window]) -> int:
    """Return windows per second of river's half-space trees; an n-gram is a feature, from 0 to 1."""
    trees = HalfSpaceTrees(seed=1)
    for each in taught[:20]:
        trees.learn_one(features(each))
    begin = time.process_time()
    for each in measured:
        x = features(each)
        trees.score_one(x)
        trees.learn_one(x)
    return round(len(measured) / (time.process_time() - begin))


def features(window: Window) -> dict[int, float]:
    """Return the counts of a window as river's detectors take them."""
    shares = window.counts / (1.0 + window.counts)
    return dict(zip(window.ngrams.tolist(), shares.tolist(), strict=True))


PEERS = {
    "peer_stide_set_windows_per_core_s": stide,
    "peer_river_half_space_trees_windows_per_core_s": half_space_trees,
}
"""Neither explains, nor tells how often a healthy window is as strange."""


def detector(context: Context) -> dict[str, Any]:
    """Teach a baseline, then measure scoring alone, and scoring followed by learning."""
    taught, measured = windows(200), windows(200 if context.quick else 3000, seed=2)
    baseline = Baseline()
    with context.timed(f"detector: {len(measured)} windows of {DISTINCT} n-grams, and by its peers"):
        for each in taught:
            baseline.learn_window(each, baseline.score_window(each))
        begin = time.process_time()
        for each in measured:
            baseline.score_window(each, alpha=ALPHA)
        scoring = time.process_time() - begin
        begin = time.process_time()
        for each in measured:
            baseline.learn_window(each, baseline.score_window(each, alpha=ALPHA))
        both = time.process_time() - begin
        peers = {name: peer(taught, measured) for name, peer in PEERS.items()}
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
        **peers,
        "snapshot_bytes": len(stored),
        "snapshot_written_ms": round(storing * 1e3, 2),
        "snapshot_read_ms": round(reading * 1e3, 2),
    }
