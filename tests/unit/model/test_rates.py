"""CallRates: rates asked are rates given, load says nothing, new calls and new mixes do."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from model.errors import RatesError
from model.rates import CallCounts, CallRates, tracked

MEANS = np.array([40.0, 40.0, 20.0, 8.0, 2.0, 0.002, 0.0])
"""Six calls of a server, and one that it never makes."""
VECTORS = 900


def stream(seed: int, *, load: float = 1.0, vectors: int = VECTORS) -> CallCounts:
    """Return the counts of a server whose load swings."""
    generator = np.random.default_rng(seed)
    requests = generator.gamma(20.0, load / 20.0, (vectors, 1))
    return generator.poisson(MEANS * requests)


@pytest.fixture(scope="module")
def learned() -> CallRates:
    """Two containers, in three blocks of time each."""
    blocks = np.arange(VECTORS) // 300
    return CallRates().fit([stream(1), stream(2)], [blocks, blocks])


@pytest.mark.parametrize("asked", [0.01, 0.05])
def test_the_asked_rate_is_given(learned: CallRates, asked: float) -> None:
    """Of 20,000 later vectors of the same server, about the asked share exceeds the threshold."""
    share = float(np.mean(learned.score(stream(3, vectors=20_000)) > learned.threshold(asked)))

    assert asked / 3 < share < asked * 2


@pytest.mark.parametrize("load", [0.5, 2.0, 3.0])
def test_load_alone_does_not_alarm(learned: CallRates, load: float) -> None:
    """At half to three times the learned load, few vectors exceed a threshold of one in a hundred."""
    share = float(np.mean(learned.score(stream(4, load=load)) > learned.threshold(0.01)))

    assert share < 0.1


@pytest.mark.parametrize(
    ("call", "factor", "added"),
    [(6, 1, 1), (1, 3, 0), (2, 0, 0)],
    ids=["a call never made", "a call tripled", "a call missing"],
)
def test_a_change_of_one_call_alarms(learned: CallRates, call: int, factor: int, added: int) -> None:
    """At least eight of ten vectors with the change exceed a threshold of one in a hundred."""
    changed = stream(5, vectors=60)
    changed[50:, call] = changed[50:, call] * factor + added

    assert np.count_nonzero(learned.score(changed)[50:] > learned.threshold(0.01)) >= 8


def test_the_same_streams_give_the_same_scores(learned: CallRates) -> None:
    """Bit for bit."""
    blocks = np.arange(VECTORS) // 300
    again = CallRates().fit([stream(1), stream(2)], [blocks, blocks])

    assert again.score(stream(8)).tolist() == learned.score(stream(8)).tolist()


def test_a_server_that_does_nothing_can_be_learned() -> None:
    """All counts zero: nothing is unusual but a call."""
    idle = np.zeros((100, 3), dtype=np.int64)
    rates = CallRates().fit([idle], [np.arange(100) // 50])

    scores = rates.score(np.array([[0, 0, 0], [1, 0, 0]]))

    assert scores[0] <= rates.threshold(0.01) < scores[1]


def test_what_does_not_fit_is_refused(learned: CallRates) -> None:
    """Each refusal says what was expected and what came."""
    with pytest.raises(RatesError, match=r"at least two folds; got 1"):
        CallRates().fit([stream(1)], [np.zeros(VECTORS, dtype=np.int64)])
    with pytest.raises(RatesError, match=r"each of \[900\] vectors; got \[3\]"):
        CallRates().fit([stream(1)], [np.arange(3)])
    with pytest.raises(RatesError, match=r"over the same calls; got shapes"):
        CallRates().fit([stream(1), stream(1)[:, :2]], [np.arange(VECTORS), np.arange(VECTORS)])
    with pytest.raises(RatesError, match=r"over 7 calls, as learned; got an array of shape \(900, 2\)"):
        learned.score(stream(1)[:, :2])
    with pytest.raises(RatesError, match="before the first score; got none"):
        CallRates().score(stream(1))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(0, 40), min_size=1, max_size=400), st.sampled_from([0.01, 0.1]))
def test_a_tracked_threshold_keeps_the_rate_of_any_stream(scores: list[float], rate: float) -> None:
    """Alarms exceed the asked share by at most the height of the highest score over the threshold."""
    alarms = int(tracked(np.array(scores), 10.0, rate).sum())
    highest = max(0.0, max(scores) - 10.0)

    assert alarms <= rate * len(scores) / (1 - rate) + (highest + 1) / (1 - rate)


def test_tracking_never_alarms_where_a_fixed_threshold_would_not() -> None:
    """It only raises the threshold."""
    scores = np.random.default_rng(1).exponential(3.0, 2000)

    assert not (tracked(scores, 12.0, 0.01) & (scores <= 12.0)).any()
