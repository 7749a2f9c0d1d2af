"""Replay workloads, stop at a random window, and see whether the interval covers what was really unseen.

    python docs/replay_completeness.py [REPLAYS] [KIND ...]
    python docs/replay_completeness.py waits REPLAYS
    python docs/replay_completeness.py starts REPLAYS

Run it from the root of the repository: the servers are those of the tests. See docs/completeness.md.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from model.completeness import Completeness
from model.starts import Starts
from model.unseen import CompletenessVerdict, Unseen, unseen
from tests.unit.model.workloads import Server

LEAST, MOST, LATER = 60, 3000, 6000
TARGET = 0.01
HORIZON = 8000
"""Windows that are learned on to see when the target is reached."""
Windows = Iterator[NDArray[np.uint64]]
Rng = np.random.Generator


def server(rng: Rng, swing: float = 1.0) -> Windows:
    """Yield windows of a server whose load swings by a factor either way, once in 500 windows."""
    source, phase = Server(int(rng.integers(1 << 30))), rng.uniform(0, 500)
    while True:
        load = 200 * swing ** np.sin(2 * np.pi * phase / 500)
        yield source.ngrams(load)
        phase += 1


def zipf(rng: Rng, index: float) -> Windows:
    """Yield windows of 20 draws from endlessly many behaviours, the k-th with probability k**-index."""
    while True:
        yield np.unique(np.minimum(rng.zipf(index, 20), 1 << 60)).astype(np.uint64)


def sticky(rng: Rng) -> Windows:
    """Yield windows in which a rare behaviour, once begun, lasts for about twelve windows."""
    current = 1
    while True:
        if rng.random() < 1 / 12:
            current = min(int(rng.zipf(1.7)), 1 << 60)
        yield np.unique(np.array([1, 2, 3, current], dtype=np.uint64))


def warm_up(rng: Rng) -> Windows:
    """Yield fifty windows of a start that never comes again, then those of a server."""
    for index in range(50):
        yield np.arange(20, dtype=np.uint64) + np.uint64((1 << 59) + 20 * index)
    yield from server(rng)


def builds(rng: Rng) -> Windows:
    """Yield windows of a build runner: nine of ten hold sequences never seen before or after."""
    made = 1 << 32
    while True:
        fresh = int(rng.poisson(2.3))
        made += fresh
        yield np.concatenate((np.arange(50), np.arange(made - fresh, made))).astype(np.uint64)


def nightly(rng: Rng) -> Windows:
    """Yield windows of a server that runs a job of 30 windows once in 2,000."""
    phase = int(rng.integers(2000))
    for window in server(rng):
        job = (1 << 58) + rng.integers(0, 40, 20)
        yield np.union1d(window, job.astype(np.uint64)) if phase % 2000 < 30 else window
        phase += 1


def growing(rng: Rng) -> Windows:
    """Yield windows of a workload that takes up a new habit every 150 windows and keeps it."""
    habits = 1.0
    while True:
        habits += rng.random() / 75
        yield np.unique(rng.integers(0, int(habits) + 20, 30)).astype(np.uint64)


KINDS: dict[str, Callable[[Rng], Windows]] = {
    "server": server,
    "server, load swings 25-fold": lambda rng: server(rng, 5.0),
    "Zipf, index 1.3": lambda rng: zipf(rng, 1.3),
    "Zipf, index 1.6": lambda rng: zipf(rng, 1.6),
    "Zipf, index 2": lambda rng: zipf(rng, 2.0),
    "Zipf, index 3": lambda rng: zipf(rng, 3.0),
    "rare behaviour in long spells": sticky,
    "start that never comes again": warm_up,
    "build runner": builds,
    "nightly job": nightly,
    "new habits that stay": growing,
}
UNENDING = ("build runner", "new habits that stay")
"""Kinds whose future depends on their past; all replays of the others share one future, without the start."""


class Replay:
    """One run: what was learned, the estimate at the cut, and the share really unseen afterwards."""

    def __init__(self, windows: Windows) -> None:
        self._windows = windows
        self._record = Completeness()
        self._held = Counter[int]()

    def learn(self, count: int) -> None:
        """Learn so many more windows."""
        for _ in range(count):
            ngrams = np.unique(next(self._windows))
            names = ngrams.tolist()
            self._record.learn(ngrams, np.array([name not in self._held for name in names]))
            self._held.update(names)

    def estimate(self) -> Unseen:
        """Return what the model says."""
        held_by = np.array([self._held[name] for name in self._record.ngrams.tolist()], dtype=np.int64)
        return unseen(self._record, held_by, target=TARGET, min_windows=30)

    def wait(self, horizon: int) -> int | None:
        """Learn on until the interval reaches the target; return how many windows that took, or None."""
        began = self._record.windows
        while self._record.windows - began < horizon:
            self.learn(max(1, self._record.windows // 20))
            if self.estimate().high <= TARGET:
                return self._record.windows - began
        return None

    def future(self) -> "Future":
        """Return the windows that follow."""
        return Future([next(self._windows) for _ in range(LATER)])

    @property
    def learned(self) -> NDArray[np.uint64]:
        """Distinct n-grams learned."""
        return np.fromiter(self._held, dtype=np.uint64)


class Future:
    """Windows that come later, to be asked of many replays."""

    def __init__(self, windows: list[NDArray[np.uint64]]) -> None:
        self._size = len(windows)
        self._window_of = np.repeat(np.arange(self._size), [len(window) for window in windows])
        self._distinct, self._ngram_of = np.unique(np.concatenate(windows), return_inverse=True)

    def unseen(self, learned: NDArray[np.uint64]) -> float:
        """Return the share of windows that hold an n-gram that was not learned."""
        new = ~np.isin(self._distinct, learned)
        return len(np.unique(self._window_of[new[self._ngram_of]])) / self._size


def replay(name: str, replays: int) -> str:
    """Return the row of the table of one kind."""
    kind = KINDS[name]
    other = Replay(kind(np.random.default_rng(1)))
    other.learn(LEAST)
    shared = None if name in UNENDING else other.future()
    covered, above, below, width = 0, 0, 0, list[float]()
    verdicts, truths, errors = Counter[CompletenessVerdict](), list[float](), list[float]()
    for seed in range(replays):
        rng = np.random.default_rng([seed, len(name)])
        run = Replay(kind(rng))
        run.learn(int(np.exp(rng.uniform(np.log(LEAST), np.log(MOST)))))
        said, truth = run.estimate(), (shared or run.future()).unseen(run.learned)
        below += truth < said.low
        above += truth > said.high
        covered += said.low <= truth <= said.high
        width.append(said.high - said.low)
        truths.append(truth)
        errors.append(said.estimate - truth)
        verdicts[said.verdict] += 1
    heard = ", ".join(f"{verdict.value} {number}" for verdict, number in sorted(verdicts.items()))
    middle = f"{np.median(truths):.4f} | {np.mean(errors):+.4f} | {np.median(width):.4f}"
    return f"| {name} | {covered / replays:.1%} | {below} | {above} | {middle} | {heard} |"


def waits(name: str, replays: int) -> str:
    """Return the row of one kind on how long the target really took."""
    right, early, late, untold, told = 0, 0, 0, 0, list[float]()
    for seed in range(replays):
        rng = np.random.default_rng([seed, len(name)])
        run = Replay(KINDS[name](rng))
        run.learn(int(np.exp(rng.uniform(np.log(LEAST), np.log(MOST)))))
        ahead = run.estimate().windows_to_target
        if ahead is None:
            untold += 1
            continue
        fewest, most = ahead
        took = run.wait(HORIZON)
        # It is looked at once in 5 % of what was learned, so it can seem that much later.
        early += took is not None and took < fewest
        late += most is not None and (took or HORIZON) > 1.05 * most
        right += (took is None or took >= fewest) and (most is None or (took or HORIZON) <= 1.05 * most)
        if took is not None:
            told.append(took / fewest)
    middle = f"{np.median(told):.1f} ({len(told)})" if told else "-"
    return f"| {name} | {untold} | {right} | {early} | {late} | {middle} |"


def starts(index: float, replays: int) -> str:
    """Return how often the bound of starts holds, where each start shows one of endless variants."""
    held, bounds, truths = 0, list[float](), list[float]()
    for seed in range(replays):
        rng = np.random.default_rng([seed, 7])
        drawn = rng.zipf(index, int(np.exp(rng.uniform(np.log(2), np.log(100)))))
        record, known = Starts(), set[int]()
        for number, variant in enumerate(drawn.tolist()):
            record.learn(number, new=variant not in known)
            known.add(variant)
        truths.append(float(np.mean(~np.isin(rng.zipf(index, LATER), drawn))))
        bounds.append(record.seen().high)
        held += truths[-1] <= bounds[-1]
    middle = f"{np.median(truths):.3f} | {np.median(bounds):.3f}"
    return f"| {index:g} | {held / replays:.1%} | {middle} |"


if __name__ == "__main__":
    if sys.argv[1:2] == ["waits"]:
        print("| kind | no time told | within | earlier | later | median of took / fewest (reached) |")
        print("| --- | --- | --- | --- | --- | --- |")
        for each in KINDS:
            print(waits(each, int(sys.argv[2])), flush=True)
        sys.exit()
    if sys.argv[1:2] == ["starts"]:
        print("| Zipf index of variants | bound held | median truth | median bound |")
        print("| --- | --- | --- | --- |")
        for power in (1.5, 2.0, 3.0):
            print(starts(power, int(sys.argv[2])), flush=True)
        sys.exit()
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    print(f"{number} replays of each kind, cut after {LEAST} to {MOST} windows; {LATER} later windows.\n")
    print(
        "| kind | covered | truth below | truth above | median truth | mean error | median width | verdicts |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for each in sys.argv[2:] or KINDS:
        print(replay(each, number), flush=True)
