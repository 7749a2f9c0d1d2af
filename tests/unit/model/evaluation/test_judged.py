"""How a promise is held against what was realised, and which windows count for an intrusion."""

import pytest

from model.evaluation.judged import Judged, abstentions, calibration, grouped, per_week, weeks_of, within_two

WINDOW_MS = 10_000


def judged(place: int, p_value: float | None = 0.5, **changed: object) -> Judged:
    """Return the window with this number."""
    fields: dict[str, object] = {
        "workload": "shop/web",
        "container": "a",
        "start": place * WINDOW_MS,
        "end": (place + 1) * WINDOW_MS,
        "score": 1.0,
        "p_value": p_value,
        "reasons": (),
        "flagged": frozenset(),
        "unseen": False,
    }
    return Judged(**(fields | changed))  # type: ignore[arg-type]


def test_windows_within_the_gap_are_one_alert():
    """The gap is counted from the end of the last one, whatever the order they come in."""
    some = [judged(0), judged(9), judged(1), judged(100)]

    assert grouped(some, gap_ms=7 * WINDOW_MS) == 2
    assert grouped(some, gap_ms=6 * WINDOW_MS) == 3
    assert grouped([], gap_ms=0) == 0


def test_calibration_counts_windows_with_a_p_value_only():
    """Windows on insufficient evidence are neither below nor of."""
    rows = calibration([judged(0, 0.04), judged(1, 0.009), judged(2, 0.6), judged(3, None)])

    assert [(row["windows"], row["of"]) for row in rows] == [(2, 3), (1, 3), (0, 3)]
    assert rows[0]["realised"] == pytest.approx(2 / 3)
    assert calibration([])[0]["realised"] is None


def test_one_alert_in_an_hour_breaks_a_weekly_promise_but_chance_may_be_why():
    """Twice the promise is exceeded by the count; the interval of one event reaches down to a fortieth."""
    hour = 1 / 168
    rate = per_week(1, hour, promised=1.0, asked=7.0)

    assert rate["per_week"] == pytest.approx(168)
    assert not rate["promised"]["kept"]
    assert rate["promised"]["refuted"]
    assert not rate["asked"]["kept"]
    assert not rate["asked"]["refuted"]
    assert per_week(0, hour, promised=1.0, asked=7.0)["promised"]["kept"]
    assert per_week(0, 0.0, promised=1.0, asked=1.0)["per_week"] is None


def test_replicas_in_the_same_window_are_one_stretch_of_time():
    """A week is a week, however many containers a workload has; windows without a p-value do not count."""
    some = [judged(0), judged(0, container="b"), judged(1), judged(2, None)]

    assert weeks_of(some, 10) == pytest.approx(20 / 604_800)


def test_an_intrusion_has_two_windows():
    """The one that holds its beginning, and the next; until it ends there are more."""
    some = [judged(place) for place in range(6)]

    assert within_two(some, 15_000, 15_000, WINDOW_MS) == some[1:3]
    assert within_two(some, 20_000, 20_000, WINDOW_MS) == some[2:4]
    assert within_two(some, 15_000, 31_000, WINDOW_MS) == some[1:5]


def test_reasons_are_counted_by_window():
    """A window with two reasons counts for both."""
    some = [judged(0, reasons=("loss", "full")), judged(1, reasons=("loss",)), judged(2)]

    assert abstentions(some) == {"full": 1, "loss": 2}
