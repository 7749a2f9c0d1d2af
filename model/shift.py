"""Of which kind a drift is: sudden or slow, of one replica, of some or of all."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.drift import TRUSTED

_LEAST_SLOW: Final = 50
"""Windows over which a change that grows can be told from a sudden one."""
_CLEARLY: Final = 0.5
"""Nats by which growing evidence must fit better than a step."""
_STARTS: Final = 32
_SLOPES: Final = tuple(2.0**power for power in range(-3, 5))
_SIGMAS: Final = 3.0


class DriftKind(StrEnum):
    """What a drift looks like."""

    BURST = "burst_on_one_replica"
    """Windows of one container became strange, those of its siblings at the same time did not."""
    PART = "step_of_some_replicas"
    """Of several containers, but not of most: a deploy that has begun, or one that spreads."""
    STEP = "step_of_all_replicas"
    """Most replicas changed together: a deploy, another load, a dependency that failed."""
    ONLY = "step_of_only_replica"
    """There is one replica, so a burst of it and a step of the workload look the same."""
    SLOW = "slow_change"
    """Evidence grew over many windows without a step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """One container of a workload that drifts, as it was seen lately."""

    evidence: float
    """Of its own drift now, in nats."""
    p_values: NDArray[np.float64]
    """Of its windows since some time before the drift began, oldest first."""
    starts: NDArray[np.int64]
    """When each began."""


def classify(
    replicas: Mapping[int, Replica], *, began: int, resolution: float
) -> tuple[DriftKind, tuple[int, ...]]:
    """Return the kind of a drift, and the replicas concerned in ascending order.

    A replica is concerned where its own evidence is so high that one healthy
    workload in twenty would have such a one. Where the others together are
    strange too, or nobody stands out, all are concerned: evidence of many
    replicas adds up before that of each of them does.

    Minus the logarithm of a p-value has mean 1 while windows are as remembered.
    It is slow change where a mean that grows to the end is likelier than one
    that steps once, with exponential likelihood: that of the bets (`model.drift`).

    Args:
        replicas: By any number, those that report now; at least one.
        began: When the evidence began to grow.
        resolution: Of the record, `1 / (n + 1)`.
    """
    bar = math.log(20 * len(replicas))
    concerned = tuple(sorted(name for name, each in replicas.items() if each.evidence >= bar))
    others = [each for name, each in replicas.items() if name not in concerned]
    if not concerned or 2 * len(concerned) > len(replicas) or _strange(others, began, resolution):
        concerned = tuple(sorted(replicas))
    if _grows([replicas[name] for name in concerned], resolution):
        return DriftKind.SLOW, concerned
    if len(replicas) == 1:
        return DriftKind.ONLY, concerned
    if len(concerned) == len(replicas):
        return DriftKind.STEP, concerned
    return (DriftKind.BURST if len(concerned) == 1 else DriftKind.PART), concerned


def _strange(replicas: list[Replica], began: int, resolution: float) -> bool:
    """Tell whether the windows of some replicas since a time are stranger than chance has it."""
    since = [_surprise(each, resolution)[each.starts >= began] for each in replicas]
    values = np.concatenate(since) if since else np.empty(0)
    return bool(values.sum() - len(values) > _SIGMAS * math.sqrt(max(1, len(values))))


def _surprise(replica: Replica, resolution: float) -> NDArray[np.float64]:
    return np.asarray(-np.log(np.maximum(replica.p_values, TRUSTED * resolution)))


def _grows(replicas: list[Replica], resolution: float) -> bool:
    starts = np.concatenate([each.starts for each in replicas])
    values = np.concatenate([_surprise(each, resolution) for each in replicas])
    values = values[np.argsort(starts, kind="stable")]
    least = _LEAST_SLOW * len(replicas)
    return len(values) >= least and _ramp(values, least) > _step(values) + _CLEARLY


def _step(values: NDArray[np.float64]) -> float:
    """Return the best log likelihood of a mean of 1 that steps once, at any window."""
    sums = np.concatenate(([0.0], np.cumsum(values)))
    before, count = sums[:-1], len(values) - np.arange(len(values))
    mean = np.maximum(1.0, (sums[-1] - before) / count)
    return float(np.max(-before - count * np.log(mean) - (sums[-1] - before) / mean))


def _ramp(values: NDArray[np.float64], least: int) -> float:
    """Return the best log likelihood of a mean of 1 that grows in a line for at least so many windows."""
    best = -math.inf
    for start in np.unique(np.linspace(0, len(values) - least, _STARTS, dtype=np.int64)).tolist():
        rising = np.linspace(0.0, 1.0, len(values) - start)
        before = float(values[:start].sum())
        for slope in _SLOPES:
            mean = 1 + slope * rising
            best = max(best, -before - float((np.log(mean) + values[start:] / mean).sum()))
    return best
