"""Replays of ordered streams: what is learned, what is only scored, and what belongs to the exploit."""

from itertools import cycle, islice

import pytest

from model.evaluation.streams import Moment, replay, windows
from wire.ngram import pack

MOMENT = Moment(start_s=60.0, end_s=60.3, before_s=2.0, after_s=1.0)


def stream() -> list[tuple[float, int]]:
    """Return eighty seconds of a loop of four calls, ten calls a second, with thirty strange ones at 59 s."""
    usual = islice(cycle([1, 2, 3, 4]), 800)
    calls = [(place / 10, token) for place, token in enumerate(usual)]
    return sorted(
        [*calls, *((59 + place / 100, 100 + place) for place in range(30))], key=lambda each: each[0]
    )


def test_the_strange_window_is_the_strongest() -> None:
    """It has more bits than any healthy one and a smaller p-value."""
    found = replay(stream(), window_s=1.0, learn_s=50.0, exploit=MOMENT)

    assert found.strongest is not None
    assert found.strongest.start_s == 59.0
    assert found.highest_healthy is not None
    assert found.strongest.bits > found.highest_healthy + 50
    assert found.strongest.p_value is not None
    assert found.least_healthy_p is not None
    assert found.strongest.p_value < found.least_healthy_p


def test_each_window_has_one_part() -> None:
    """Learned until 50 s; the exploit's are those that end after 58 s and begin before 61.3 s."""
    found = replay(stream(), window_s=1.0, learn_s=50.0, exploit=MOMENT)

    assert [each.start_s for each in found.learned] == [float(second) for second in range(50)]
    assert [each.start_s for each in found.exploit] == [58.0, 59.0, 60.0, 61.0]
    assert len(found.learned) + len(found.exploit) + len(found.healthy) == 79


def test_the_exploit_is_never_learned() -> None:
    """Even where learning is to last longer."""
    found = replay(stream(), window_s=1.0, learn_s=70.0, exploit=MOMENT)

    assert len(found.learned) == 66
    assert found.calls_learned == 660


def test_a_sequence_goes_on_over_windows() -> None:
    """The first call of a window is known with those before it."""
    _, (_, second), *_ = windows([(0.1, 1), (0.9, 2), (1.1, 3), (2.5, 1)], 1.0)

    assert second.ngrams.tolist() == [pack([1, 2, 3])]


def test_a_stream_that_ends_early_has_no_exploit() -> None:
    """Nothing is made up."""
    found = replay(stream()[:300], window_s=1.0, learn_s=20.0, exploit=MOMENT)

    assert found.exploit == ()
    assert found.strongest is None
    assert found.highest_healthy == pytest.approx(0.0, abs=30)
