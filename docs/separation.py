"""Print how synthetic intrusions stand out of synthetic healthy windows; see docs/detection.md.

    python docs/separation.py

Run it from the root of the repository: servers and intrusions are those of the tests.
"""

from collections.abc import Mapping
from dataclasses import replace

from model.baseline import Baseline
from model.score import WindowScore
from model.views import View
from tests.unit.model.workloads import (
    CAT,
    MINER,
    REVERSE_SHELL,
    SERVER,
    SHELL,
    RoughServer,
    Server,
    sequence,
    tokens,
    window,
)

LOAD = 200
BEFORE = tokens("epoll_wait accept4 epoll_ctl recvfrom")
INTRUSIONS: Mapping[str, dict[int, int]] = {
    "a shell brought in by exec": sequence(tokens(SHELL), injected=True),
    "`cat` brought in by exec": sequence(tokens(CAT), injected=True),
    "a shell started by the service": sequence(tokens(SHELL)),
    "`cat` started by the service": sequence(tokens(CAT)),
    "a reverse shell and the shell it becomes": sequence(tokens(f"{REVERSE_SHELL} {SHELL}"), before=BEFORE),
    "a miner's loop": sequence(tokens(MINER)),
    "known calls in another order": sequence(
        tokens("unlink openat rename write unlink openat rename unlink getdents64 connect unlink sendto"),
        before=BEFORE,
    ),
}


def print_server(name: str, server: Server | RoughServer, fresh: Server | RoughServer, windows: int) -> None:
    """Print what is added to a window of a server, and what a baseline of so many windows says of it."""
    baseline = Baseline()
    for _ in range(windows):
        healthy = window(server.counts(LOAD))
        baseline.learn_window(healthy, baseline.score_window(healthy))
    print(f"\n{name}, {windows} windows learned, {baseline.summary().distinct_ngrams} n-grams.\n")
    print("| added to one window | calls added | calls | pairs | triples | sequences | mix | p-value | by |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for times in (1, 1 / 100, 1 / 10, 10, 100):
        load = "" if times == 1 else f", load x {times:g}"
        count = 100 if times <= 10 else 10
        scores = [baseline.score_window(window(fresh.counts(LOAD * times))) for _ in range(count)]
        print_row(f"nothing{load} ({count} windows: most bits, least p)", "", scores)
    for each, added in INTRUSIONS.items():
        scores = [baseline.score_window(window(fresh.counts(LOAD), added)) for _ in range(5)]
        middle = sorted(scores, key=lambda score: score.p_value or 1.0)[2:3]
        print_row(each, str(sum(added.values())), middle)


def print_mix() -> None:
    """Print what another mix of known calls is worth, the longer a baseline has learned."""
    print("\nWrites in 85 % of the requests instead of 10 %, median of ten windows.\n")
    print("| windows learned | mix, bits | p-value | by |\n| --- | --- | --- | --- |")
    shares = {0: 0.05, 1: 0.05, 2: 0.85}
    paths = [replace(path, share=shares.get(row, path.share)) for row, path in enumerate(SERVER)]
    server, other, baseline = Server(1), Server(9, paths), Baseline()
    for learned in (150, 400, 1000, 2000, 4000):
        while baseline.windows_learned < learned:
            healthy = window(server.counts(LOAD))
            baseline.learn_window(healthy, baseline.score_window(healthy))
        scores = [baseline.score_window(window(other.counts(LOAD))) for _ in range(10)]
        middle = sorted(scores, key=lambda score: score.p_value or 1.0)[5]
        bits = next(each.bits for each in middle.views if each.view is View.MIX)
        print(f"| {learned} | {bits:.2f} | {middle.p_value:.1e} | {middle.view} |", flush=True)


def print_row(name: str, calls: str, scores: list[WindowScore]) -> None:
    """Print the most bits of each view, and the least p-value with its view."""
    most = [max(score.views[place].bits for score in scores) for place in range(len(scores[0].views))]
    least = min(scores, key=lambda score: score.p_value or 1.0)
    bits = " | ".join(f"{each:.1f}" if each < 10 else f"{each:.0f}" for each in most)
    print(f"| {name} | {calls} | {bits} | {least.p_value:.1e} | {least.view} |", flush=True)


if __name__ == "__main__":
    print_server("Synthetic server", Server(1), Server(2), 400)
    for learned in (150, 600):
        print_server("Threads that wait for each other", RoughServer(1), RoughServer(2), learned)
    print_mix()
