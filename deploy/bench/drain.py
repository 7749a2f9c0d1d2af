"""How fast the sensor's table is read, in Python."""

import statistics
import time
from contextlib import ExitStack
from typing import Any

import numpy as np

from bench.context import Context
from bench.ours import Ours
from bench.workload import Crowd
from collector.sensor import layout
from collector.sensor.loader import possible_cpus
from collector.sensor.settings import SensorSettings
from collector.sensor.table import take


def drain(context: Context) -> dict[str, Any]:
    """Read tables of the default size, filled to several degrees, and drain the running sensor."""
    found: dict[str, Any] = {}
    repeats = 3 if context.quick else 15
    settings = SensorSettings()
    cpus = possible_cpus().bound
    lines = settings.lines(cpus) * cpus
    with context.timed("drain"):
        for used in (0, 1_000, 10_000, 100_000):
            found[f"{used} n-grams of 50 containers"] = _table(lines, used, repeats)
        with ExitStack() as stack:
            ours = stack.enter_context(Ours())
            crowd = stack.enter_context(Crowd(context.work, 10, cpu=0, cgroups=context.cgroups / "drain"))
            found["running sensor, 10 containers"] = _running(ours, crowd, lines * layout.WAYS, repeats)
    return found


def _table(lines: int, used: int, repeats: int) -> dict[str, float]:
    generator = np.random.default_rng(1)
    table = np.zeros(lines, layout.LINE)
    table["count"] = 1  # so that every page is really there
    took = []
    for _ in range(repeats):
        # Ways fill in order; spread over lines as a good hash spreads them.
        for place, count in zip(
            *np.unique(generator.integers(0, lines, used), return_counts=True), strict=True
        ):
            for way in range(min(count, layout.WAYS)):
                table["gram"][place, way] = generator.integers(1, 1 << 60)
                table["owner"][place, way] = 1000 + place % 50
                table["count"][place, way] = 1
        begin = time.process_time()
        for _ in take(table):
            pass
        took.append(time.process_time() - begin)
    return _figures(lines * layout.WAYS, took)


def _running(ours: Ours, crowd: Crowd, slots: int, repeats: int) -> dict[str, float]:
    took, wall = [], []
    for _ in range(repeats):
        crowd.slice("patterns", 0.05, yields=True)
        begin, begin_wall = time.process_time(), time.perf_counter()
        ours.probe.drain()
        took.append(time.process_time() - begin)
        wall.append(time.perf_counter() - begin_wall)
    return {**_figures(slots, took), "wall_ms_with_grace_period": round(1e3 * statistics.median(wall), 2)}


def _figures(slots: int, took: list[float]) -> dict[str, float]:
    median = statistics.median(took)
    return {
        "slots": slots,
        "ms": round(1e3 * median, 2),
        "worst_ms": round(1e3 * max(took), 2),
        "million_slots_per_s": round(slots / median / 1e6, 1),
    }
