"""Measure what an attacker has to contribute to learning until an intrusion is no longer raised.

    python docs/poisoning.py [--days 5] [--window-s 600] [--json FILE]
    python docs/poisoning.py --recording RECORDING WORKLOAD [--window-s 600] [--json FILE]

Run it from the root of the repository: servers and intrusions are those of the tests. With a recording
(docs/recordings.md) healthy windows are drawn from its windows of `--of-s` seconds of one workload, and what
its events of kind `intrusion` added is what the attacker shows. Everything is judged by the service's own
code: inbox, worker, quarantine and release. See docs/detection.md.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import numpy as np

from api.evaluate.events import INTRUSION, read_events
from api.evaluate.replayed import ReplayedService
from api.evaluate.slots import Progressed, read
from docs.separation import INTRUSIONS
from tests.unit.model.workloads import RoughServer, Server, together
from wire.ngram import is_injected
from wire.profile import AgentStatus, Batch, ContainerRef, ProfileDelta

MONDAY_MS, HOUR_MS, DAY_MS = 1_763_942_400_000, 3_600_000, 86_400_000
LOAD = 200
LATER = 10
"""Repetitions after learning."""
BUDGETS = {7.0: "1 a day", 1.0: "1 a week"}
Counts = Mapping[int, int]
Draw = Callable[[], Counts]


@dataclass(frozen=True)
class Pattern:
    """When an attacker shows the intrusion, from the second day of learning on."""

    name: str
    hours: tuple[float, ...]
    """Of the day."""
    length_ms: int = 1
    pieces: bool = False
    """Not the whole of it, but one n-gram in each window."""

    def holds(self, at: int, window_ms: int) -> bool:
        """Tell whether a window that begins at a time since the start of learning is poisoned."""
        if at < DAY_MS:
            return False
        into = at % DAY_MS
        return any(
            into + window_ms > hour * HOUR_MS and into < hour * HOUR_MS + self.length_ms
            for hour in self.hours
        )


PATTERNS = (
    Pattern("never", ()),
    Pattern("once a day", (3.0,)),
    Pattern("once a day, for an hour", (3.0,), HOUR_MS),
    Pattern("once a day, for three hours", (3.0,), 3 * HOUR_MS),
    Pattern("twice a day", (3.0, 15.0)),
    Pattern("three times a day", (3.0, 11.0, 19.0)),
    Pattern("every hour", tuple(map(float, range(24)))),
    Pattern("in every window, one n-gram of it", (0.0,), DAY_MS, pieces=True),
)
SHOWN = ("a shell brought in by exec", "a shell started by the service")
SERVERS: Mapping[str, Callable[[int], Server | RoughServer]] = {
    "server": Server,
    "threads that wait": RoughServer,
}
TEAMS = ((1, 1), (1, 3), (2, 3))
"""Replicas that the attacker has, of how many."""


@dataclass(frozen=True)
class Case:
    """One way to poison one workload."""

    workload: str
    intrusion: str
    pattern: Pattern
    poisoned: int
    replicas: int
    per_week: float


@dataclass(frozen=True)
class Outcome:
    """What became of it."""

    workload: str
    intrusion: str
    pattern: str
    poisoned_replicas: int
    replicas: int
    budget_per_week: float
    windows: int
    share: float
    """Of all windows while learning, those with something of the intrusion."""
    learned_poisoned: int
    held: int
    """Windows that are quarantined when learning ends, healthy ones among them."""
    raised: int
    """Of ten repetitions afterwards."""
    p_value: float
    """Median of these."""
    alpha: float


def a_delta(replica: int, start: int, window_ms: int, counts: Counts) -> ProfileDelta:
    """Return the window of one replica."""
    ngrams = sorted(counts)
    return ProfileDelta(
        node="node",
        boot_id="boot",
        container=ContainerRef(
            id=f"{replica:064d}",
            runtime="containerd",
            name="web",
            pod=f"web-{replica}",
            pod_uid=f"uid-{replica}",
            namespace="shop",
            seen_from_start=False,
        ),
        start=start,
        end=start + window_ms,
        arch="x86_64",
        ngrams=tuple(ngrams),
        counts=tuple(counts[each] for each in ngrams),
    )


def a_batch(start: int, window_ms: int, shown: Mapping[int, Counts]) -> Batch:
    """Return the windows of some replicas."""
    deltas = tuple(a_delta(replica, start, window_ms, counts) for replica, counts in shown.items())
    agent = AgentStatus(version="0", window_s=window_ms // 1000)
    return Batch(node="node", boot_id="boot", sent_at=start + window_ms, agent=agent, deltas=deltas)


def poison(case: Case, draws: list[Draw], added: Counts, *, days: int, window_ms: int) -> Outcome:
    """Learn for some days with the intrusion in it, freeze, and repeat the intrusion."""
    pieces = [{ngram: count} for ngram, count in added.items()]
    poisoned, waiting = set[tuple[int, int]](), list[Batch]()
    with tempfile.TemporaryDirectory(prefix="nonself-poisoning-") as folder:
        service = ReplayedService.make(
            Path(folder) / "service", window_s=window_ms // 1000, per_week=case.per_week
        )
        for number in range(days * DAY_MS // window_ms):
            start = MONDAY_MS + number * window_ms
            hit = case.pattern.holds(number * window_ms, window_ms)
            shown = dict[int, Counts]()
            for replica, draw in enumerate(draws):
                part = pieces[number % len(pieces)] if case.pattern.pieces else added
                shown[replica] = together(draw(), part) if hit and replica < case.poisoned else draw()
                if hit and replica < case.poisoned:
                    poisoned.add((replica, start))
            waiting.append(a_batch(start, window_ms, shown))
            if len(waiting) == 16:
                service.take(waiting)
                waiting = []
        service.take([*waiting, a_batch(start + window_ms, window_ms, {0: draws[0]()})])
        known = [(score, int(container.container_id)) for score, container, _ in service.scores(0)]
        service.enforce(start + 2 * window_ms)
        last = service.last_score()
        for number in range(LATER):
            at = start + (2 + number) * window_ms
            service.take([a_batch(at, window_ms, {0: together(draws[0](), added)})])
        later = [score for score, _, _ in service.scores(last)]
        service.close()
    return Outcome(
        workload=case.workload,
        intrusion=case.intrusion,
        pattern=case.pattern.name,
        poisoned_replicas=case.poisoned,
        replicas=case.replicas,
        budget_per_week=case.per_week,
        windows=len(known),
        share=len(poisoned) / len(known),
        learned_poisoned=sum(
            score.learned and (replica, score.start) in poisoned for score, replica in known
        ),
        held=sum(score.quarantined for score, _ in known),
        raised=sum(score.verdict == "anomalous" for score in later),
        p_value=median(1.0 if score.p_value is None else score.p_value for score in later),
        alpha=later[-1].alpha,
    )


def of_server(kind: Callable[[int], Server | RoughServer], replicas: int) -> list[Draw]:
    """Return what draws windows of replicas of a synthetic server."""
    servers = [kind(100 + replica) for replica in range(replicas)]
    return [lambda server=server: server.counts(LOAD) for server in servers]


@dataclass(frozen=True)
class Recorded:
    """The windows of one workload of a recording."""

    healthy: list[Counts]
    intrusions: dict[str, Counts]
    """What each added: the n-grams that no healthy window has."""

    def draws(self, replicas: int) -> list[Draw]:
        """Return what draws windows of replicas."""
        dice = np.random.default_rng(1)
        return [lambda: self.healthy[int(dice.integers(len(self.healthy)))]] * replicas


def read_recorded(path: Path, workload: str, window_ms: int) -> Recorded:
    """Read a recording and the events beside it; of a workload as `namespace/pod name without number`."""
    events = [each for each in read_events(path.parent / "events.jsonl") if each.kind == INTRUSION]
    healthy, hit = list[Counts](), dict[str, Counts]()
    for batch in read(path, window_ms, Progressed()):
        for delta in batch.deltas:
            ref, counts = delta.container, dict(zip(delta.ngrams, delta.counts, strict=True))
            if f"{ref.namespace}/{ref.pod.rpartition('-')[0]}" != workload or not counts or ref.pod == "":
                continue
            near = [
                each
                for each in events
                if (each.namespace, each.pod) == (ref.namespace, ref.pod)
                and each.start < delta.end
                and each.end + 2 * window_ms > delta.start
            ]
            for each in near[:1]:
                name = f"{each.name}, {each.delivery}"
                hit[name] = together(hit.get(name, {}), counts)
            if not near and not any(map(is_injected, delta.ngrams)):
                healthy.append(counts)
    usual = set().union(*healthy)
    news = {
        name: {ngram: count for ngram, count in counts.items() if ngram not in usual}
        for name, counts in hit.items()
    }
    return Recorded(healthy, {name: counts for name, counts in news.items() if counts})


def cases(workload: str, intrusions: Mapping[str, Counts]) -> list[tuple[Case, Counts]]:
    """Return all ways to poison a workload."""
    return [
        (Case(workload, name, pattern, poisoned, replicas, per_week), added)
        for name, added in intrusions.items()
        for poisoned, replicas in TEAMS
        for pattern in PATTERNS
        for per_week in BUDGETS
    ]


def show(outcome: Outcome) -> str:
    """Return the row of one outcome."""
    team = f"{outcome.poisoned_replicas} of {outcome.replicas}"
    cells = (
        outcome.workload,
        outcome.intrusion,
        team,
        outcome.pattern,
        f"{outcome.share:.2%}",
        BUDGETS[outcome.budget_per_week],
        f"{outcome.learned_poisoned}",
        f"{outcome.held}",
        f"{outcome.raised} of {LATER}",
        f"{outcome.p_value:.1e}",
        f"{outcome.alpha:.1e}",
    )
    return f"| {' | '.join(cells)} |"


HEAD = (
    "| workload | intrusion | replicas | shown while learning | share of windows | budget "
    "| learned of these | held at the end | raised after | median p | alpha |\n" + "| --- " * 11 + "|"
)


def main() -> None:
    """Measure and print."""
    takes = argparse.ArgumentParser(description="Poison learning, and see whether the intrusion is raised.")
    takes.add_argument("--days", type=int, default=5, help="of learning (default: 5)")
    takes.add_argument("--window-s", type=int, default=600, help="length of a window (default: 600)")
    takes.add_argument("--recording", nargs=2, metavar=("FILE", "WORKLOAD"), help="draw windows from these")
    takes.add_argument("--of-s", type=int, default=10, help="windows of a recording (default: 10)")
    takes.add_argument("--json", type=Path, metavar="FILE", help="also write all figures")
    takes.add_argument("--server", choices=SERVERS, help="only this synthetic server (default: both)")
    takes.add_argument("--intrusion", action="append", help="only of this name (default: two shells, or all)")
    given = takes.parse_args()
    window_ms = given.window_s * 1000
    groups: dict[str, tuple[Callable[[int], list[Draw]], Mapping[str, Counts]]]
    if given.recording:
        recorded = read_recorded(Path(given.recording[0]), given.recording[1], given.of_s * 1000)
        print(f"{len(recorded.healthy)} healthy windows of {given.recording[1]}.\n")
        groups = {given.recording[1]: (recorded.draws, recorded.intrusions)}
    else:
        groups = {
            name: (lambda replicas, kind=kind: of_server(kind, replicas), INTRUSIONS)
            for name, kind in SERVERS.items()
        }
    print(HEAD)
    done = []
    for workload, (draws, intrusions) in groups.items():
        if given.server not in {None, workload}:
            continue
        chosen = given.intrusion or (intrusions if given.recording else SHOWN)
        wanted = {name: added for name, added in intrusions.items() if name in chosen}
        for case, added in cases(workload, wanted):
            outcome = poison(case, draws(case.replicas), added, days=given.days, window_ms=window_ms)
            print(show(outcome), flush=True)
            done.append(asdict(outcome))
    if given.json:
        given.json.write_text(json.dumps(done, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
