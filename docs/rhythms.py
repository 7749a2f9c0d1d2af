"""Print how soon a nightly job is called a rhythm, and how often chance is; see docs/lifecycle.md.

    python docs/rhythms.py [WORKLOADS]

Only clocks are simulated: when windows with a finding begin, over weeks.
"""

import sys
from collections.abc import Callable
from random import Random

from api.lifecycle import rhythms
from api.lifecycle.rhythms import DAY_MS, Strange

MINUTE_MS = 60_000
LENGTHS = (3, 5, 7, 14, 28)
"""Days of learning."""


def job(dice: Random, days: int, jitter_min: float, missed: float, every: int = 1) -> list[Strange]:
    """Return windows of a job about two in the night that begins late or early, and sometimes not at all."""
    return [
        Strange(day * DAY_MS + int((120 + dice.gauss(0, jitter_min)) * MINUTE_MS), held=True)
        for day in range(days)
        if day % every == 0 and dice.random() >= missed
    ]


def chance(dice: Random, days: int, per_day: float) -> list[Strange]:
    """Return windows at any time, so many a day on average."""
    count = sum(dice.random() < per_day / 24 for _ in range(24 * days))
    return [Strange(dice.randrange(days * DAY_MS), held=True) for _ in range(count)]


def row(name: str, workloads: int, windows: Callable[[Random, int], list[Strange]]) -> str:
    """Return in how many of the simulated workloads a rhythm is told, for each length."""
    cells = []
    for days in LENGTHS:
        told = sum(
            bool(rhythms.find(windows(Random(f"{name} {days} {seed}"), days), range(days)))  # noqa: S311
            for seed in range(workloads)
        )
        cells.append(f"{told / workloads:.1%}")
    return f"| {name} | {' | '.join(cells)} |"


if __name__ == "__main__":
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    print(f"{number} workloads each.\n")
    print("| windows with a finding | " + " | ".join(f"{days} days" for days in LENGTHS) + " |")
    print("| --- " * (len(LENGTHS) + 1) + "|")
    for jitter, missed in ((2, 0.0), (10, 0.0), (20, 0.0), (40, 0.0), (10, 0.1), (10, 0.3)):
        name = f"nightly, give or take {jitter} min, {missed:.0%} missed"
        print(row(name, number, lambda dice, days, j=jitter, m=missed: job(dice, days, j, m)))
    print(row("weekly, give or take 10 min", number, lambda dice, days: job(dice, days, 10, 0.0, 7)))
    for per_day in (1 / 7, 1.0, 3.0, 10.0):
        name = f"by chance, {per_day:.2g} a day"
        print(row(name, number, lambda dice, days, p=per_day: chance(dice, days, p)))
    name = "nightly, give or take 10 min, and 1 a day by chance"
    print(row(name, number, lambda dice, days: job(dice, days, 10, 0.0) + chance(dice, days, 1.0)))
