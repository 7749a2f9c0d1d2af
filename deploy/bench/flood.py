"""A container that makes random calls, beside a neighbour on the other CPU."""

import statistics
from contextlib import ExitStack
from typing import Any

from bench import bpf
from bench.contenders import Program
from bench.context import Context
from bench.ours import Ours, counted, lost
from bench.workload import Crowd, Slice


def flood(context: Context) -> dict[str, Any]:
    """Measure what a flood costs its author and what it does to the neighbour.

    The offender draws each call at random from sixteen, so nearly every call ends a new n-gram. Every slice
    starts right after a drain: filling the quota is part of the offender's cost.
    """
    rounds, slice_s = context.rounds(15), 0.5
    added: dict[str, list[float]] = {"floor": [], "ours": [], "neighbour": [], "neighbour_alone": []}
    made = kept = reported = marked = neighbour_marked = offender_made = offender_accounted = 0
    with ExitStack() as stack:
        ours = stack.enter_context(Ours())
        offender = stack.enter_context(Crowd(context.work, 1, cpu=0, cgroups=context.cgroups / "offender"))
        neighbour = stack.enter_context(Crowd(context.work, 1, cpu=1, cgroups=context.cgroups / "neighbour"))
        floor = Program("floor", "empty program (floor)", bpf.Programs().programs["floor"])
        (bad,), (good,) = offender.cgroup_ids(), neighbour.cgroup_ids()
        ours.drain()
        ours.detach()
        with context.timed(f"flood: {rounds} rounds"):
            for _ in range(rounds):
                context.quiet.wait([])
                bare, bare_beside = _both(offender, neighbour, slice_s)
                floor.attach()
                empty, _ = _both(offender, neighbour, slice_s)
                floor.detach()
                ours.attach()
                alone = neighbour.slice("mix", slice_s)
                ours.drain()
                before, before_bad = int(neighbour.issued()[0]), int(offender.issued()[0])
                loud, beside = _both(offender, neighbour, slice_s)
                drained = ours.drain()
                ours.detach()
                made += int(neighbour.issued()[0]) - before
                kept += int(counted(drained, [good])[0])
                reported += int(lost(drained, [good])[0])
                marked += drained[bad].over_quota
                neighbour_marked += drained[good].over_quota
                offender_made += int(offender.issued()[0]) - before_bad
                offender_accounted += int(counted(drained, [bad])[0] + lost(drained, [bad])[0])
                added["floor"].append(empty.ns_per_call - bare.ns_per_call)
                added["ours"].append(loud.ns_per_call - bare.ns_per_call)
                added["neighbour"].append(beside.ns_per_call - bare_beside.ns_per_call)
                added["neighbour_alone"].append(alone.ns_per_call - bare_beside.ns_per_call)
    medians = {name: statistics.median(values) for name, values in added.items()}
    return {
        "rounds": rounds,
        "offender_floor_added_ns": round(medians["floor"], 1),
        "offender_added_ns": round(medians["ours"], 1),
        "offender_added_ns_of_each_round": [round(each) for each in sorted(added["ours"])],
        "floor_added_ns_of_each_round": [round(each) for each in sorted(added["floor"])],
        "offender_x_floor": round(medians["ours"] / medians["floor"], 2),
        "offender_windows_marked": marked,
        "offender_calls_made": offender_made,
        "offender_calls_counted_or_reported_lost": offender_accounted,
        "neighbour_added_ns": round(medians["neighbour"], 1),
        "neighbour_alone_added_ns": round(medians["neighbour_alone"], 1),
        "neighbour_calls_made": made,
        "neighbour_calls_counted": kept,
        "neighbour_calls_reported_lost": reported,
        "neighbour_windows_marked": neighbour_marked,
        "neighbour_kept_percent": round(100 * kept / made, 4),
    }


def _both(offender: Crowd, neighbour: Crowd, seconds: float) -> tuple[Slice, Slice]:
    neighbour.begin("mix")
    loud = offender.slice("random", seconds)
    return loud, neighbour.end()
