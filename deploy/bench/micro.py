"""Added time per system call: one container, an unwatched process, ten containers, and four hundred."""

from contextlib import ExitStack
from typing import Any

from bench import bpf
from bench.contenders import Contender, Program, Ring, tools
from bench.context import Context
from bench.ours import Ours, counted, lost
from bench.rounds import Column, Plan, measure, summarise
from bench.workload import Crowd

_MICRO = ("getppid", "read", "mix")
_CPU = 0


def one(context: Context) -> dict[str, Any]:
    """Measure every contender on one container, and the floor and ours on a process of the host."""
    plan = Plan(rounds=context.rounds(21), slice_s=0.012, warm_s=0.004, rare_rounds=context.rounds(7))
    with ExitStack() as stack:
        ours = stack.enter_context(Ours())
        watched = stack.enter_context(Crowd(context.work, 1, cpu=_CPU, cgroups=context.cgroups / "one"))
        host = stack.enter_context(Crowd(context.work, 1, cpu=_CPU, cgroups=None))
        contenders = [*_contenders(stack, context, ours), *tools(context.say)]
        basic = frozenset({"none", "floor", "ours"})
        columns = [Column(each, watched, each) for each in _MICRO]
        columns += [Column(f"{each}, unwatched", host, each, only=basic) for each in _MICRO]
        ours.drain()
        ours.detach()
        with context.timed(f"sensor: {len(contenders)} contenders, {plan.rounds} rounds"):
            table = measure(columns, contenders, plan, context.quiet)
        return summarise(table)


def ten(context: Context) -> dict[str, Any]:
    """Measure ten containers that take turns on one CPU, each 200 calls long.

    `patterns` has 256 n-grams per container, `mix` about 4,100.
    """
    return _in_turn(
        context, 10, ("getppid", "read", "mix", "patterns"), Plan(context.rounds(15), 0.06, 0.03, 0)
    )


def many(context: Context) -> dict[str, Any]:
    """Measure four hundred containers of 256 n-grams: in turns of 200 calls, and in the scheduler's own."""
    plan = Plan(context.rounds(15), 0.2, 0.2, 0)
    return _in_turn(context, 400, ("patterns",), plan, also_long_turns=True)


def _in_turn(
    context: Context, count: int, workloads: tuple[str, ...], plan: Plan, *, also_long_turns: bool = False
) -> dict[str, Any]:
    with ExitStack() as stack:
        ours = stack.enter_context(Ours())
        crowd = stack.enter_context(Crowd(context.work, count, cpu=_CPU, cgroups=context.cgroups / "turns"))
        contenders = _contenders(stack, context, ours)
        columns = [Column(f"{each}, {count} containers", crowd, each, yields=True) for each in workloads]
        if also_long_turns:
            columns += [
                Column(f"{each}, {count} containers, the scheduler's turns", crowd, each)
                for each in workloads
            ]
        ours.drain()
        # Once through all n-grams, so that what is measured is an epoch's long middle, not its beginning.
        for each in workloads:
            crowd.slice(each, 0.5 if count < 100 else 2.0, yields=True)
        ours.detach()
        with context.timed(f"{count} containers in turn: {plan.rounds} rounds"):
            table = measure(columns, contenders, plan, context.quiet)
        return {**summarise(table), "exactness": _exactness(ours, crowd, workloads[-1])}


def _contenders(stack: ExitStack, context: Context, ours: Ours) -> list[Contender]:
    programs = bpf.Programs()
    return [
        Contender("none", "nothing attached (control)"),
        Program("floor", "empty program (floor)", programs.programs["floor"]),
        ours,
        Program("hash", "per-CPU hash, task storage", programs.programs["hash"]),
        Program("thread_hash", "per-CPU hash, hash by thread", programs.programs["thread_hash"]),
        stack.enter_context(Ring("ring", "ring buffer + counting reader", programs, context.work)),
    ]


def _exactness(ours: Ours, crowd: Crowd, workload: str) -> dict[str, int]:
    """Compare the calls that the workers made in one slice with those that the sensor counted."""
    ids = crowd.cgroup_ids()
    ours.attach()
    try:
        ours.drain()
        before = crowd.issued()
        crowd.slice(workload, 0.3, yields=True)
        made = (crowd.issued() - before).astype("int64")
        drained = ours.drain()
    finally:
        ours.detach()
    found, missing = counted(drained, ids), lost(drained, ids)
    return {
        "calls_made": int(made.sum()),
        "calls_counted": int(found.sum()),
        "calls_reported_lost": int(missing.sum()),
        "containers_not_exact": int((found + missing != made).sum()),
        "distinct_ngrams": sum(len(drained[each].ngrams) for each in ids if each in drained),
    }
