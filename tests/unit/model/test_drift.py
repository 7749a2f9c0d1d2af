"""Drift: silent on exchangeable p-values, quick on others, and over when they are."""

import numpy as np

from model.drift import Drift, limit

LIMIT = limit(60_480.0)


def after(p_values: list[float], drift: Drift = Drift()) -> Drift:  # noqa: B008 - immutable
    """Return the drift after p-values one by one."""
    for at, p_value in enumerate(p_values):
        drift = drift.after(p_value, at, LIMIT)
    return drift


def test_uniform_p_values_are_no_drift() -> None:
    """A third of a week of exchangeable windows, and the evidence never reaches the limit."""
    drift = Drift()
    for at, p_value in enumerate(np.random.default_rng(3).uniform(size=20_000).tolist()):
        drift = drift.after(p_value, at, LIMIT)
        assert drift.since is None


def test_large_p_values_are_no_drift() -> None:
    """A workload that became quieter is not stranger."""
    assert after([1.0] * 1000) == Drift()


def test_one_strange_window_is_no_drift() -> None:
    """A single p-value of 1e-12 is an anomaly; drift takes more than one window."""
    assert after([0.5] * 50 + [1e-12] + [0.5] * 5).since is None


def test_a_shift_is_reported_with_its_beginning() -> None:
    """Low p-values ten times as often as they should be are drift since they began, within 200 windows."""
    generator = np.random.default_rng(5)
    before = generator.uniform(size=500).tolist()
    shifted = (generator.uniform(size=200) ** 3).tolist()

    drift = after(before + shifted)

    assert drift.since is not None
    assert 450 <= drift.since <= 550


def test_drift_ends() -> None:
    """Ordinary windows take the report back: what is held is bounded, however long the shift was."""
    drift = after([1e-6] * 10_000)
    assert drift.evidence == 2 * LIMIT

    assert after([0.9] * 100, drift) == Drift()
