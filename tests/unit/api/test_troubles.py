"""Troubles open and close by values alone, and waver around no bound."""

from collections.abc import Mapping

import pytest
from hypothesis import given, strategies as st

from api.troubles.judging import Judgement, Key, Reading, judge
from api.troubles.kinds import Bounds, TroubleKind, bounds

LIMITS = bounds(10)
KINDS = st.sampled_from(TroubleKind)
SUBJECTS = st.sampled_from(["a", "b", "c"])
KEYS = st.frozensets(st.builds(Key, KINDS, SUBJECTS))
VALUES = st.floats(-1e6, 1e6) | st.sampled_from(
    [value for each in LIMITS.values() for value in (each.opens, each.closes, (each.opens + each.closes) / 2)]
)
MEASURED = st.dictionaries(
    KINDS,
    st.dictionaries(SUBJECTS, VALUES).map(
        lambda values: [Reading(subject, value, "It is so.") for subject, value in values.items()]
    ),
)


def after(before: frozenset[Key], judged: Judgement) -> frozenset[Key]:
    """Return what is open once a judgement is stored."""
    return (before | frozenset(judged.opened)) - frozenset(judged.closed)


def values_of(measured: Mapping[TroubleKind, list[Reading]]) -> dict[Key, float]:
    """Return what was measured, by what it was measured of."""
    return {Key(kind, each.subject): each.value for kind, readings in measured.items() for each in readings}


@given(KEYS, MEASURED)
def test_what_is_bad_is_open_and_what_is_good_is_not(before, measured) -> None:
    """After a look, bad values have their trouble, good ones have none, others have what they had."""
    opened = after(before, judge(before, measured, LIMITS))

    for key, value in values_of(measured).items():
        low, high = sorted((LIMITS[key.kind].opens, LIMITS[key.kind].closes))
        falling = LIMITS[key.kind].opens == low
        if value <= low:
            assert (key in opened) == falling
        elif value >= high:
            assert (key in opened) != falling
        else:
            assert (key in opened) == (key in before)


@given(KEYS, MEASURED)
def test_a_second_look_at_the_same_changes_nothing(before, measured) -> None:
    """No trouble opens or closes twice for one state of the world."""
    first = judge(before, measured, LIMITS)
    second = judge(after(before, first), measured, LIMITS)

    assert not second.opened
    assert not second.closed


@given(KEYS, MEASURED)
def test_what_was_not_measured_stays(before, measured) -> None:
    """A disk that could not be asked is neither full nor well all of a sudden."""
    opened = after(before, judge(before, measured, LIMITS))

    unmeasured = {key for key in before if key.kind not in measured}
    assert unmeasured == {key for key in opened if key.kind not in measured}


@given(KEYS, MEASURED)
def test_troubles_of_what_is_gone_close(before, measured) -> None:
    """Where a kind was measured, subjects that it no longer names have no trouble."""
    judged = judge(before, measured, LIMITS)

    gone = {key for key in before if key.kind in measured} - set(values_of(measured))
    assert gone == {key for key, reading in judged.closed.items() if reading is None}


@given(st.lists(st.floats(0.011, 0.049), max_size=20))
def test_a_value_that_wavers_between_the_bounds_is_told_once(values) -> None:
    """One loss above the bound, then many shares below it and above the other: one trouble, open."""
    opened: frozenset[Key] = frozenset()
    changes = 0
    for value in (0.2, *values):
        judged = judge(opened, {TroubleKind.LOSS: [Reading("a", value, "")]}, LIMITS)
        changes += len(judged.opened) + len(judged.closed)
        opened = after(opened, judged)

    assert (changes, len(opened)) == (1, 1)


def test_bounds_that_are_one_are_refused() -> None:
    """A value on them would open and close a trouble at once."""
    with pytest.raises(ValueError, match="must differ"):
        Bounds(opens=1, closes=1, meaning="")


def test_long_windows_make_nodes_patient() -> None:
    """A node whose windows last ten minutes is not silent after five."""
    assert bounds(600)[TroubleKind.NODE_SILENT].opens == 3600
