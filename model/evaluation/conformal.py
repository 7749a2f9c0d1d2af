"""P-values of traces from scores that were held back, with a tail model beyond the ranks."""

import numpy as np

from model.evaluation.metrics import Scores

_TAIL_SHARE = 0.1
_LEAST_PEAKS = 20


def p_values(held_back: Scores, scores: Scores) -> Scores:
    """Return how often a normal trace scores at least this high, above 0 and at most 1.

    In the body it is the rank among the held-back scores, the new one included
    [^1]. Above their highest tenth the excesses are taken as generalised Pareto,
    fitted by probability-weighted moments [^2], so that rates below one in the
    number of held-back scores can be asked for.

    Args:
        held_back: Scores of normal traces, each by a detector that did not learn it.
        scores: Scores to be judged.

    Examples:
        >>> held_back = np.arange(99.0)
        >>> p_values(held_back, np.array([-1.0, 49.0])).tolist()
        [1.0, 0.51]

    References:
        [^1]: Vovk, V. "Cross-conformal predictors." Annals of Mathematics and
            Artificial Intelligence 74, 2015.
        [^2]: Hosking, J. R. M. and Wallis, J. R. "Parameter and quantile estimation for the
            generalized Pareto distribution." Technometrics 29(3), 1987.
    """
    ordered = np.sort(held_back)
    count = len(ordered)
    ranks = (count - np.searchsorted(ordered, scores, side="left") + 1) / (count + 1)
    peaks = int(_TAIL_SHARE * count)
    if peaks < _LEAST_PEAKS:
        return np.asarray(ranks)
    threshold = (ordered[-peaks - 1] + ordered[-peaks]) / 2
    excess = ordered[-peaks:] - threshold
    shape, scale = _pareto(excess)
    beyond = np.maximum(scores - threshold, 0.0)
    with np.errstate(divide="ignore"):
        tail = (
            np.exp(-beyond / scale)
            if abs(shape) < 1e-9
            else np.maximum(1 + shape * beyond / scale, 0.0) ** (-1 / shape)
        )
    least = np.finfo(np.float64).tiny
    return np.where(scores > threshold, np.maximum(tail * peaks / count, least), ranks)


def realised(held_back: Scores, normal: Scores, asked: float) -> float:
    """Return the share of normal traces whose p-value is at most the asked rate."""
    return float((p_values(held_back, normal) <= asked).mean())


def _pareto(excess: Scores) -> tuple[float, float]:
    ascending = np.sort(excess)
    count = len(ascending)
    mean = float(ascending.mean())
    weighted = float((ascending * (count - np.arange(count) - 0.65) / count).mean())
    if mean <= 0 or mean <= 2 * weighted:
        return 0.0, max(mean, np.finfo(np.float64).tiny)
    # Hosking and Wallis write the shape with the opposite sign.
    shape = -(mean / (mean - 2 * weighted) - 2)
    return shape, 2 * mean * weighted / (mean - 2 * weighted)
