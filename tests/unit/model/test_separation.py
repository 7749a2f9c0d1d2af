"""The baseline as a whole: an intrusion stands out, a change of load does not."""

from dataclasses import replace

import pytest
from hypothesis import given, settings, strategies as st

from model.baseline import Baseline
from model.score import ReasonCode
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
ALPHA = 1e-4


def learned(server: Server | RoughServer, load: float, windows: int = 400) -> Baseline:
    """Return a baseline of healthy windows at one load."""
    baseline = Baseline()
    for _ in range(windows):
        healthy = window(server.counts(load))
        baseline.learn_window(healthy, baseline.score_window(healthy))
    return baseline


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    """Four hundred windows of a server."""
    return learned(Server(seed=1), LOAD)


INTRUSIONS = {
    "a shell brought in by exec": sequence(tokens(SHELL), injected=True),
    "a program brought in by exec": sequence(tokens(CAT), injected=True),
    "a shell started by the service": sequence(tokens(SHELL)),
    "a reverse shell in the service's process, and the shell it becomes": sequence(
        tokens(f"{REVERSE_SHELL} {SHELL}"), before=tokens("epoll_wait accept4 epoll_ctl recvfrom")
    ),
    "a miner's loop": sequence(tokens(MINER)),
}


@pytest.mark.parametrize("name", INTRUSIONS)
def test_an_intrusion_is_an_anomaly(baseline: Baseline, name: str) -> None:
    """An intrusion within a usual window has a p-value far below the resolution."""
    score = baseline.score_window(window(Server(seed=2).counts(LOAD), INTRUSIONS[name]))

    injected = {ReasonCode.UNSEEN_LINEAGE} if "exec" in name else set()
    assert {reason.code for reason in score.evidence.reasons} == injected
    assert score.p_value is not None
    assert score.p_value <= ALPHA


@pytest.mark.parametrize("load", [LOAD / 100, LOAD / 10, LOAD, LOAD * 10, LOAD * 100])
def test_load_alone_does_not_alarm(baseline: Baseline, load: float) -> None:
    """None of 100 healthy windows at a hundredth to a hundred times the learned load is an anomaly."""
    server = Server(seed=3)

    scores = [baseline.score_window(window(server.counts(load))) for _ in range(100)]

    assert min(score.p_value or 0 for score in scores) > ALPHA


@pytest.fixture(scope="module")
def rough() -> Baseline:
    """A hundred and fifty windows of threads that wait for each other."""
    return learned(RoughServer(seed=9), LOAD, windows=150)


@pytest.mark.parametrize("name", INTRUSIONS)
def test_an_intrusion_is_an_anomaly_where_new_sequences_go_on_coming(rough: Baseline, name: str) -> None:
    """Healthy windows bring hundreds of bits of new sequences there, so shorter ones must tell."""
    benign = RoughServer(seed=10).counts(LOAD)
    healthy, score = rough.score_window(window(benign)), rough.score_window(window(benign, INTRUSIONS[name]))

    assert next(each.bits for each in healthy.views if each.view is View.SEQUENCES) > 50
    assert score.view in {View.CALLS, View.PAIRS, View.TRIPLES}
    assert score.p_value is not None
    assert score.p_value <= ALPHA


@pytest.mark.parametrize("load", [LOAD / 100, LOAD / 10, LOAD, LOAD * 4, LOAD * 20])
def test_load_alone_does_not_alarm_where_new_sequences_go_on_coming(rough: Baseline, load: float) -> None:
    """Twenty times the calls bring twenty times the new sequences, and that is no anomaly."""
    server = RoughServer(seed=11)

    scores = [rough.score_window(window(server.counts(load))) for _ in range(20)]

    assert min(score.p_value or 0 for score in scores) > ALPHA


def test_a_stranger_does_not_pass_for_a_busy_hour(baseline: Baseline) -> None:
    """A loop that turns a thousand times faster is no less unusual: only known calls are load."""
    benign, loop = Server(seed=8).counts(LOAD), sequence(tokens(MINER))

    slow = baseline.score_window(window(benign, loop))
    fast = baseline.score_window(window(benign, {ngram: count * 1000 for ngram, count in loop.items()}))

    assert slow.p_value is not None
    assert fast.p_value is not None
    assert fast.calls > 100 * baseline.largest_calls
    assert fast.p_value <= slow.p_value <= ALPHA


def test_a_busy_window_does_not_hide_an_intrusion() -> None:
    """Some fifty injected calls stand out among about a million benign ones."""
    load = 160_000
    baseline = learned(Server(seed=4, starts=3), load, windows=200)
    server = Server(seed=5, starts=3)

    benign = [baseline.score_window(window(server.counts(load))) for _ in range(50)]
    intruded = baseline.score_window(
        window(server.counts(load), INTRUSIONS["a shell started by the service"])
    )

    assert intruded.calls > 700_000
    assert min(score.p_value or 0 for score in benign) > ALPHA
    assert intruded.p_value is not None
    assert intruded.p_value <= ALPHA


def test_a_shell_is_strange_even_where_the_service_starts_shells() -> None:
    """What the own lineage does all day is still an intrusion when an injected one does it."""
    server = Server(seed=6)
    shells = sequence(tokens(SHELL))
    accustomed = Baseline()
    for _ in range(200):
        healthy = window(server.counts(LOAD), shells)
        accustomed.learn_window(healthy, accustomed.score_window(healthy))

    own = accustomed.score_window(window(server.counts(LOAD), shells))
    injected = accustomed.score_window(
        window(server.counts(LOAD), shells, sequence(tokens(SHELL), injected=True))
    )

    assert own.p_value is not None
    assert own.p_value > 0.01
    assert injected.p_value is not None
    assert injected.p_value <= ALPHA


def test_a_health_probe_by_exec_becomes_normal() -> None:
    """An injected program that was learned no longer stands out; another one still does."""
    server, probe = Server(seed=7), sequence(tokens(CAT), injected=True)
    baseline = Baseline()
    for _ in range(200):
        healthy = window(server.counts(LOAD), probe)
        baseline.learn_window(healthy, baseline.score_window(healthy))

    usual = baseline.score_window(window(server.counts(LOAD), probe))
    intruded = baseline.score_window(
        window(server.counts(LOAD), probe, sequence(tokens(SHELL), injected=True))
    )

    assert usual.p_value is not None
    assert usual.p_value > 0.01
    assert intruded.p_value is not None
    assert intruded.p_value <= ALPHA


def test_a_new_mix_of_known_calls_is_an_anomaly() -> None:
    """Nine requests of ten of a kind that was one of ten: no sequence is new, and the mix alone tells."""
    baseline = learned(Server(seed=12), LOAD, windows=1500)
    shares = (0.03, 0.03, 0.9, 0.01)
    other = [replace(path, share=share) for path, share in zip(SERVER, shares, strict=False)]

    score = baseline.score_window(window(Server(seed=13, paths=other).counts(LOAD)))

    assert score.view is View.MIX
    assert score.novelty == 0
    assert score.p_value is not None
    assert score.p_value <= ALPHA


@settings(deadline=None, max_examples=40)
@given(st.floats(-2, 2), st.integers(0, 1000))
def test_no_load_alarms(baseline: Baseline, magnitude: float, seed: int) -> None:
    """Any load from a hundredth to a hundred times the learned one."""
    score = baseline.score_window(window(Server(seed).counts(LOAD * 10**magnitude)))

    assert score.p_value is not None
    assert score.p_value > ALPHA


@settings(deadline=None, max_examples=30)
@given(st.floats(-2, 1.3), st.integers(0, 1000))
def test_no_load_alarms_where_new_sequences_go_on_coming(
    rough: Baseline, magnitude: float, seed: int
) -> None:
    """Any load from a hundredth to twenty times the learned one."""
    score = rough.score_window(window(RoughServer(seed).counts(LOAD * 10**magnitude)))

    assert score.p_value is not None
    assert score.p_value > ALPHA
