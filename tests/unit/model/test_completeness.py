"""Completeness: what is counted is small and whole, and its interval covers what is really unseen."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from model.baseline import Baseline
from model.completeness import MAX_BLOCKS, Completeness
from model.errors import SnapshotError
from model.snapshot import from_bytes, to_bytes
from model.unseen import FAR, CompletenessVerdict, Unseen, unseen
from tests.unit.model.workloads import Server, window

PROPERTY = settings(deadline=None, max_examples=30)
WINDOWS = st.lists(st.sets(st.integers(0, 60), max_size=6), max_size=150)


class Learner:
    """A record, and how many windows held each n-gram."""

    def __init__(self) -> None:
        self.record = Completeness()
        self.held: dict[int, int] = {}

    def learn(self, *windows: set[int]) -> "Learner":
        """Count windows."""
        for each in windows:
            names = sorted(each)
            new = np.array([name not in self.held for name in names], dtype=np.bool_)
            self.record.learn(np.array(names, dtype=np.uint64), new)
            self.held |= {name: self.held.get(name, 0) + 1 for name in names}
        return self

    def estimate(self, *, target: float = 0.01, full: bool = False) -> Unseen:
        """Return what is estimated."""
        held_by = np.array([self.held[name] for name in self.record.ngrams.tolist()], dtype=np.int64)
        return unseen(self.record, held_by, target=target, min_windows=30, full=full)


def zipf(rng: np.random.Generator, index: float) -> set[int]:
    """Return a window of twenty draws from endlessly many behaviours."""
    return {min(int(each), 1 << 60) for each in rng.zipf(index, 20)}


@PROPERTY
@given(WINDOWS)
def test_an_interval_lies_between_0_and_1_and_holds_the_estimate(windows: list[set[int]]) -> None:
    """Whatever was learned, low <= estimate <= high, and the verdict has a sentence."""
    said = Learner().learn(*windows).estimate()

    assert 0 <= said.low <= said.estimate <= said.high <= 1
    assert said.reason.endswith(".")


@PROPERTY
@given(WINDOWS)
def test_blocks_add_up_to_all_windows(windows: list[set[int]]) -> None:
    """However often blocks were joined, their sums are those of the windows, and they are equally long."""
    learner = Learner().learn(*windows)
    blocks = learner.record.blocks

    assert len(blocks) <= MAX_BLOCKS
    assert blocks[:, 0].sum() == len(windows)
    assert blocks[:, 2].sum() == len(learner.held)
    assert set(blocks[:-1, 0].tolist()) <= {learner.record.block_windows}


@PROPERTY
@given(WINDOWS)
def test_first_last_and_spells_are_those_of_the_windows(windows: list[set[int]]) -> None:
    """For every n-gram still followed they are what a look at all windows gives."""
    record = Learner().learn(*windows).record

    for ngram, first, last, spells in zip(
        record.ngrams.tolist(), record.first, record.last, record.spells, strict=True
    ):
        held = [at for at, each in enumerate(windows) if ngram in each]
        assert (first, last) == (held[0], held[-1])
        assert spells == 1 + sum(after - before > 1 for before, after in pairwise(held))


@PROPERTY
@given(WINDOWS)
def test_what_came_in_the_later_half_is_followed(windows: list[set[int]]) -> None:
    """Tidying never drops an n-gram that the estimate needs."""
    record = Learner().learn(*windows).record
    before = set().union(*windows[: len(windows) // 2])

    assert set().union(*windows) - before <= set(record.ngrams.tolist())


@PROPERTY
@given(WINDOWS, st.integers(0, 150))
def test_a_record_goes_on_where_its_state_was_taken(windows: list[set[int]], cut: int) -> None:
    """Saving and loading in the middle of learning changes nothing."""
    through, broken = Learner().learn(*windows), Learner().learn(*windows[:cut])
    broken.record = Completeness.from_state(broken.record.to_state())
    broken.learn(*windows[cut:])

    one, other = through.record.to_state(), broken.record.to_state()
    assert {name: array.tolist() for name, array in one.items()} == {
        name: array.tolist() for name, array in other.items()
    }


@pytest.mark.parametrize(
    ("name", "wrong"), [("first", [9]), ("spells", [0]), ("blocks", [1, 2, 0]), ("blocks", [1]), ("last", [])]
)
def test_a_state_that_does_not_fit_is_refused(name: str, wrong: list[int]) -> None:
    """Numbers that no learning can have left are not taken."""
    state = Learner().learn({7}).record.to_state() | {name: np.array(wrong, dtype=np.int64)}

    with pytest.raises(SnapshotError):
        Completeness.from_state(state)


def test_what_was_unlearned_and_comes_again_is_counted_once() -> None:
    """A baseline that forgot an n-gram and learns it once more keeps one entry, and its snapshot is read."""
    baseline = Baseline(arch="x86_64")
    usual, odd = window({1: 9, 2: 9}), window({1: 9, 2: 9, 7: 1})
    for each in (usual, odd):
        baseline.learn_window(each, baseline.score_window(each))
    baseline.unlearn_window(odd, baseline.score_window(odd).score)

    baseline.learn_window(odd, baseline.score_window(odd))

    state = from_bytes(to_bytes(baseline)).state()
    assert state.completeness["ngrams"].tolist() == state.ngrams.tolist()
    assert state.completeness["blocks"].reshape(-1, 3)[:, 2].sum() == len(state.ngrams)


def test_an_empty_state_is_a_record_of_nothing() -> None:
    """Snapshots made before completeness was counted begin at 0."""
    assert Completeness.from_state({}).windows == 0


@PROPERTY
@given(WINDOWS)
def test_more_of_the_same_only_lowers_the_upper_bound(windows: list[set[int]]) -> None:
    """Once the same windows were learned three times over, no doubling raises it."""
    learner = Learner().learn(*(windows or [{1}]) * 20)
    before = learner.estimate()
    learner.learn(*(windows or [{1}]) * 20)

    assert learner.estimate().high <= before.high
    assert learner.estimate().low == 0


def test_few_windows_say_nothing() -> None:
    """Below the least the interval is from 0 to 1."""
    said = Learner().learn(*[{1}] * 29).estimate()

    assert (said.low, said.high, said.verdict) == (0, 1, CompletenessVerdict.NOT_ENOUGH)
    assert said.windows_to_target is None


def test_nothing_new_for_long_has_converged() -> None:
    """A later half of 400 windows without anything new supports one in a hundred; one of 300 does not."""
    young, grown = Learner().learn(*[{1, 2}] * 600), Learner().learn(*[{1, 2}] * 800)

    assert young.estimate().verdict is CompletenessVerdict.CONVERGING
    assert young.estimate().windows_to_target == (169, None)
    assert grown.estimate().verdict is CompletenessVerdict.CONVERGED


def test_a_build_runner_does_not_converge() -> None:
    """Where every window invents something, no amount of learning is enough."""
    said = Learner().learn(*({1, 1000 + at} for at in range(600))).estimate()

    assert said.verdict is CompletenessVerdict.DOES_NOT_CONVERGE
    assert said.high == 1
    assert str(FAR) in said.reason
    assert said.windows_to_target is None


def test_a_young_build_runner_is_told_no_time() -> None:
    """Below 256 windows it may still converge, but by no course that the data show."""
    said = (
        Learner()
        .learn(*({each + 1000 * at for each in range(at % 5 + 1)} for at in range(1, 120)))
        .estimate()
    )

    assert (said.verdict, said.windows_to_target) == (CompletenessVerdict.CONVERGING, None)


def test_a_start_that_is_over_is_no_rate() -> None:
    """What came only in the first windows leaves the later half quiet."""
    start = [{at * 10 + each for each in range(10)} for at in range(100)]
    said = Learner().learn(*start, *[{1, 2}] * 900).estimate()

    assert (said.estimate, said.verdict) == (0, CompletenessVerdict.CONVERGED)


def test_one_long_spell_is_one_draw() -> None:
    """A behaviour that lasted twenty windows once counts with all of them, and makes the bound wide."""
    quiet, spell = [{1}] * 400, [{1, 5}] * 20
    said = Learner().learn(*quiet, *quiet, *spell, *quiet).estimate()

    assert said.estimate == pytest.approx(20 / 610)
    assert said.low == 0
    assert said.high > 4 * said.estimate


def test_a_full_baseline_cannot_be_complete() -> None:
    """N-grams that were refused are unseen for ever."""
    said = Learner().learn(*[{1}] * 2000).estimate(full=True)

    assert (said.verdict, said.high) == (CompletenessVerdict.DOES_NOT_CONVERGE, 1)


@pytest.mark.parametrize("index", [1.5, 2.2])
def test_the_interval_covers_what_is_really_unseen(index: float) -> None:
    """Of forty runs over behaviours without end, at least ninety in a hundred are covered."""
    rng = np.random.default_rng(5)
    later = [zipf(rng, index) for _ in range(1000)]
    covered = 0
    for _ in range(40):
        learner = Learner().learn(*(zipf(rng, index) for _ in range(int(rng.integers(60, 160)))))
        said = learner.estimate()
        covered += said.low <= np.mean([not each <= learner.held.keys() for each in later]) <= said.high

    assert covered >= 36


def test_a_baseline_counts_what_it_learns_and_keeps_it() -> None:
    """The summary tells the unseen mass, before and after a snapshot; a refused window is not counted."""
    baseline, server = Baseline(), Server(seed=3)
    for _ in range(60):
        healthy = window(server.counts(50))
        baseline.learn_window(healthy, baseline.score_window(healthy))
    partial = window(server.counts(50), partial=True)
    baseline.learn_window(partial, baseline.score_window(partial))
    said = baseline.summary().unseen

    assert (said.windows, said.verdict) == (60, CompletenessVerdict.CONVERGING)
    assert 0 < said.high < 1
    assert from_bytes(to_bytes(baseline)).summary().unseen == said
