"""What follows from a score."""

import pytest
from hypothesis import given, strategies as st

from api.vocabulary import BaselineState, Mode, Verdict, state_of
from api.worker import policy
from model.score import Contribution, Evidence, Reason, ReasonCode, WindowScore
from tests.service import a_delta
from wire.profile import Mark

ENOUGH = Evidence()
FEW = Evidence((Reason(ReasonCode.FEW_WINDOWS, "Too few."),))


def a_score(
    p_value: float | None = 0.5, evidence: Evidence = ENOUGH, bits: tuple[float, ...] = ()
) -> WindowScore:
    """Return a score whose contributions have these bits."""
    contributions = tuple(
        Contribution(
            ngram=each,
            names=("read",),
            injected=False,
            count=1,
            bits=bit,
            baseline_count=0,
            baseline_rank=None,
            nearest=None,
            known_ending=0,
        )
        for each, bit in enumerate(bits)
    )
    return WindowScore(
        score=sum(bits) + 1,
        p_value=p_value,
        resolution=0.1,
        extrapolated=False,
        evidence=evidence,
        novelty=0,
        calls=1,
        contributions=contributions,
        rest=1,
    )


@pytest.mark.parametrize(
    ("score", "verdict"),
    [
        (a_score(0.5), Verdict.NORMAL),
        (a_score(0.01), Verdict.ANOMALOUS),
        (a_score(0.009), Verdict.ANOMALOUS),
        (a_score(None), Verdict.NORMAL),
        (a_score(None, FEW), Verdict.INSUFFICIENT),
        (a_score(0.5, FEW), Verdict.INSUFFICIENT),
        (a_score(0.009, FEW), Verdict.ANOMALOUS),
    ],
)
def test_only_a_p_value_meets_the_threshold(score: WindowScore, verdict: Verdict) -> None:
    """At alpha or below it is an anomaly; without evidence a window is never called normal."""
    assert policy.judge(score, 0.01) is verdict


@pytest.mark.parametrize("ready", [False, True])
@pytest.mark.parametrize("mode", list(Mode))
def test_a_window_with_a_finding_is_never_learned(mode: Mode, ready: bool) -> None:  # noqa: FBT001 - a parameter
    """Not in any mode; only while learning may it be released later."""
    learning = policy.decide_learning(Verdict.ANOMALOUS, mode, a_delta(), ready=ready)

    assert not learning.learn
    assert learning.quarantine is (mode is Mode.LEARNING)


def test_enforcement_freezes_a_ready_baseline_only() -> None:
    """One that has not seen enough goes on learning, because there is nothing yet to hold windows against."""

    def learns(mode: Mode, *, ready: bool) -> bool:
        return policy.decide_learning(Verdict.NORMAL, mode, a_delta(), ready=ready).learn

    assert learns(Mode.LEARNING, ready=True)
    assert learns(Mode.LEARNING, ready=False)
    assert learns(Mode.ENFORCEMENT, ready=False)
    assert not learns(Mode.ENFORCEMENT, ready=True)


def test_an_unidentified_container_teaches_nothing() -> None:
    """Nobody knows whose behaviour it was."""
    delta = a_delta(marks=frozenset({Mark.UNIDENTIFIED}))

    assert not policy.decide_learning(Verdict.NORMAL, Mode.LEARNING, delta, ready=True).learn


def test_a_baseline_goes_from_learning_to_ready_to_active() -> None:
    """Enough windows make it ready, the mode makes it active."""
    assert state_of(Mode.ENFORCEMENT, ready=False) is BaselineState.LEARNING
    assert state_of(Mode.LEARNING, ready=True) is BaselineState.READY
    assert state_of(Mode.ENFORCEMENT, ready=True) is BaselineState.ACTIVE


@given(st.lists(st.floats(0, 1e6), max_size=25), st.sampled_from(Verdict))
def test_what_is_kept_of_a_score_still_adds_up(bits: list[float], verdict: Verdict) -> None:
    """Contributions that are not stored go into the rest."""
    score = a_score(bits=tuple(sorted(bits, reverse=True)))

    kept, rest = policy.keep(score, verdict)

    assert sum(each["bits"] for each in kept) + rest == pytest.approx(score.score, abs=1e-3)
    assert len(kept) <= 5 or verdict is Verdict.ANOMALOUS


@given(start=st.integers(0, 100), length=st.integers(1, 10), gap=st.integers(0, 30))
def test_a_finding_joins_within_the_gap_on_either_side(start: int, length: int, gap: int) -> None:
    """Whether it came before or after the alert's windows, only the distance counts."""
    distance = max(start - 50, 40 - (start + length), 0)

    joined = policy.joins(start, start + length, alert_start=40, alert_end=50, gap_ms=gap)

    assert joined is (distance <= gap)
