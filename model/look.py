"""What a window looks like beside what was learned: the bits of each n-gram, and of each view."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.mix import MixShift
from model.orders import Found
from model.surprise import BackoffSurprise, News
from model.window import Window


@dataclass(frozen=True, slots=True)
class Seen:
    """What a window looks like to a baseline."""

    bits: NDArray[np.float64]
    """Of each n-gram, from all views."""
    views: tuple[float, ...]
    """Bits of each view."""
    known_calls: int
    news: News | None


def look(
    surprise: BackoffSurprise,
    mix: MixShift,
    window: Window,
    found: Found,
    unvouched: NDArray[np.bool_] | None = None,
) -> Seen:
    """Return what a window looks like.

    Args:
        surprise: What was learned of sequences.
        mix: What was learned of the shares of calls.
        window: The window.
        found: Its n-grams as they were looked up in `surprise`.
        unvouched: N-grams that count for no less than what no window held; None: none.
    """
    judged = surprise.judge(window.ngrams, window.counts, found)
    shares, absent = mix.bits(window.ngrams, window.counts)
    sequences = judged.bits
    if unvouched is not None:
        new = np.maximum(sequences, surprise.novel_bits(window.counts))
        sequences = np.where(unvouched, new, sequences)
    bits = sequences + shares
    short = (0.0, 0.0, 0.0)
    if judged.news is not None:
        bits += judged.news.short.sum(axis=0)
        short = tuple(judged.news.short.sum(axis=1).tolist())
    views = (*short, float(sequences.sum()), float(shares.sum()) + absent)
    return Seen(bits, views, judged.known_calls, judged.news)
