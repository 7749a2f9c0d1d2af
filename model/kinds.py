"""Of which kind a strange window is: what is new in it, so that windows of one kind can be told to return."""

from typing import Final

import numpy as np

from model.orders import Orders
from model.window import Ngrams
from wire.ngram import INJECTED, TOKEN_BITS

LONGEST: Final = 2
"""Calls in the longest sequence that is looked at."""
NOTHING_NEW: Final = frozenset[int]()


def news(orders: Orders, ngrams: Ngrams) -> frozenset[int]:
    """Return the calls that are new, or else the pairs of calls.

    Where threads wait for each other, longer sequences never seen come with every window; new calls,
    or known ones that follow each other for the first time, come with a program that was not there before.

    Args:
        orders: What was learned.
        ngrams: Of a window.

    Returns:
        Packed as n-grams are, with the mark of an injected lineage; empty where nothing so short is new.

    Examples:
        >>> from wire.ngram import pack
        >>> orders = Orders()
        >>> orders.learn(np.array([pack([1]), pack([1, 2])], dtype=np.uint64), np.array([3, 3]))
        >>> news(orders, np.array([pack([1, 2, 7]), pack([2, 7, 8])], dtype=np.uint64)) == {7, 8}
        True
        >>> news(orders, np.array([pack([1, 2]), pack([1, 2, 1])], dtype=np.uint64)) == {pack([2, 1])}
        True
        >>> news(orders, orders.ngrams)
        frozenset()
    """
    if not len(ngrams):
        return NOTHING_NEW
    known = orders.probabilities(ngrams)[1] if len(orders.ngrams) else np.zeros(len(ngrams), dtype=np.int64)
    least = int(known.min())
    if least >= LONGEST:
        return NOTHING_NEW
    endings = ngrams[known == least]
    newest = np.uint64((1 << TOKEN_BITS * (least + 1)) - 1)
    return frozenset(((endings & newest) | (endings & np.uint64(INJECTED))).tolist())
