"""The detectors of traces, on sequences small enough to know the answer."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from model.evaluation import contexts
from model.evaluation.comparators import Forest, Stide
from model.evaluation.conformal import p_values
from model.evaluation.contexts import CALLS, Contexts
from model.evaluation.detectors import AllOrders, Detector, Statistics
from model.evaluation.hashed import Hashed
from model.evaluation.metrics import area
from model.evaluation.null import Null
from model.evaluation.sequences import detectors
from model.evaluation.traces import Traces

SEQUENCES = st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=12), min_size=1, max_size=6)


def witten_bell(learned: list[list[int]], context: tuple[int, ...], call: int) -> float:
    """Return the interpolated probability by its definition, one call at a time."""
    lower = witten_bell(learned, context[1:], call) if context else 1 / CALLS
    size = len(context)
    after = [
        trace[at + size]
        for trace in learned
        for at in range(len(trace) - size)
        if tuple(trace[at : at + size]) == context
    ]
    kinds = len(set(after))
    return (after.count(call) + kinds * lower) / (len(after) + kinds) if after else lower


@given(learned=SEQUENCES, judged=st.lists(st.integers(0, 4), min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
@pytest.mark.parametrize("largest_table", [1 << 26, 0])
def test_surprise_is_witten_bells_definition(
    largest_table: int, learned: list[list[int]], judged: list[int]
) -> None:
    """At every depth, for known and unknown contexts and calls, by table and by search."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contexts, "_LARGEST_TABLE", largest_table)
        model = Contexts(3).fit(Traces.of(learned, 5))
    for walk in model.walk(Traces.of([judged], 5)):
        expected = [
            -np.log2(witten_bell(learned, tuple(judged[max(0, at - walk.depth + 1) : at]), call))
            for at, call in enumerate(judged)
        ]
        assert walk.bits.tolist() == pytest.approx(expected)


@given(
    known=st.sets(st.integers(0, 1 << 40), max_size=60), asked=st.lists(st.integers(0, 1 << 40), max_size=60)
)
def test_hashed_keys_are_found_where_they_are(known: set[int], asked: list[int]) -> None:
    """Each known key at its place from 1, all others at 0, however their hashes collide."""
    keys = np.array(sorted(known), dtype=np.int64)
    judged = np.array([*asked, *sorted(known)], dtype=np.int64)
    places = {key: place for place, key in enumerate(keys.tolist(), start=1)}

    assert Hashed(keys).find(judged).tolist() == [places.get(key, 0) for key in judged.tolist()]


def test_one_slot_after_the_other_is_looked_into() -> None:
    """Ten thousand neighbouring keys, many of which share a slot."""
    keys = np.arange(0, 20_000, 2)

    expected = [each // 2 + 1 if each % 2 == 0 else 0 for each in range(20_000)]
    found: list[int] = Hashed(keys).find(np.arange(20_000)).tolist()

    assert found == expected


@given(learned=SEQUENCES, judged=SEQUENCES)
@settings(max_examples=50, deadline=None)
def test_stide_counts_what_is_not_in_the_set(learned: list[list[int]], judged: list[list[int]]) -> None:
    """The share of a trace's three-grams that no learned trace holds; 0 where there are none."""

    def grams(trace: list[int]) -> list[tuple[int, ...]]:
        return [tuple(trace[at : at + 3]) for at in range(len(trace) - 2)]

    known = {gram for trace in learned for gram in grams(trace)}
    expected = [np.mean([gram not in known for gram in grams(trace)] or [False]) for trace in judged]

    assert Stide(3).fit(Traces.of(learned, 4)).score(Traces.of(judged, 4)) == pytest.approx(expected)


def programs(seed: int, kinds: range, number: int) -> list[list[int]]:
    """Return traces of programs, each with its own cycle of calls and a call in twenty at random."""
    generator = np.random.default_rng(seed)
    cycles = [np.random.default_rng(kind).integers(0, 20, 12) for kind in range(kinds.stop)]
    traces = []
    for _ in range(number):
        cycle = cycles[generator.integers(kinds.start, kinds.stop)]
        calls = np.resize(cycle, generator.integers(30, 200))
        noise = generator.random(len(calls)) < 0.05
        traces.append(np.where(noise, generator.integers(0, 20, len(calls)), calls).tolist())
    return traces


def test_our_score_tells_strange_programs() -> None:
    """Programs that were never learned score higher than other runs of learned ones, nearly always."""
    learned = Traces.of(programs(1, range(8), 120), 20)
    normal = Traces.of(programs(2, range(8), 60), 20)
    strange = Traces.of(programs(3, range(8, 12), 30), 20)
    ours = AllOrders().fit(learned)

    assert area(ours.score(normal), ours.score(strange)).value > 0.99


def test_our_score_tells_known_calls_that_never_came_together() -> None:
    """Two learned programs in one trace are stranger than either, though every call is in order."""
    learned = programs(1, range(8), 160)
    normal = programs(2, range(8), 60)
    halves = [
        [*one[: len(one) // 2], *other[: len(other) // 2]]
        for one, other in pairwise(programs(3, range(8), 60))
    ]
    ours = AllOrders().fit(Traces.of(learned, 20))

    assert area(ours.score(Traces.of(normal, 20)), ours.score(Traces.of(halves, 20))).value > 0.8


@given(learned=st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=20), min_size=3, max_size=8))
@settings(max_examples=60, deadline=None)
def test_a_trace_left_out_is_as_if_the_others_alone_were_learned(learned: list[list[int]]) -> None:
    """Every statistic of every learned trace, equal ones included, is that of detectors fitted without it."""
    traces = Traces.of(learned, 4)
    rows = np.arange(len(traces))
    without = [
        Statistics().fit(traces.take(np.delete(rows, row))).values(traces.take(rows[row : row + 1]))[:, 0]
        for row in rows
    ]

    left_out = Statistics().fit(traces).left_out(traces)

    np.testing.assert_allclose(left_out.T, np.array(without), rtol=0, atol=2e-6)


def test_the_asked_rate_is_realised_where_traces_are_exchangeable() -> None:
    """Over 12 deals of ten programs, a tenth of them equal, 5 and 10 % come within a fifth of it."""
    generator = np.random.default_rng(9)
    own = programs(5, range(10), 500)
    traces = Traces.of([*own, *own[:50]], 20)
    realised = []
    for _ in range(12):
        dealt = generator.permutation(len(traces))
        ours = AllOrders().fit(traces.take(dealt[:200]))
        found = p_values(ours.held_back, ours.score(traces.take(dealt[200:])))
        realised.append([(found <= asked).mean() for asked in (0.05, 0.1)])

    assert np.mean(realised, axis=0) == pytest.approx([0.05, 0.1], rel=0.2)


@pytest.mark.parametrize("name", detectors(1, every=True))
def test_a_detector_does_not_depend_on_what_is_judged_beside(name: str) -> None:
    """A trace has the same score alone and among others, and the same again."""
    make: Callable[[], Detector] = detectors(1, every=True)[name]
    detector = make().fit(Traces.of(programs(1, range(4), 40), 20))
    judged = Traces.of(programs(2, range(6), 10), 20)
    together = detector.score(judged)

    assert detector.score(judged.take(np.array([7]))) == pytest.approx(together[7])
    assert detector.score(judged).tolist() == together.tolist()


def test_the_forest_finds_a_strange_mix() -> None:
    """One known call over and over is more isolated than most runs of a learned program."""
    judged = Traces.of([*programs(2, range(4), 5), [3] * 60], 20)
    scores = Forest(1).fit(Traces.of(programs(1, range(4), 40), 20)).score(judged)

    assert scores[5] > np.median(scores[:5])


def test_the_null_takes_length_out() -> None:
    """Where the scatter falls eight-fold with length, that of the normal scores stays near 1."""
    generator = np.random.default_rng(4)

    def sample(number: int) -> tuple[np.ndarray, np.ndarray]:
        lengths = np.exp(generator.uniform(3, 8, number))
        return 1 / np.log(lengths) + generator.normal(0, 1, number) / np.sqrt(lengths), lengths

    null = Null().fit(*sample(800))
    statistic, lengths = sample(2000)
    scores = null.scores(statistic, lengths)
    for part in (scores[lengths < 200], scores[lengths > 800]):
        assert abs(part.mean()) < 0.25
        assert 0.6 < part.std() < 1.3


def test_beyond_the_record_stranger_is_still_higher() -> None:
    """Two statistics above all that were learned do not tie, and equal ones do."""
    null = Null().fit(np.arange(50.0) % 5, np.full(50, 10.0))
    found = null.scores(np.array([4.0, 9.0, 20.0, 20.0]), np.full(4, 10.0))

    assert found[0] < found[1] < found[2] == found[3]
