"""Strange windows that come at one time of the day or of the week."""

from random import Random

from hypothesis import given, strategies as st

from api.lifecycle import rhythms
from api.lifecycle.rhythms import DAY_MS, HOUR_MS, Strange

MONDAY = 20_416
"""A Monday, in days since 1970."""
MINUTE_MS = 60_000


def nightly(days: int, hour: float, jitter_min: int, seed: int = 1, windows: int = 6) -> list[Strange]:
    """Return windows of ten seconds of a job that begins about an hour of each day."""
    dice = Random(seed)
    begins = [
        (MONDAY + day) * DAY_MS + int(hour * HOUR_MS) + dice.randint(-jitter_min, jitter_min) * MINUTE_MS
        for day in range(days)
    ]
    return [Strange(begin + each * 10_000, held=True) for begin in begins for each in range(windows)]


def test_a_nightly_job_is_named_by_its_time_and_counted_by_nights() -> None:
    """On five of five days, about two; all of its windows wait."""
    (found,) = rhythms.find(nightly(5, 2.0, 10), range(MONDAY, MONDAY + 5))

    assert 110 <= found.minute <= 130
    assert (found.weekday, found.seen, found.watched) == (None, 5, 5)
    assert (found.windows, found.held) == (30, 30)


def test_a_job_about_midnight_is_one_rhythm() -> None:
    """Whether it begins on one side or the other."""
    found = rhythms.find(nightly(9, 0.0, 20), range(MONDAY - 1, MONDAY + 9))

    assert [each.windows for each in found] == [54]
    assert found[0].minute <= 25 or found[0].minute >= 23 * 60 + 35


def test_a_weekly_job_is_held_against_its_own_weekday() -> None:
    """Three Sundays of three, among days on which it never comes; two are no rhythm yet."""
    sundays = [Strange((MONDAY + 6 + 7 * week) * DAY_MS + 4 * HOUR_MS, held=False) for week in range(3)]
    days = range(MONDAY, MONDAY + 22)

    (found,) = rhythms.find(sundays, days)

    assert (found.weekday, found.seen, found.watched, found.minute) == (6, 3, 3, 240)
    assert rhythms.find(sundays[:2], days) == []


def test_two_jobs_are_two_rhythms() -> None:
    """At two and at noon."""
    both = nightly(5, 2.0, 5) + nightly(5, 12.0, 5, seed=2)

    found = rhythms.find(both, range(MONDAY, MONDAY + 5))

    assert [round(each.minute / 60) for each in found] == [2, 12]


def test_what_comes_ten_times_a_day_has_no_rhythm_by_chance() -> None:
    """Some hour is met on each of five days, as chance would have it."""
    dice = Random(3)
    strange = [Strange(MONDAY * DAY_MS + dice.randrange(5 * DAY_MS), held=True) for _ in range(50)]

    assert rhythms.find(strange, range(MONDAY, MONDAY + 5)) == []


def test_what_comes_on_every_other_day_is_no_rhythm() -> None:
    """Fewer than three in four of the days that were watched."""
    some = [each for each in nightly(10, 2.0, 0) if (each.start // DAY_MS) % 2]

    assert rhythms.find(some, range(MONDAY, MONDAY + 10)) == []


@given(
    st.lists(st.integers(0, 20 * 24 * 60).map(lambda each: each * MINUTE_MS), max_size=60),
    st.integers(0, 400),
)
def test_what_is_told_adds_up(minutes: list[int], offset: int) -> None:
    """No window is counted twice, no day more often than watched; the order of windows does not matter."""
    strange = [Strange((MONDAY + offset) * DAY_MS + each, held=each % 2 == 0) for each in minutes]
    days = {each.start // DAY_MS for each in strange}

    found = rhythms.find(strange, days)

    assert found == rhythms.find(strange[::-1], days)
    assert sum(each.windows for each in found) <= len(strange)
    assert all(rhythms.LEAST <= each.seen <= each.watched <= len(days) for each in found)
    assert all(each.held <= each.windows and 0 <= each.minute < 24 * 60 for each in found)
