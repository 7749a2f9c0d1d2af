"""take: every count of the lines comes out once, and the lines are left empty."""

from collections import Counter

import numpy as np
from hypothesis import given, strategies as st

from collector.sensor.layout import LINE, WAYS
from collector.sensor.table import take

entries = st.tuples(
    st.integers(1, (1 << 64) - 1) | st.integers(1, 5),
    st.integers(1, (1 << 32) - 1) | st.integers(1, 3),
    st.integers(1, (1 << 32) - 1),
)


def filled(lines: list[list[tuple[int, int, int]]]) -> np.ndarray:
    """Return lines whose ways are filled from the first."""
    table = np.zeros(len(lines), LINE)
    for line, ways in zip(table, lines, strict=True):
        for way, (gram, owner, count) in enumerate(ways):
            line["gram"][way], line["owner"][way], line["count"][way] = gram, owner, count
    return table


@given(st.lists(st.lists(entries, max_size=WAYS), max_size=40))
def test_taking_sums_by_owner_and_ngram(lines: list[list[tuple[int, int, int]]]) -> None:
    """For any table: sums are exact, owners and n-grams ascend, nothing is left."""
    table = filled(lines)
    expected: dict[int, Counter[int]] = {}
    for gram, owner, count in (entry for line in lines for entry in line):
        expected.setdefault(owner, Counter())[gram] += count

    taken = list(take(table))

    assert [owner for owner, _, _ in taken] == sorted(expected)
    for owner, grams, counts in taken:
        assert grams.tolist() == sorted(expected[owner])
        assert dict(zip(grams.tolist(), counts.tolist(), strict=True)) == expected[owner]
    assert not table.view(np.uint64).any()


def test_an_empty_table_gives_nothing() -> None:
    """No line, no owner."""
    assert list(take(np.zeros(8, LINE))) == []
