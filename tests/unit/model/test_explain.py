"""Explanations: distances between n-grams are counted call by call."""

import numpy as np
from hypothesis import given, settings, strategies as st

from model.explain import calls_that_differ
from wire.ngram import N, pack, tokens

PROPERTY = settings(deadline=None, max_examples=100)

ngrams = st.builds(
    lambda calls, injected: pack(calls, injected=injected),
    st.lists(st.sampled_from([0, 1, 2, 511, 512, 513, 1023]), min_size=N, max_size=N),
    st.booleans(),
)


@PROPERTY
@given(st.lists(ngrams, min_size=1, max_size=10), ngrams)
def test_every_place_counts_once(known: list[int], asked: int) -> None:
    """Whichever bits of a token differ, and whatever the lineage."""
    differ = calls_that_differ(np.array(known, dtype=np.uint64), asked)

    expected = [
        sum(one != other for one, other in zip(tokens(each), tokens(asked), strict=True)) for each in known
    ]
    assert differ.tolist() == expected
