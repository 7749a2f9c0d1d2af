"""Which n-grams carried a score, in the words of the syscall table."""

import math
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.orders import Found, Orders, Rows
from model.score import Contribution
from model.summary import TopNgram
from model.surprise import News
from model.window import Window
from wire.ngram import INJECTED, TOKEN_BITS, N, is_injected, tokens
from wire.syscalls import START, TOKENS, load_table

_HIGH: Final = np.uint64(sum(1 << (place * TOKEN_BITS + TOKEN_BITS - 1) for place in range(N)))
"""The highest bit of each token."""
_LEAST_BITS: Final = np.finfo(np.float64).tiny
_LOW: Final = np.uint64(sum(((1 << (TOKEN_BITS - 1)) - 1) << (place * TOKEN_BITS) for place in range(N)))
"""All other bits of each token."""


def contributions(
    window: Window,
    bits: NDArray[np.float64],
    total: float,
    *,
    orders: Orders,
    found: Found,
    news: News | None,
    arch: str,
    top: int,
) -> tuple[tuple[Contribution, ...], float]:
    """Return the largest contributions, ties by n-gram, and the bits that remain of the total.

    Args:
        window: The window.
        bits: Of each of its n-grams.
        total: The window's score.
        orders: What was learned.
        found: What `Orders.find` says of the window's n-grams.
        news: What `BackoffSurprise.judge` says of those never learned.
        arch: Architecture of the calls.
        top: Contributions listed at most; each costs a look over all n-grams learned.
    """
    rows = _largest(bits, top)
    listed = tuple(
        Contribution(
            ngram=ngram,
            names=_names(arch, ngram),
            injected=is_injected(ngram),
            count=count,
            bits=part,
            baseline_count=learned,
            baseline_rank=_rank(learned, orders) if learned else None,
            nearest=_names(arch, ngram) if learned else _nearest(arch, ngram, orders),
            known_ending=_known_ending(row, news),
        )
        for row, ngram, count, part, learned in zip(
            rows.tolist(),
            window.ngrams[rows].tolist(),
            window.counts[rows].tolist(),
            bits[rows].tolist(),
            found.counts[rows].tolist(),
            strict=True,
        )
    )
    return listed, max(0.0, total - math.fsum(each.bits for each in listed))


def _known_ending(row: int, news: News | None) -> int:
    if news is None:
        return N
    place = int(np.searchsorted(news.rows, row))
    return int(news.endings[place]) if place < len(news.rows) and news.rows[place] == row else N


def _largest(bits: NDArray[np.float64], top: int) -> Rows:
    """Return the rows of the largest positive bits, ties by row."""
    if top < len(bits):
        candidates = np.flatnonzero(bits >= max(np.partition(bits, -top)[-top], _LEAST_BITS))
    else:
        candidates = np.flatnonzero(bits > 0)
    # The sort is stable and n-grams ascend, so ties stay in the order of the n-grams.
    return np.asarray(candidates[np.argsort(-bits[candidates], kind="stable")[:top]])


def most_frequent(orders: Orders, arch: str, top: int) -> tuple[TopNgram, ...]:
    """Return the n-grams learned most often, ties by n-gram."""
    total = int(orders.counts.sum())
    rows = np.lexsort((orders.ngrams, -orders.counts))[:top]
    return tuple(
        TopNgram(
            ngram=ngram,
            names=_names(arch, ngram),
            injected=is_injected(ngram),
            count=count,
            share=count / total,
            windows=int(orders.windows[row]),
        )
        for row in rows
        for ngram, count in ((int(orders.ngrams[row]), int(orders.counts[row])),)
    )


def calls_that_differ(ngrams: NDArray[np.uint64], ngram: int) -> NDArray[np.uint8]:
    """Return in how many of the six places each n-gram has another call.

    Examples:
        >>> from wire.ngram import pack
        >>> calls_that_differ(np.array([pack([1, 2, 3]), pack([2, 3])], dtype=np.uint64), pack([1, 2, 9]))
        array([1, 2], dtype=uint8)
    """
    differ = ngrams ^ np.uint64(ngram)
    # Adding all low bits carries into a token's high bit where any low bit is set, and no further.
    return np.asarray(np.bitwise_count((((differ & _LOW) + _LOW) | differ) & _HIGH))


def _nearest(arch: str, ngram: int, orders: Orders) -> tuple[str, ...] | None:
    split = int(np.searchsorted(orders.ngrams, np.uint64(INJECTED)))
    lineage = slice(split, None) if is_injected(ngram) else slice(None, split)
    same = orders.ngrams[lineage]
    if not len(same):
        return None
    differ = calls_that_differ(same, ngram)
    least = differ.min()
    if least == N:
        return None
    closest = np.flatnonzero(differ == least)
    # argmax takes the first of equals, and so the smallest n-gram.
    return _names(arch, int(same[closest[np.argmax(orders.windows[lineage][closest])]]))


def _rank(count: int, orders: Orders) -> int:
    return 1 + int(np.count_nonzero(orders.counts > count))


@lru_cache(maxsize=1 << 14)
def _names(arch: str, ngram: int) -> tuple[str, ...]:
    calls = _calls(arch)
    return tuple([calls[token] for token in tokens(ngram) if token != START])


@lru_cache(maxsize=8)
def _calls(arch: str) -> tuple[str, ...]:
    """Return the name of every token."""
    return tuple(map(load_table(arch).name, range(TOKENS)))
