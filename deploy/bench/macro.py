"""What a user of a real program notices: processor time and waiting time, without and with each contender."""

import random
import statistics
from contextlib import ExitStack, closing
from typing import Any

from bench import bpf
from bench.contenders import Contender, Program, Ring, Strace, tools
from bench.context import Context
from bench.loads import LOADS, Load
from bench.ours import Ours
from bench.rounds import ENOUGH_ROUNDS, DisturbedError

_STRACE = ["strace", "-f", "-c", "-o", "/dev/null"]


def macro(context: Context) -> dict[str, Any]:
    """Alternate runs without and with each contender, for each program."""
    rounds, rare_rounds = context.rounds(12), 1 if context.quick else 3
    with ExitStack() as stack:
        ours = stack.enter_context(Ours())
        loads = [
            stack.enter_context(closing(each(context.work, context.folder, context.cgroups / "macro")))
            for each in (LOADS[:1] if context.quick else LOADS)
        ]
        ours.drain()
        ours.detach()
        programs = bpf.Programs()
        contenders: list[Contender] = [
            Contender("none", "nothing attached (control)"),
            Program("floor", "empty program (floor)", programs.programs["floor"]),
            ours,
            Program("hash", "per-CPU hash, task storage", programs.programs["hash"]),
            stack.enter_context(Ring("ring", "ring buffer + counting reader", programs, context.work)),
            *tools(context.say),
        ]
        taken: dict[str, dict[str, list[tuple[float, float]]]] = {each.name: {} for each in loads}
        order = random.Random(1)
        with context.timed(f"macro: {', '.join(taken)}; {rounds} rounds"):
            for number in range(rounds):
                pairs = [
                    (load, each)
                    for load in loads
                    for each in contenders
                    if not each.rare or number < rare_rounds
                ]
                order.shuffle(pairs)
                try:
                    for load, contender in pairs:
                        found = _pair(context, load, contender)
                        if found is not None:
                            taken[load.name].setdefault(contender.name, []).append(found)
                except DisturbedError:
                    if number < ENOUGH_ROUNDS:
                        raise
                    break
                ours.attach()
                ours.drain()
                ours.detach()
                context.say(f"macro: round {number + 1} of {rounds}")
    return {
        load: {name: _summary(values, by_name.get("floor", [])) for name, values in by_name.items()}
        for load, by_name in taken.items()
    }


def _pair(context: Context, load: Load, contender: Contender) -> tuple[float, float] | None:
    """Return CPU and wall time with the contender, as shares of those without; None if others disturbed."""
    context.quiet.wait([])
    load.wrapper = []
    without = load.run()
    if bpf.foreign_links():
        return None
    # strace follows a running server, but a program that ends by itself has to be started by it.
    started = isinstance(contender, Strace) and not load.pids()
    if not started:
        contender.follow(load.pids())
        contender.attach()
    try:
        load.wrapper = _STRACE if started else []
        attached = load.run()
        disturbed = bpf.foreign_links(contender.links())
    finally:
        contender.detach()
    return None if disturbed else (attached.cpu_us / without.cpu_us, attached.wall_us / without.wall_us)


def _summary(values: list[tuple[float, float]], floor: list[tuple[float, float]]) -> dict[str, Any]:
    cpu, wall = ([100 * (each[index] - 1) for each in values] for index in (0, 1))
    result = {
        "cpu_percent": round(statistics.median(cpu), 1),
        "wall_percent": round(statistics.median(wall), 1),
        "cpu_spread": [round(min(cpu), 1), round(max(cpu), 1)],
        "rounds": len(values),
    }
    if floor:
        base = statistics.median(100 * (each[0] - 1) for each in floor)
        result["cpu_over_floor_points"] = round(result["cpu_percent"] - base, 1)
    return result
