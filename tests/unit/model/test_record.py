"""Record: several views give one p-value that means what it says, and only the later half is remembered."""

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from model.record import WIDTH, Record
from model.views import VIEWS

PROPERTY = settings(deadline=None, max_examples=60)
JUMPS = [24.0] * len(VIEWS)

bits = st.tuples(*[st.integers(0, 50).map(float)] * len(VIEWS))


def learned(windows: list[tuple[float, ...]], **settings: int) -> Record:
    """Return a record of windows, each judged before it was learned."""
    record = Record(JUMPS, **settings)
    for each in windows:
        record.learn(each, record.judge(each).least)
    return record


def test_the_first_half_is_forgotten() -> None:
    """High scores of the time when everything was new do not stand for a healthy workload."""
    record = learned([(0.0, 0.0, 0.0, 1000.0, 0.0)] * 50 + [(0.0, 0.0, 0.0, 1.0, 0.0)] * 50)

    assert record.totals() == [1.0] * 50
    p_value = record.judge((0.0, 0.0, 0.0, 500.0, 0.0)).p_value
    assert p_value < record.resolution == 1 / 51


def test_memory_is_bounded() -> None:
    """At most `max_scores` are held, the newest of them, however many were learned."""
    record = learned([(0.0, 0.0, 0.0, float(each), 0.0) for each in range(3000)], max_scores=10)

    assert record.totals() == [float(each) for each in range(2990, 3000)]
    assert len(record) == 10
    assert len(record.least) == 10
    assert [len(view) for view in record.views] == [10] * len(VIEWS)


def test_nothing_is_said_before_enough_is_remembered() -> None:
    """No view is ranked, and the least p-value is 1."""
    record = learned([(0.0, 0.0, 0.0, 1.0, 0.0)] * 28)

    judged = record.judge((9e9, 0.0, 0.0, 9e9, 0.0))

    assert judged.p_values == (None,) * len(VIEWS)
    assert (judged.decided, judged.least) == (None, 1.0)


@PROPERTY
@given(st.lists(bits, max_size=60), bits, st.floats(0, 100))
def test_the_combined_p_value_lies_between_the_least_and_booles(
    windows: list[tuple[float, ...]], asked: tuple[float, ...], more: float
) -> None:
    """It is never below the least of the views, nor above that times their number."""
    judged = learned(windows).judge(asked, [more] * len(VIEWS))

    assert judged.least <= judged.p_value or judged.decided is None
    assert judged.p_value <= min(1.0, len(VIEWS) * judged.least)


@PROPERTY
@given(st.lists(bits, min_size=30, max_size=60), bits, st.data())
def test_more_bits_in_a_view_are_never_less_unusual(
    windows: list[tuple[float, ...]], asked: tuple[float, ...], data: st.DataObject
) -> None:
    """Whichever view it is."""
    at = data.draw(st.integers(0, len(VIEWS) - 1))
    record = learned(windows)
    higher = tuple(bit + 7.5 * (place == at) for place, bit in enumerate(asked))

    assert record.judge(higher).p_value <= record.judge(asked).p_value


@PROPERTY
@given(st.lists(bits, max_size=40), bits, st.lists(bits, max_size=5))
def test_what_was_restored_goes_on_alike(
    windows: list[tuple[float, ...]], asked: tuple[float, ...], later: list[tuple[float, ...]]
) -> None:
    """Rows and the number seen are all that a record is."""
    one, other = learned(windows), Record(JUMPS)
    other.restore(one.rows(), one.seen)
    for each in later:
        assert one.judge(each) == other.judge(each)
        for record in (one, other):
            record.learn(each, record.judge(each).least)

    assert one.judge(asked) == other.judge(asked)
    assert one.rows().tolist() == other.rows().tolist()


@PROPERTY
@given(st.lists(bits, min_size=1, max_size=40), bits)
def test_the_last_window_can_be_unlearned(windows: list[tuple[float, ...]], extra: tuple[float, ...]) -> None:
    """Its row goes, and what was forgotten for it stays forgotten."""
    record = learned(windows)
    before = record.rows().tolist()

    record.learn(extra, record.judge(extra).least)
    record.unlearn(math.fsum(extra))

    assert record.rows().tolist() in (before, before[1:])
    assert record.seen == len(windows)
    assert len(record) == len(record.least) == len(record.views[0])


def test_what_is_not_remembered_is_counted_out_only() -> None:
    """A score that no row has leaves all rows."""
    record = learned([(1.0, 0.0, 0.0, 1.0, 0.0)] * 10)

    record.unlearn(77.0)

    assert (record.seen, len(record)) == (9, 5)


def test_rows_of_an_earlier_release_know_one_view() -> None:
    """That view is ranked, and the others wait for scores of their own."""
    rows = np.full((40, WIDTH), np.nan)
    rows[:, 3] = np.arange(40.0)
    record = Record(JUMPS)
    record.restore(rows, 80)

    judged = record.judge((500.0, 500.0, 500.0, 100.0, 5.0))

    assert [p_value is None for p_value in judged.p_values] == [True, True, True, False, True]
    assert judged.p_value == judged.least == record.views[3].p_value(100.0)
    record.learn((1.0, 1.0, 1.0, 1.0, 1.0), judged.least)
    assert (len(record), len(record.views[0]), len(record.views[3])) == (40, 1, 40)


@pytest.mark.parametrize("shared", [0.0, 0.5, 0.9, 1.0])
def test_asked_is_realised_however_views_hang_together(shared: float) -> None:
    """At ranks, within a fifth at 1 % and a third at 0.1 %: independent views, equal ones, and between."""
    generator = np.random.default_rng(3)
    found = list[float]()
    for _ in range(12):
        common = generator.exponential(20.0, (4000, 1))
        own = generator.exponential(20.0, (4000, len(VIEWS)))
        # Most windows have nothing new in the shortest views.
        windows = shared * common + (1 - shared) * own
        windows[:, 0] *= windows[:, 0] > 60
        windows[:, 1] *= windows[:, 1] > 40
        record = Record(JUMPS)
        for row in windows.tolist():
            judged = record.judge(row)
            if record.resolution <= 1e-3:
                found.append(judged.p_value)
            record.learn(row, judged.least)

    p_values = np.array(found)
    assert len(p_values) > 20_000
    assert 0.8 < np.mean(p_values <= 0.01) / 0.01 < 1.2
    assert 0.6 < np.mean(p_values <= 0.001) / 0.001 < 1.4
