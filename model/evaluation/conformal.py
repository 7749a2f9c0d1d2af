"""P-values of traces from scores that were held back, with the product's tail beyond the ranks."""

from typing import Final

import numpy as np

from model.evaluation.metrics import Scores
from model.tail import Tail

_NO_JUMP: Final = 1e-9
"""Scores of traces have no unit of bits, so no scale of a novelty is known beforehand."""


def p_values(held_back: Scores, scores: Scores) -> Scores:
    """Return how often a normal trace scores at least this high, from 0 to 1.

    That of the k-th highest of n held-back scores is k / (n + 1) [^1], linear
    between two of them, so that a rate between two ranks is not rounded down.
    Beyond the highest it is that of `model.tail`, so that rates below one in n
    can be asked for.

    Args:
        held_back: Scores of normal traces, each by a detector that did not learn it; at least one.
        scores: Scores to be judged.

    Examples:
        >>> held_back = np.arange(99.0)
        >>> p_values(held_back, np.array([-1.0, 49.0])).tolist()
        [1.0, 0.5]
        >>> bool(p_values(held_back, np.array([150.0]))[0] < 1e-4)
        True

    References:
        [^1]: Vovk, V. "Cross-conformal predictors." Annals of Mathematics and
            Artificial Intelligence 74, 2015.
    """
    ordered = np.sort(held_back)
    values, below = np.unique(ordered, return_index=True)
    found = np.interp(scores, values, (len(ordered) - below) / (len(ordered) + 1), left=1.0)
    tail = Tail.fit(ordered.tolist(), _NO_JUMP)
    for row in np.flatnonzero(scores > ordered[-1]):
        found[row] = tail.survival(float(scores[row])) / (len(ordered) + 1)
    return np.asarray(found)
