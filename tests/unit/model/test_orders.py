"""Counts of all orders: additive, and the probabilities made of them are probabilities."""

from collections import defaultdict
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from model.orders import ALPHABET, Orders, suffix_keys
from model.window import as_arrays
from wire.ngram import INJECTED, N, pack, tokens

PROPERTY = settings(deadline=None, max_examples=50)

small_ngrams = st.builds(
    lambda calls, injected: pack(calls, injected=injected),
    st.lists(st.integers(1, 4), min_size=1, max_size=N),
    st.booleans(),
)
windows = st.dictionaries(small_ngrams, st.integers(1, 1000), min_size=1, max_size=30)


def learned(*parts: Mapping[int, int]) -> Orders:
    """Return the orders of some windows."""
    orders = Orders()
    for part in parts:
        orders.learn(*as_arrays(part))
    return orders


def highest(orders: Orders, ngrams: np.ndarray) -> np.ndarray:
    """Return the probabilities given all five calls before."""
    return orders.probabilities(ngrams)[0][-1]


def by_the_book(counts: Mapping[int, int], ngram: int, highest: int = N) -> float:
    """Return the same probability from the definition, sequence by sequence, up to an order."""
    probability = 1 / ALPHABET
    lineage = ngram & INJECTED
    wanted = tokens(ngram)
    of_lineage = {tokens(each): count for each, count in counts.items() if each & INJECTED == lineage}
    for order in range(1, highest + 1):
        table: dict[tuple[int, ...], int] = defaultdict(int)
        if order == N:
            table.update(of_lineage)
        else:
            for longer in {each[N - order - 1 :] for each in of_lineage}:
                table[longer[1:]] += 1
        context = wanted[N - order : N - 1]
        follow = {each: count for each, count in table.items() if each[:-1] == context}
        if follow:
            share = len(follow) * probability
            probability = (table.get(wanted[N - order :], 0) + share) / (sum(follow.values()) + len(follow))
    return probability


@PROPERTY
@given(windows, st.lists(small_ngrams, min_size=1, max_size=10, unique=True))
def test_the_tables_agree_with_the_definition(counts: dict[int, int], asked: list[int]) -> None:
    """Known and new n-grams get the probability that the formula gives them, at every order."""
    orders = learned(counts)
    ngrams = np.array(sorted(asked), dtype=np.uint64)

    by_order, _ = orders.probabilities(ngrams)

    for order in range(1, N + 1):
        expected = [by_the_book(counts, ngram, order) for ngram in sorted(asked)]
        assert by_order[order - 1] == pytest.approx(expected, rel=1e-12)


@PROPERTY
@given(windows)
def test_learned_ngrams_need_no_search(counts: dict[int, int]) -> None:
    """Their probability by row is the one that any n-gram gets, bit for bit."""
    orders = learned(counts)
    rows = np.arange(len(orders.ngrams))

    assert orders.known_probabilities(rows, orders.counts).tolist() == highest(orders, orders.ngrams).tolist()


@PROPERTY
@given(windows, st.lists(st.integers(0, 4), min_size=N - 1, max_size=N - 1), st.sampled_from([0, INJECTED]))
def test_the_probabilities_of_all_calls_add_up_to_one(
    counts: dict[int, int], context: list[int], lineage: int
) -> None:
    """After any context, learned or not and of any length, exactly one of the alphabet's calls comes next."""
    orders = learned(counts)
    following = np.array(
        [pack([*context, call]) | lineage for call in range(1, ALPHABET + 1)], dtype=np.uint64
    )

    assert orders.probabilities(following)[0].sum(axis=1) == pytest.approx(np.ones(N))


@PROPERTY
@given(st.lists(windows, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_learning_leaves_no_trace(parts: list[dict[int, int]], shuffle) -> None:
    """The same windows in any order give the same probabilities, bit for bit."""
    shuffled = list(parts)
    shuffle.shuffle(shuffled)
    one, other = learned(*parts), learned(*shuffled)

    asked = one.ngrams
    assert one.ngrams.tolist() == other.ngrams.tolist()
    assert one.counts.tolist() == other.counts.tolist()
    assert one.windows.tolist() == other.windows.tolist()
    assert highest(one, asked).tolist() == highest(other, asked).tolist()


@PROPERTY
@given(st.lists(windows, min_size=1, max_size=6))
def test_windows_learned_one_by_one_equal_their_sum(parts: list[dict[int, int]]) -> None:
    """A baseline can be rebuilt from its six-grams alone."""
    one, whole = learned(*parts), Orders()

    whole.learn(one.ngrams, one.counts, one.windows)

    assert one.distinct() == whole.distinct()
    assert one.windows.tolist() == [sum(ngram in part for part in parts) for ngram in one.ngrams.tolist()]
    assert highest(one, one.ngrams).tolist() == highest(whole, one.ngrams).tolist()


def test_lineages_share_nothing() -> None:
    """What the own lineage does all day says nothing about an injected one."""
    orders = learned({pack([1]): 100, pack([1, 2]): 100})

    own, injected = highest(orders, np.array([pack([1, 2]), pack([1, 2], injected=True)], dtype=np.uint64))

    assert own > 0.9
    assert injected == 1 / ALPHABET


def test_the_start_is_a_context_of_its_own() -> None:
    """A call that never begins a thread is surprising there, however common it is later."""
    orders = learned({pack([1]): 50, pack([1, 2]): 50, pack([1, 2, 2]): 50, pack([1, 2, 2, 2]): 50})

    first, later = highest(orders, np.array([pack([2]), pack([1, 2, 2])], dtype=np.uint64))

    assert first < 0.05
    assert later > 0.9


def test_one_step_off_a_path_is_not_paid_for_at_every_order() -> None:
    """A thousand times more calls on a path make leaving it a thousand times rarer, not 1000 ** 6 times."""
    path = [pack([1, 2, 3, 1, 2, 3]), pack([2, 3, 1, 2, 3, 1]), pack([3, 1, 2, 3, 1, 2])]
    off = np.array([pack([1, 2, 3, 1, 2, 9])], dtype=np.uint64)

    quiet = highest(learned(dict.fromkeys(path, 100)), off)[0]
    busy = highest(learned(dict.fromkeys(path, 100_000)), off)[0]

    assert quiet / busy == pytest.approx(1000, rel=0.02)


def test_the_longest_known_ending_is_found() -> None:
    """It is 6 for a learned n-gram and 0 where not even the last call was seen."""
    orders = learned({pack([1, 2, 3, 4, 5, 6]): 1})
    asked = [pack([1, 2, 3, 4, 5, 6]), pack([9, 9, 9, 4, 5, 6]), pack([1, 2, 3, 4, 5, 7])]

    assert orders.probabilities(np.array(asked, dtype=np.uint64))[1].tolist() == [6, 3, 0]
    assert Orders().probabilities(np.array([pack([1])], dtype=np.uint64))[1].tolist() == [0]


def test_a_suffix_keeps_its_lineage() -> None:
    """The newest calls of an injected n-gram are still injected."""
    whole = np.array([pack([1, 2, 3], injected=True)], dtype=np.uint64)

    assert suffix_keys(whole, 1).tolist() == [pack([3], injected=True)]
