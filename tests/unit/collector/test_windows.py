"""Windows: names of windows stay in order, whatever is done to the clock."""

from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from collector.clock import Instant
from collector.windows import MAX_LEAD_MS, MAX_WINDOW_MS, Windows

LENGTH = 10_000
START = 1_700_000_003_217

waits = st.integers(1, 3 * LENGTH)
steps = st.one_of(st.just(0), st.integers(-2 * MAX_LEAD_MS, 2 * MAX_LEAD_MS), st.integers(0, 1 << 40))


def after(now: Instant, steady: int, stepped: int = 0) -> Instant:
    """Let time pass, and set the wall clock by so much in between."""
    return Instant(now.wall + steady + stepped, now.steady + steady)


def test_windows_follow_each_other_on_the_grid():
    """After a partial first window every window is aligned, whole, and begins where the last ended."""
    now = Instant(START, 0)
    windows = Windows(LENGTH, now)
    cut = []
    for _ in range(5):
        now = after(now, round(windows.wait_s(now) * 1000) + 3)
        cut.append(windows.cut(now))

    assert cut[0].start == START
    assert [window.partial for window in cut] == [True, False, False, False, False]
    assert all(later.start == earlier.end for earlier, later in pairwise(cut))
    assert all(window.end - window.start == LENGTH for window in cut[1:])
    assert all(window.end % LENGTH == 0 for window in cut)


def test_an_early_cut_gives_what_was_covered():
    """A stop in the middle gives a window up to that millisecond, marked as partial."""
    now = Instant(START, 0)
    windows = Windows(LENGTH, now)
    windows.cut(after(now, 6_783))

    last = windows.cut(after(now, 10_000))

    assert (last.start, last.end, last.partial) == (START + 6_783, START + 10_000, True)


def test_a_late_cut_is_one_long_window():
    """Where the agent was stopped for several windows, one partial window names all of them."""
    now = Instant(1_700_000_000_000, 0)
    windows = Windows(LENGTH, now)

    late = windows.cut(after(now, 4 * LENGTH + 500))

    assert (late.start, late.end, late.partial) == (now.wall, now.wall + 4 * LENGTH, True)
    assert windows.cut(after(now, 5 * LENGTH)).start == late.end


def test_a_clock_set_forward_does_not_stretch_a_window():
    """A window during which the clock was set, or the machine slept, names the time it really lasted."""
    now = Instant(1_700_000_000_000, 0)
    windows = Windows(LENGTH, now)
    now = after(now, 4_000, stepped=3_600_000)

    assert windows.wait_s(now) == 0
    window = windows.cut(now)
    assert (window.start, window.end, window.partial) == (1_700_000_000_000, 1_700_000_004_000, True)
    assert windows.cut(after(now, 1_000)).start == now.wall


def test_a_clock_set_back_a_little_never_repeats_a_window():
    """Names wait until the clock has caught up with them."""
    now = Instant(1_700_000_000_000, 0)
    windows = Windows(LENGTH, now)
    now = after(now, LENGTH)
    first = windows.cut(now)
    now = after(now, 1_000, stepped=-15_000)
    second = windows.cut(now)
    cut = [first, second]
    for _ in range(4):
        now = after(now, round(windows.wait_s(now) * 1000))
        cut.append(windows.cut(now))

    assert all(later.start >= earlier.end for earlier, later in pairwise(cut))
    assert not cut[-1].partial
    assert cut[-1].end == now.wall


def test_a_clock_set_back_far_is_followed_without_using_a_name_twice():
    """Beyond a minute the names follow the clock; in the time lived twice none equals an earlier one."""
    now = Instant(1_700_000_000_000, 0)
    windows = Windows(LENGTH, now)
    starts = []
    for step in (0, -3_600_000, -3_600_000):
        now = after(now, 1, stepped=step)
        for _ in range(800):
            starts.append(windows.cut(now).start)
            now = after(now, round(windows.wait_s(now) * 1000))
    starts.append(windows.cut(now).start)

    assert len(starts) == len(set(starts))
    assert abs(starts[-1] - now.wall) <= LENGTH


@given(st.integers(0, LENGTH), st.lists(st.tuples(waits, steps), min_size=1, max_size=30))
def test_windows_never_overlap_or_reverse(offset, history):
    """However late cuts come and the clock is set, windows are in order up to a minute, and never empty."""
    now = Instant(1_700_000_000_000 + offset, 0)
    windows = Windows(LENGTH, now)
    end, opened = 0, now
    for steady, stepped in history:
        now = after(now, steady, stepped)
        window = windows.cut(now)

        assert window.start >= end or end - opened.wall > MAX_LEAD_MS
        assert window.start < window.end <= window.start + MAX_WINDOW_MS
        whole = window.end - window.start == LENGTH and window.start % LENGTH == 0
        assert window.partial or whole
        end, opened = window.end, now


@given(st.integers(0, LENGTH), st.lists(st.tuples(waits, steps), max_size=30))
def test_a_window_is_always_due_within_its_length(offset, history):
    """Nothing that is done to the clock makes the agent wait longer than one window and the tolerance."""
    now = Instant(1_700_000_000_000 + offset, 0)
    windows = Windows(LENGTH, now)
    for steady, stepped in history:
        now = after(now, steady, stepped)
        assert 0 <= windows.wait_s(now) <= 1.25 * LENGTH / 1000
        if windows.wait_s(now) == 0:
            windows.cut(now)


@pytest.mark.parametrize("length", [0, -1, MAX_WINDOW_MS + 1])
def test_a_length_that_makes_no_sense_is_refused(length):
    """A window lasts an hour at most."""
    with pytest.raises(ValueError, match="from 1 to 3600000 milliseconds; got"):
        Windows(length, Instant(START, 0))
