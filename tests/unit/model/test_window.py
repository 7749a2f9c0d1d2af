"""Window: what the learner takes of a delta, and what it refuses."""

import numpy as np
import pytest
from hypothesis import given, settings

from model.errors import WindowError
from model.window import Window
from tests.strategies import deltas
from wire.profile import Mark, ProfileDelta

PROPERTY = settings(deadline=None, max_examples=60)


@PROPERTY
@given(deltas())
def test_a_delta_becomes_a_window(delta: ProfileDelta) -> None:
    """Calls, loss, and the marks that a score must know arrive."""
    window = Window.from_delta(delta)

    assert window.calls == delta.calls
    assert window.lost_calls == delta.lost_calls
    assert window.partial == (Mark.PARTIAL in delta.marks)
    assert window.seen_from_start == delta.container.seen_from_start


@pytest.mark.parametrize(
    ("ngrams", "counts", "message"),
    [
        ([1, 2], [1], "one count for each n-gram"),
        ([2, 1], [1, 1], "ascending order"),
        ([1, 1], [1, 1], "ascending order"),
        ([1, 1 << 61], [1, 1], "below 2"),
        ([1, 2], [1, 0], "at least 1; got 0"),
    ],
)
def test_counts_that_are_no_window_are_refused(ngrams: list[int], counts: list[int], message: str) -> None:
    """The message names what was expected."""
    with pytest.raises(WindowError, match=message):
        Window(ngrams=np.array(ngrams, dtype=np.uint64), counts=np.array(counts))
