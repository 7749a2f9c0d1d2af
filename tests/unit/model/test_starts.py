"""Starts: which of them brought something new, and what that says of the next."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from model.errors import SnapshotError
from model.starts import Starts


@given(st.lists(st.tuples(st.integers(0, 99), st.booleans()), max_size=300), st.integers(0, 300))
def test_a_record_goes_on_where_its_state_was_taken(windows: list[tuple[int, bool]], cut: int) -> None:
    """Saving and loading in the middle changes nothing."""
    through, broken = Starts(), Starts()
    for at, (start, new) in enumerate(windows):
        if at == cut:
            broken = Starts.from_state(broken.to_state())
        through.learn(start, new=new)
        broken.learn(start, new=new)

    assert through.seen() == broken.seen()


def test_windows_of_one_start_are_one_draw() -> None:
    """A start is novel if any of its windows was, whatever comes between them."""
    starts = Starts()
    for number, new in ((1, False), (2, False), (1, True), (2, False)):
        starts.learn(number, new=new)

    assert (starts.seen().learned, starts.seen().novel) == (2, 0)
    assert starts.to_state().tolist() == [2, 1, 1, 2, 0]


def test_the_bound_is_exact() -> None:
    """Of 20 judged starts without news the next brings some in at most 1 - 0.025 ** (1 / 20)."""
    starts = Starts()
    for number in range(40):
        starts.learn(number, new=False)

    assert starts.seen().high == pytest.approx(1 - 0.025 ** (1 / 20))
    assert Starts().seen().high == 1


@pytest.mark.parametrize("state", [[2, 1, 0], [1, 1, 2], [1, 1], [1, 1, 0, 1, 0]])
def test_a_state_that_does_not_fit_is_refused(state: list[int]) -> None:
    """Numbers that no learning can have left are not taken."""
    with pytest.raises(SnapshotError):
        Starts.from_state(np.array(state, dtype=np.int64))
