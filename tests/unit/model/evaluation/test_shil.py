"""The measure of SHIL against figures worked out by hand, and who teaches whom."""

import numpy as np
import pytest

from model.evaluation.shil import (
    ALLOW_LIST,
    METHODS,
    OURS,
    RESIDUAL,
    Replica,
    Vulnerability,
    measure,
    runs,
    summarise,
)


def flags(text: str) -> np.ndarray:
    """Return alarms from a picture, `x` for an alarm."""
    return np.array([each == "x" for each in text])


def replica(seed: int, *, extra: int = 0) -> Replica:
    """Return a container of two calls; the third is made in the attack alone, or `extra` times always."""
    generator = np.random.default_rng(seed)
    train = np.column_stack([generator.poisson([20, 10], (300, 2)), np.full(300, extra)])
    test = np.column_stack([generator.poisson([20, 10], (60, 2)), np.full(60, extra)])
    test[40:45, 2] += 1
    return Replica(train=train, minutes=np.arange(300) // 100, test=test, trigger=40, success=49)


def test_alarms_before_the_trigger_are_false() -> None:
    """Three of five vectors, in two alarms."""
    outcome = measure(flags("xx.x.....x"), trigger=5, success=7)

    assert outcome.false_positive_rate == pytest.approx(0.6)
    assert outcome.false_alarms == 2
    assert outcome.healthy_s == pytest.approx(0.5)
    assert not outcome.detected
    assert outcome.lead_s == 0
    assert outcome.chance == pytest.approx(1 - 0.4**3)


@pytest.mark.parametrize(
    ("picture", "detected", "lead_s"),
    [(".....x..", True, 0.2), ("......xx", True, 0.1), (".......x", True, 0.0), ("........x", False, 0.0)],
)
def test_an_alarm_counts_until_success(picture: str, detected: bool, lead_s: float) -> None:  # noqa: FBT001
    """The lead is counted from the first alarm since the trigger; an alarm at success has none."""
    outcome = measure(flags(picture), trigger=5, success=7)

    assert outcome.detected is detected
    assert outcome.lead_s == pytest.approx(lead_s)


def test_each_protocol_judges_each_container_once_by_each_method() -> None:
    """Four containers, three protocols, all methods."""
    vulnerability = Vulnerability(name="v", in_paper=True, replicas=tuple(replica(each) for each in range(4)))

    seen = [(run.protocol, run.method, run.container) for run in runs(vulnerability)]

    assert len(seen) == len(set(seen)) == 3 * len(METHODS) * 4


def test_a_call_never_made_before_is_detected() -> None:
    """By every method whose score holds it, before the attacker succeeds."""
    vulnerability = Vulnerability(name="v", in_paper=True, replicas=tuple(replica(each) for each in range(3)))
    found = list(runs(vulnerability))

    for method in (OURS, ALLOW_LIST):
        summary = summarise([run for run in found if run.method == method], 0.01)

        assert summary.detection_rate == 1
        assert summary.lead_s == pytest.approx(0.9)
        assert summary.false_positive_rate < 0.05


def test_others_alone_do_not_teach_what_the_container_does() -> None:
    """A replica with a call of its own alarms when only others taught, and not when it did too."""
    odd = replica(3, extra=2)
    vulnerability = Vulnerability(name="v", in_paper=True, replicas=(replica(0), replica(1), replica(2), odd))
    rates = {
        (run.protocol, run.method): run.outcome(0.01).false_positive_rate
        for run in runs(vulnerability)
        if run.container == 4
    }

    assert rates["others", ALLOW_LIST] == rates["others", OURS] == 1
    assert rates["pooled", ALLOW_LIST] == 0
    assert rates["pooled", OURS] < 0.2
    assert rates["own", RESIDUAL] < 0.2


def test_a_summary_counts_each_run_once() -> None:
    """Means over runs, alarms over hours."""
    vulnerability = Vulnerability(name="v", in_paper=True, replicas=(replica(0), replica(1)))
    chosen = [run for run in runs(vulnerability) if (run.protocol, run.method) == ("pooled", OURS)]
    outcomes = [run.outcome(0.05) for run in chosen]

    summary = summarise(chosen, 0.05)

    assert summary.runs == 2
    assert summary.false_positive_rate == pytest.approx(
        sum(each.false_positive_rate for each in outcomes) / 2
    )
    assert summary.false_alarms_per_hour == pytest.approx(
        sum(each.false_alarms for each in outcomes) * 3600 / 8
    )
