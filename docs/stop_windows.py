"""Rank the ends of recorded containers, told and untold, healthy and with an intruder; see docs/detection.md.

    PYTHONPATH=deploy python -m recordings stops --out DIR
    python docs/stop_windows.py DIR [WINDOW_S]

Healthy windows are learned until the first intruder comes, each scored before; then what was learned stays.
`untold` is a baseline whose agent does not tell ends: there the last window of a container is a steady one.
"""

import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from api.evaluate.events import INTRUSION, Event, read_events
from api.evaluate.slots import Progressed, read
from model import starts
from model.baseline import Baseline
from model.phases import Phase
from model.window import Window
from wire.profile import ProfileDelta

WEEK_MS = 7 * 86_400_000
RATES = (0.05, 0.01)
TEN = 10


class Pair(NamedTuple):
    """What two baselines learned of one workload."""

    untold: Baseline
    told: Baseline


@dataclass(frozen=True)
class Found:
    """One ranked window."""

    workload: str
    phase: Phase
    by: str
    """Which way an intruder came in within it; empty where none did."""
    frozen: bool
    stop: int
    """Which stop of the workload it is, from 1; 0: none."""
    p_values: tuple[float, float]
    """Untold and told."""


class Lives:
    """Tells the containers of a recording apart."""

    def __init__(self) -> None:
        self._begun: dict[str, tuple[int, int]] = {}

    def window(self, delta: ProfileDelta) -> Window:
        """Return the window of a delta."""
        number, begun = self._begun.setdefault(delta.container.id, (len(self._begun), delta.start))
        within = delta.start < begun + starts.WINDOWS * (delta.end - delta.start)
        first = within and delta.container.seen_from_start
        return Window.from_delta(delta, start=number if first else None)


def ranked(folder: Path, window_ms: int) -> Iterator[Found]:
    """Yield the windows of a recording that both baselines ranked, but for those of starts."""
    events = [each for each in read_events(folder / "events.jsonl") if each.kind == INTRUSION]
    first = min((each.start for each in events), default=sys.maxsize)
    lives, stops = Lives(), Counter[str]()
    pairs: defaultdict[str, Pair] = defaultdict(lambda: Pair(Baseline(), Baseline()))
    for batch in read(folder / "recording.jsonl.gz", window_ms, Progressed()):
        for delta in batch.deltas:
            if not delta.container.pod:
                continue
            workload = f"{delta.container.namespace}/{delta.container.name}"
            window, frozen = lives.window(delta), delta.end > first
            both = Pair(replace(window, ended=False), window)
            scores = [pair.score_window(one) for pair, one in zip(pairs[workload], both, strict=True)]
            if not frozen:
                for pair, one, score in zip(pairs[workload], both, scores, strict=True):
                    pair.learn_window(one, score)
            stops[workload] += window.phase is Phase.STOP
            here = _concerning(events, delta)
            by = next((each.delivery for each in here if each.end > delta.start), "")
            p_values = [score.p_value for score in scores if score.p_value is not None]
            if len(p_values) == len(scores) and window.phase is not Phase.START and bool(by) == bool(here):
                number = stops[workload] if window.phase is Phase.STOP else 0
                yield Found(workload, window.phase, by, frozen, number, (p_values[0], p_values[1]))


def _concerning(events: Sequence[Event], delta: ProfileDelta) -> list[Event]:
    """Return the intrusions within a window, or so shortly before that it may hold what is left of them."""
    length = delta.end - delta.start
    return [
        each
        for each in events
        if each.pod == delta.container.pod and each.start < delta.end and delta.start < each.end + 2 * length
    ]


def print_rates(found: Sequence[Found], window_ms: int) -> None:
    """Print the realised rates of each kind of window."""
    budgets = {f"1 a {name}": count * window_ms / WEEK_MS for name, count in (("day", 7), ("week", 1))}
    asked = {**{f"{rate:g}": rate for rate in RATES}, **budgets}
    print("| windows | number |", " | ".join(f"{name}, untold | told" for name in asked), "|")
    print("| --- | --- |", " | ".join("--- | ---" for _ in asked), "|")
    kinds = sorted({(each.frozen, each.phase, each.by) for each in found})
    for workload in (*sorted({each.workload for each in found}), "all"):
        for kind in kinds:
            p_values = np.array(
                [
                    each.p_values
                    for each in found
                    if (each.frozen, each.phase, each.by) == kind and workload in {each.workload, "all"}
                ]
            )
            if len(p_values):
                frozen, phase, by = kind
                what = f"{workload}, {phase}, {'frozen' if frozen else 'learning'}{by and ', ' + by}"
                cells = [str(count) for rate in asked.values() for count in np.sum(p_values <= rate, axis=0)]
                print(f"| {what} | {len(p_values)} |", " | ".join(cells), "|")


def print_tens(found: Sequence[Found], window_ms: int) -> None:
    """Print how many of each ten ends of a workload were raised at one alert a day."""
    alpha = 7 * window_ms / WEEK_MS
    print("| workload | stops | ranked | raised, untold | told |\n| --- | --- | --- | --- | --- |")
    ends = [each for each in found if each.stop and not each.by]
    for workload in sorted({each.workload for each in ends}):
        for first in range(1, max(each.stop for each in ends) + 1, TEN):
            ten = [
                each.p_values
                for each in ends
                if each.workload == workload and first <= each.stop < first + TEN
            ]
            if ten:
                untold, told = np.sum(np.array(ten) <= alpha, axis=0)
                print(f"| {workload} | {first} to {first + TEN - 1} | {len(ten)} | {untold} | {told} |")


if __name__ == "__main__":
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 10.0
    windows = list(ranked(Path(sys.argv[1]), round(seconds * 1000)))
    print_rates(windows, round(seconds * 1000))
    print()
    print_tens(windows, round(seconds * 1000))
