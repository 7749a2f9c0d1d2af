"""Drift: silent on exchangeable p-values, quick on others, and over when they are."""

import json

import numpy as np
import pytest

from model.drift import POWERS, Drift, limit

LIMIT = limit(60_480.0)
RESOLUTION = 1 / 4097


def after(p_values: list[float], drift: Drift = Drift(), resolution: float = RESOLUTION) -> Drift:  # noqa: B008 - immutable
    """Return the drift after p-values one by one."""
    for at, p_value in enumerate(p_values):
        drift = drift.after(p_value, at, limit=LIMIT, resolution=resolution)
    return drift


def test_uniform_p_values_are_no_drift() -> None:
    """A third of a week of exchangeable windows, and the evidence never reaches the limit."""
    drift = Drift()
    for at, p_value in enumerate(np.random.default_rng(3).uniform(size=20_000).tolist()):
        drift = drift.after(p_value, at, limit=LIMIT, resolution=RESOLUTION)
        assert drift.since is None


def test_large_p_values_are_no_drift() -> None:
    """A workload that became quieter is not stranger."""
    assert after([1.0] * 1000) == Drift()


def test_one_strange_window_is_no_drift() -> None:
    """A single p-value of 1e-12 is an anomaly; drift takes more than one window."""
    assert after([0.5] * 50 + [1e-12] + [0.5] * 5).since is None


def test_a_few_strange_windows_are_drift() -> None:
    """Three windows as strange as can be told are reported before three in a thousand are."""
    assert after([0.5] * 50 + [1e-6] * 3).since is not None


@pytest.mark.parametrize(("power", "within"), [(3.0, 100), (2.0, 200), (1.3, 1500)])
def test_a_shift_is_reported_with_its_beginning(power: float, within: int) -> None:
    """Strong shifts are reported in tens of windows, one that doubles the rate at 5 % in hundreds."""
    generator = np.random.default_rng(5)
    drift = after(generator.uniform(size=500).tolist())
    for at, p_value in enumerate((generator.uniform(size=within) ** power).tolist(), start=500):
        drift = drift.after(p_value, at, limit=LIMIT, resolution=RESOLUTION)
        if drift.since is not None:
            break

    assert drift.since is not None
    assert drift.since >= 400


def test_drift_ends() -> None:
    """Ordinary windows take the report back, however long the shift was, and all bets begin anew."""
    drift = after([1e-6] * 10_000)
    assert drift.evidence <= 2 * LIMIT

    assert after([0.9] * 100, drift) == Drift()


def test_a_lasting_shift_is_not_many_reports() -> None:
    """Ordinary windows in between hardly ever end it, as long as one in twenty is strange."""
    generator = np.random.default_rng(7)
    strange = generator.random(5000) < 0.05
    drift, reports = Drift(), 0
    for at, (each, usual) in enumerate(zip(strange.tolist(), generator.random(5000).tolist(), strict=True)):
        before = drift.since
        drift = drift.after(1e-4 if each else usual, at, limit=LIMIT, resolution=RESOLUTION)
        reports += before is None and drift.since is not None

    assert 1 <= reports <= 2


def test_a_short_record_bets_on_coarse_differences_only() -> None:
    """Of a record of 15 scores only the smallest power bets; of a shorter one none does."""
    shifted = (np.random.default_rng(9).uniform(size=3000) ** 2).tolist()

    assert after(shifted, resolution=1 / 15) == Drift()
    assert sum(bet.won > 0 for bet in after(shifted[:5], resolution=1 / 16).bets) <= 1
    assert after(shifted).since is not None


def test_the_state_survives_json() -> None:
    """What is stored and read goes on alike; a state of other powers begins anew."""
    drift = after([0.01] * 5)

    assert Drift.from_plain(json.loads(json.dumps(drift.to_plain()))) == drift
    assert Drift.from_plain(None) == Drift.from_plain([[[1.0, 0]], None, 0.0]) == Drift()
    assert len(drift.bets) == len(POWERS)
