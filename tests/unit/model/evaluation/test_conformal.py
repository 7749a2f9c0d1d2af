"""P-values of traces: what is asked is what comes, between the ranks and beyond them."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from model.evaluation.conformal import p_values


@pytest.mark.parametrize("asked", [0.1, 0.01, 0.001])
def test_what_is_asked_comes_where_traces_are_exchangeable(asked: float) -> None:
    """Over 200 samples of 833 held-back scores, the realised rate is within 20 % of the asked one.

    The tail is heavier than exponential; one in a thousand is beyond the ranks.
    """
    generator = np.random.default_rng(2)
    realised = [
        (p_values(generator.standard_t(5, 833), generator.standard_t(5, 4000)) <= asked).mean()
        for _ in range(200)
    ]

    assert asked * 0.8 < np.mean(realised) < asked * 1.2


@given(values=st.lists(st.integers(0, 40), min_size=1, max_size=300))
@settings(max_examples=40, deadline=None)
def test_a_higher_score_never_has_a_higher_p_value(values: list[int]) -> None:
    """P-values fall with the score, ties and short records included."""
    found = p_values(np.array(values, dtype=float), np.arange(-1.0, 60.0, 0.5))

    assert (np.diff(found) <= 1e-12).all()
    assert (found >= 0).all()
    assert found[0] == 1
