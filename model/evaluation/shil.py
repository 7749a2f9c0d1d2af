"""How well vectors of call counts tell an exploit, by the measure of SHIL.

The measure is that of Lin, Y., Tunde-Onadele, O., Gu, X., He, J. and Latapie, H. "SHIL:
Self-Supervised Hybrid Learning for Security Attack Detection in Containerized
Applications." ACSOS 2022, as its published programs compute it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.rates import OWN_LEVEL, CallCounts, CallRates, Scores, tracked

VECTOR_S: Final = 0.1
"""Seconds that one vector of the data set covers."""
CURVE: Final = (0.0005, 0.001, 0.002, 0.003, 0.004, 0.005, 0.0075, 0.01, 0.02, 0.05)
"""Shares of healthy vectors that may alarm for which the curve is given."""

OURS: Final = "nonself"
TRACKED: Final = "nonself, tracking"
RESIDUAL: Final = "PCA residual"
ALLOW_LIST: Final = "allow-list"
METHODS: Final = (OURS, TRACKED, RESIDUAL, ALLOW_LIST)

Flags = NDArray[np.bool_]
Blocks = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Replica:
    """One container: what it did before, and a recording in which an exploit begins."""

    train: CallCounts
    minutes: Blocks
    """Block of time of each vector in `train`."""
    test: CallCounts
    trigger: int
    """Vector of `test` in which the exploit begins; all before are healthy."""
    success: int
    """Vector of `test` in which the attacker has what he wanted."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Vulnerability:
    """The replicas of one workload, each attacked through the same vulnerability."""

    name: str
    in_paper: bool
    """Whether it is among the 41 of the paper."""
    replicas: tuple[Replica, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one method made of one recording at one asked rate."""

    false_positive_rate: float
    """Share of the vectors before the trigger that alarmed."""
    detected: bool
    """Whether a vector from trigger to success, both included, alarmed."""
    lead_s: float
    """Seconds from the first such vector to success; 0 where there is none."""
    false_alarms: int
    """Alarms before the trigger; consecutive vectors are one."""
    healthy_s: float
    """Seconds before the trigger."""
    chance: float
    """Probability that alarms thrown at random, at the same rate, would have detected."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Judged:
    """Scores of one recording, and those of healthy vectors from which thresholds follow."""

    healthy: Scores
    """Scores of training vectors; no test vector has a part in them."""
    test: Scores
    tracking: bool = False
    """Whether the threshold follows the recording (`model.rates.tracked`)."""

    def threshold(self, asked: float) -> float:
        """Return the score that at most a share `asked` of the healthy vectors exceeds."""
        return float(np.quantile(self.healthy, 1 - asked, method="higher"))

    def alarms(self, asked: float) -> Flags:
        """Return which test vectors exceed the threshold."""
        if self.tracking:
            return tracked(self.test, self.threshold(asked))
        return np.asarray(self.test > self.threshold(asked))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Run:
    """One recording, judged by one method that learned under one protocol."""

    vulnerability: str
    in_paper: bool
    container: int
    """From 1."""
    protocol: str
    method: str
    replica: Replica
    judged: Judged

    def outcome(self, asked: float) -> Outcome:
        """Return the measure at one asked rate."""
        return measure(self.judged.alarms(asked), trigger=self.replica.trigger, success=self.replica.success)


def measure(alarms: Flags, *, trigger: int, success: int) -> Outcome:
    """Return the authors' measure of one recording.

    Args:
        alarms: For each vector whether it alarmed.
        trigger: Vector in which the exploit begins.
        success: Vector in which it succeeds.

    Examples:
        >>> alarms = np.array([0, 1, 1, 0, 0, 0, 1, 0, 0, 1], dtype=bool)
        >>> outcome = measure(alarms, trigger=5, success=8)
        >>> outcome.false_positive_rate, outcome.false_alarms, outcome.detected, round(outcome.lead_s, 3)
        (0.4, 1, True, 0.2)
    """
    before = alarms[:trigger]
    hits = np.flatnonzero(alarms[trigger : success + 1])
    rate = float(before.mean()) if trigger else 0.0
    return Outcome(
        false_positive_rate=rate,
        detected=len(hits) > 0,
        lead_s=VECTOR_S * (success - trigger - int(hits[0])) if len(hits) else 0.0,
        false_alarms=int(np.count_nonzero(before & ~np.concatenate([[False], before[:-1]]))),
        healthy_s=VECTOR_S * trigger,
        chance=1 - (1 - rate) ** (success + 1 - trigger),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Means over runs, as the authors take them: each run counts once."""

    asked: float
    runs: int
    false_positive_rate: float
    detection_rate: float
    lead_s: float
    """Runs without detection count as 0 s."""
    false_alarms_per_hour: float
    """Alarms before the trigger per container-hour; consecutive vectors are one."""
    chance: float
    """Detection rate of alarms thrown at random at the same rates."""


def summarise(runs: Sequence[Run], asked: float) -> Summary:
    """Return the means over runs (at least one) at one asked rate."""
    outcomes = [run.outcome(asked) for run in runs]
    hours = sum(each.healthy_s for each in outcomes) / 3600
    return Summary(
        asked=asked,
        runs=len(outcomes),
        false_positive_rate=float(np.mean([each.false_positive_rate for each in outcomes])),
        detection_rate=float(np.mean([each.detected for each in outcomes])),
        lead_s=float(np.mean([each.lead_s for each in outcomes])),
        false_alarms_per_hour=sum(each.false_alarms for each in outcomes) / hours if hours else 0.0,
        chance=float(np.mean([each.chance for each in outcomes])),
    )


Judge = Callable[[CallCounts], dict[str, Judged]]
"""Gives each method's scores of one recording."""
Learn = Callable[[Sequence[CallCounts], Sequence[Blocks]], Judge]


def rates(streams: Sequence[CallCounts], folds: Sequence[Blocks], *, forget: float = 0.0) -> Judge:
    """Judge by `model.rates.CallRates`."""
    learned = CallRates(forget=forget).fit(streams, folds)

    def judge(test: CallCounts) -> dict[str, Judged]:
        scores = learned.score(test)
        return {
            OURS: Judged(healthy=learned.healthy, test=scores),
            TRACKED: Judged(healthy=learned.healthy, test=scores, tracking=True),
        }

    return judge


def residual(streams: Sequence[CallCounts], _folds: Sequence[Blocks]) -> Judge:
    """Judge by the squared length of log counts outside their ten first components (comparator)."""
    train = np.log1p(np.concatenate(streams))
    mean = train.mean(axis=0)
    _, vectors = np.linalg.eigh((train - mean).T @ (train - mean))
    components = vectors[:, :-11:-1]

    def left(logs: Scores) -> Scores:
        centred = logs - mean
        return np.asarray(np.sum((centred - (centred @ components) @ components.T) ** 2, axis=1))

    healthy = left(train)
    return lambda test: {RESIDUAL: Judged(healthy=healthy, test=left(np.log1p(test)))}


def allow_list(streams: Sequence[CallCounts], _folds: Sequence[Blocks]) -> Judge:
    """Judge by how many calls a vector holds that no training vector held (comparator)."""
    train = np.concatenate(streams)
    unknown = ~train.any(axis=0)
    healthy = np.zeros(len(train))
    return lambda test: {
        ALLOW_LIST: Judged(healthy=healthy, test=np.count_nonzero(test[:, unknown], axis=1).astype(float))
    }


PROTOCOLS: Final = ("pooled", "others", "own")
"""Who teaches a container: all replicas with it, the other replicas alone, or its own past alone."""


def runs(vulnerability: Vulnerability) -> Iterator[Run]:
    """Yield every recording of a vulnerability under every protocol and method.

    Folds differ as test and training do: minutes where the container itself was
    learned, replicas where others taught.
    """
    replicas = vulnerability.replicas
    numbers = range(len(replicas))
    taught_by: dict[str, list[tuple[list[int], list[int]]]] = {
        "pooled": [(list(numbers), list(numbers))],
        "others": [([other for other in numbers if other != each], [each]) for each in numbers],
        "own": [([each], [each]) for each in numbers],
    }
    for protocol in PROTOCOLS:
        ours = partial(rates, forget=OWN_LEVEL if protocol == "others" else 0.0)
        for teachers, tested in taught_by[protocol]:
            if not teachers or (protocol == "others" and len(teachers) < 2):
                continue
            streams = [replicas[each].train for each in teachers]
            folds = [_folds(replicas[each], each, by_replica=protocol == "others") for each in teachers]
            for learn in (ours, residual, allow_list):
                judge = learn(streams, folds)
                for each in tested:
                    for method, judged in judge(replicas[each].test).items():
                        yield Run(
                            vulnerability=vulnerability.name,
                            in_paper=vulnerability.in_paper,
                            container=each + 1,
                            protocol=protocol,
                            method=method,
                            replica=replicas[each],
                            judged=judged,
                        )


def _folds(replica: Replica, number: int, *, by_replica: bool) -> Blocks:
    return np.full(len(replica.train), number, dtype=np.int64) if by_replica else replica.minutes
