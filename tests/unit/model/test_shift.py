"""Kinds of drift: of one replica, of some, of all, sudden or slow."""

import numpy as np
import pytest
from numpy.typing import NDArray

from model.drift import Drift, limit
from model.shift import DriftKind, Replica, classify

RESOLUTION = 1 / 4097
WINDOWS = 1200


def replica(p_values: NDArray[np.float64]) -> Replica:
    """Return a replica that sent these, one in each window."""
    drift = Drift()
    for at, p_value in enumerate(p_values.tolist()):
        drift = drift.after(p_value, at, limit=limit(180_000.0), resolution=RESOLUTION)
    return Replica(evidence=drift.evidence, p_values=p_values, starts=np.arange(len(p_values)))


def replicas(*powers: NDArray[np.float64]) -> dict[int, Replica]:
    """Return replicas whose uniform p-values are raised to a power, window by window."""
    generator = np.random.default_rng(4)
    return {name: replica(generator.random(len(power)) ** power) for name, power in enumerate(powers)}


USUAL = np.ones(WINDOWS)
STEP = np.where(np.arange(WINDOWS) < 1100, 1.0, 4.0)
RAMP = np.where(np.arange(WINDOWS) < 400, 1.0, 1 + 2 * (np.arange(WINDOWS) - 400) / 800)


@pytest.mark.parametrize(
    ("powers", "kind", "concerned"),
    [
        ((USUAL, STEP, USUAL), DriftKind.BURST, (1,)),
        ((STEP, STEP, USUAL, USUAL, USUAL), DriftKind.PART, (0, 1)),
        ((STEP, STEP, STEP), DriftKind.STEP, (0, 1, 2)),
        ((STEP, STEP, USUAL), DriftKind.STEP, (0, 1, 2)),
        ((RAMP, RAMP, RAMP), DriftKind.SLOW, (0, 1, 2)),
        ((USUAL, USUAL, RAMP), DriftKind.SLOW, (2,)),
        ((STEP,), DriftKind.ONLY, (0,)),
        ((RAMP,), DriftKind.SLOW, (0,)),
    ],
)
def test_each_shift_has_its_kind(
    powers: tuple[NDArray[np.float64], ...], kind: DriftKind, concerned: tuple[int, ...]
) -> None:
    """Two of three are most of them; one that grows alone is slow change of that replica."""
    known = replicas(*powers)

    assert classify(known, began=1100, resolution=RESOLUTION) == (kind, concerned)


def test_replicas_that_are_strange_together_only_are_all_concerned() -> None:
    """Twenty replicas, none of which stands out, add up to a step of all."""
    step = np.where(np.arange(WINDOWS) < WINDOWS - 8, 1.0, 2.5)

    kind, concerned = classify(replicas(*[step] * 20), began=WINDOWS - 8, resolution=RESOLUTION)

    assert (kind, len(concerned)) == (DriftKind.STEP, 20)
