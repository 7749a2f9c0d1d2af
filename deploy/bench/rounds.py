"""The measuring loop: slices without and with each contender, in an order shuffled anew each round."""

import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench import bpf
from bench.contenders import Contender
from bench.workload import Crowd

_TRIES = 20
_BREATH_S = 0.5
ENOUGH_ROUNDS = 7
_IMPLAUSIBLE = 1.4
"""A bare call that costs this much more than the lower quartile of all before it was not bare."""
_SETTLE_S = 0.005
"""Time for a reader of events to catch up before its CPU time is read."""


class DisturbedError(RuntimeError):
    """Somebody else traced system calls for so long that no figure would mean anything."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How long to measure."""

    rounds: int
    slice_s: float
    warm_s: float
    rare_rounds: int
    """Rounds of the contenders that take long to attach."""


@dataclass(slots=True)
class Samples:
    """What was measured of one contender on one workload."""

    added_ns: list[float] = field(default_factory=list)
    bare_ns: list[float] = field(default_factory=list)
    consumer_ns: list[float] = field(default_factory=list)

    def summary(self, floor: "Samples | None") -> dict[str, Any]:
        """Return medians, the interquartile range, and the ratio to the floor of the same run."""
        added = statistics.median(self.added_ns)
        result = {
            "added_ns": round(added, 1),
            "iqr_ns": round(_iqr(self.added_ns), 1),
            "bare_ns": round(statistics.median(self.bare_ns), 1),
            "rounds": len(self.added_ns),
        }
        if floor is not None and floor.added_ns:
            result["x_floor"] = round(added / statistics.median(floor.added_ns), 2)
        if any(self.consumer_ns):
            result["consumer_ns"] = round(statistics.median(self.consumer_ns), 1)
        return result


Table = dict[str, dict[str, Samples]]
"""Samples by column (a workload in a place) and contender."""


class Quiet:
    """Keeps foreign tracing out of the figures."""

    def __init__(self, patience_s: float, say: Callable[[str], None]) -> None:
        self._patience_s, self.say = patience_s, say
        self._seen: dict[str, list[float]] = {}
        self.waited_s = 0.0
        self.discarded = 0

    def wait(self, ours: Sequence[int]) -> None:
        """Wait until every link on the hook is ours.

        Raises:
            DisturbedError: Somebody else stayed attached for longer than the limit.
        """
        begin = time.monotonic()
        while others := bpf.foreign_links(ours):
            if time.monotonic() - begin > self._patience_s:
                msg = f"Others trace system calls here ({', '.join(others)}): no figure would mean anything."
                raise DisturbedError(msg)
            time.sleep(0.1)
        self.waited_s += time.monotonic() - begin

    def plausible(self, column: str, bare_ns: float) -> bool:
        """Tell whether a bare slice was bare: tracing that shows no link still shows in its cost."""
        seen = self._seen.setdefault(column, [])
        seen.append(bare_ns)
        return bare_ns < _IMPLAUSIBLE * sorted(seen)[len(seen) // 4]


@dataclass(frozen=True, slots=True)
class Column:
    """One workload in one place."""

    name: str
    crowd: Crowd
    workload: str
    yields: bool = False
    only: frozenset[str] | None = None
    """Names of the contenders measured here; None for all."""


def measure(
    columns: Sequence[Column], contenders: Sequence[Contender], plan: Plan, quiet: Quiet, seed: int = 1
) -> Table:
    """Run all rounds and return the samples."""
    table: Table = {column.name: {each.name: Samples() for each in contenders} for column in columns}
    order = random.Random(seed)
    for number in range(plan.rounds):
        taking_part = [each for each in contenders if not each.rare or number < plan.rare_rounds]
        order.shuffle(taking_part)
        try:
            for contender in taking_part:
                _insist(table, contender, columns, plan, quiet)
        except DisturbedError:
            # What was measured until then is worth keeping, if it is enough to take a median of.
            if number < ENOUGH_ROUNDS:
                raise
            return table
        quiet.say(f"round {number + 1} of {plan.rounds}")
    return table


def summarise(table: Table, floor: str = "floor") -> dict[str, dict[str, Any]]:
    """Return the summaries of a table."""
    return {
        column: {name: each.summary(samples.get(floor)) for name, each in samples.items() if each.added_ns}
        for column, samples in table.items()
    }


def _insist(table: Table, contender: Contender, columns: Sequence[Column], plan: Plan, quiet: Quiet) -> None:
    for _ in range(_TRIES):
        if _round(table, contender, columns, plan, quiet):
            return
        quiet.discarded += 1
        time.sleep(_BREATH_S)
    msg = f"{_TRIES} slices in a row were disturbed by somebody else's tracing."
    raise DisturbedError(msg)


def _round(table: Table, contender: Contender, columns: Sequence[Column], plan: Plan, quiet: Quiet) -> bool:
    columns = [each for each in columns if each.only is None or contender.name in each.only]
    quiet.wait([])
    bare = {each.name: _bare(each, plan) for each in columns}
    if not all(quiet.plausible(name, value) for name, value in bare.items()):
        return False
    taken: Mapping[str, tuple[float, float]] = {}
    contender.follow([pid for each in columns for pid in each.crowd.pids()])
    contender.attach()
    try:
        quiet.wait(contender.links())
        taken = {each.name: _attached(each, contender, plan) for each in columns}
        disturbed = bool(bpf.foreign_links(contender.links()))
    finally:
        contender.detach()
    if disturbed:
        return False
    for name, (ns_per_call, consumer_ns) in taken.items():
        samples = table[name][contender.name]
        samples.added_ns.append(ns_per_call - bare[name])
        samples.bare_ns.append(bare[name])
        samples.consumer_ns.append(consumer_ns)
    return True


def _attached(column: Column, contender: Contender, plan: Plan) -> tuple[float, float]:
    column.crowd.slice(column.workload, plan.warm_s, yields=column.yields)
    time.sleep(_SETTLE_S)
    before = contender.consumer_ns()
    found = column.crowd.slice(column.workload, plan.slice_s, yields=column.yields)
    time.sleep(_SETTLE_S)
    return found.ns_per_call, (contender.consumer_ns() - before) / max(found.calls, 1)


def _bare(column: Column, plan: Plan) -> float:
    column.crowd.slice(column.workload, plan.warm_s, yields=column.yields)
    return column.crowd.slice(column.workload, plan.slice_s, yields=column.yields).ns_per_call


def _iqr(values: Sequence[float]) -> float:
    if len(values) < 4:
        return max(values) - min(values)
    first, _, third = statistics.quantiles(values, n=4)
    return third - first
