"""Which n-grams carried a score, in the words of the syscall table."""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from model.orders import Orders
from model.score import Contribution
from model.summary import TopNgram
from model.window import Window
from wire.ngram import N, is_injected, names, tokens
from wire.syscalls import START, load_table


def contributions(
    window: Window, bits: NDArray[np.float64], total: float, *, orders: Orders, arch: str, top: int
) -> tuple[tuple[Contribution, ...], float]:
    """Return the largest contributions, ties by n-gram, and the bits that remain of the total."""
    first = np.lexsort((window.ngrams, -bits))[:top]
    rows = first[bits[first] > 0]
    learned = orders.learned(window.ngrams[rows])[0]
    listed = tuple(
        Contribution(
            ngram=ngram,
            names=_names(arch, ngram),
            injected=is_injected(ngram),
            count=int(window.counts[row]),
            bits=float(bits[row]),
            baseline_count=int(count),
            nearest=_names(arch, ngram) if count else _nearest(arch, ngram, orders),
        )
        for row, count in zip(rows, learned, strict=True)
        for ngram in (int(window.ngrams[row]),)
    )
    return listed, max(0.0, total - math.fsum(each.bits for each in listed))


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


def _nearest(arch: str, ngram: int, orders: Orders) -> tuple[str, ...] | None:
    length = orders.longest_known(ngram)
    ending = tokens(ngram)[N - length :]
    table = load_table(arch)
    return tuple(table.name(token) for token in ending if token != START) if length else None


@lru_cache(maxsize=1 << 14)
def _names(arch: str, ngram: int) -> tuple[str, ...]:
    return tuple(names(ngram, load_table(arch)))
