"""Compare asked with realised rates of false anomalies on synthetic healthy servers; see docs/detection.md.

    python docs/realised_rates.py [WINDOWS] [SERVERS]

Run it from the root of the repository: the servers are those of the tests.
"""

import sys

import numpy as np

from model.baseline import Baseline
from tests.unit.model.workloads import Server, window

ASKED = (0.05, 0.01, 1e-3, 1e-4)


def p_values(seed: int, windows: int, swing: float) -> list[float]:
    """Return the p-values of windows scored before they are learned; load swings by a factor over a day."""
    server, baseline, found = Server(seed), Baseline(), list[float]()
    for index in range(windows):
        load = 200 * swing ** np.sin(2 * np.pi * index / 500)
        healthy = window(server.counts(load))
        score = baseline.score_window(healthy)
        if score.p_value is not None:
            found.append(score.p_value)
        baseline.learn_window(healthy, score)
    return found


if __name__ == "__main__":
    windows = int(sys.argv[1]) if len(sys.argv) > 1 else 3000
    servers = int(sys.argv[2]) if len(sys.argv) > 2 else 4
    print("| load | windows | " + " | ".join(f"asked {asked:g}" for asked in ASKED) + " |")
    print("| --- | --- | " + " | ".join("---" for _ in ASKED) + " |")
    for name, swing in (("steady", 1.0), ("swings 25-fold", 5.0)):
        found = np.array([p for seed in range(servers) for p in p_values(seed, windows, swing)])
        rates = " | ".join(f"{np.mean(found <= asked):.2g} ({np.sum(found <= asked)})" for asked in ASKED)
        print(f"| {name} | {len(found)} | {rates} |")
