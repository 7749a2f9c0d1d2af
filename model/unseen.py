"""How much of a workload's behaviour is still unseen, with an interval, and whether learning will end."""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.completeness import Completeness
from model.starts import StartsSeen
from model.window import Counts

Z: Final = 1.959963984540054
"""Normal quantile of a two-sided interval of 95 %."""
FAR: Final = 100
"""Learning does not converge if even its fastest course needs so many times what was learned."""
_LEAST_WINDOWS_TO_DESPAIR: Final = 256
_OCTAVES: Final = 3
_RARE: Final = 8
"""What one window in so many holds at most is rare."""
_UNTOLD: Final = 384
"""Windows that tell how long a spell lasts. Fewer count as fewer draws, one in four at the least."""
_LEAST_DRAWN: Final = 4
_NEAR: Final = 2
"""Blocks within which all windows of a lone n-gram lie: a spell may cross the edge of one."""


class CompletenessVerdict(StrEnum):
    """Whether learning has seen enough."""

    NOT_ENOUGH = "not_enough"
    """Too few windows to say anything."""
    CONVERGING = "converging"
    """New behaviour becomes rarer, or may; the target is not yet reached."""
    CONVERGED = "converged"
    """The unseen mass is at or below the target, with all of its interval."""
    DOES_NOT_CONVERGE = "does_not_converge"
    """New behaviour keeps coming: this workload cannot be learned completely."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unseen:
    """Share of future windows that hold an n-gram never learned, as far as the past can tell."""

    estimate: float
    """In [0, 1]; between `low` and `high`."""
    low: float
    high: float
    """Bounds of the 95 % interval."""
    target: float
    windows: int
    """Windows that the estimate rests on."""
    blocks: int
    block_windows: int
    """The sampling unit: so many consecutive windows."""
    verdict: CompletenessVerdict
    reason: str
    """A complete sentence."""
    starts: StartsSeen
    """The same of the starts of containers, with a start as the unit."""
    windows_to_target: tuple[int, int | None] | None
    """Fewest and most further windows until `high` reaches the target, for `converging` only; most, or
    all, is None where it may be more than a hundred times what was learned."""


def unseen(
    record: Completeness, held_by: Counts, *, target: float, min_windows: int, full: bool = False
) -> Unseen:
    """Estimate the unseen mass of a baseline.

    An n-gram is *lone* if all windows that held it are one spell or lie within two
    blocks. Had those not been learned, they would have brought something new; so
    the share of windows that hold a lone n-gram is the Good-Turing estimate [^1] with
    a neighbourhood left out [^2]. Only the later half of learning counts, since
    what came while a container started says nothing of a rate.

    The upper bound takes lone n-grams, the lower one those that a single window
    held: where windows depend on each other the first is right, where they do
    not the second. The variance is that of Good's estimate about the mass itself,
    f1 + 2 f2 in Poisson form [^3], times the dispersion between blocks, or the length
    of a usual spell. The upper bound is a score bound, which stays above 0 where
    nothing lone is left: a later half of m independent windows supports 3.84 / m.
    Where m is below 384 too little was seen to tell how long spells last, and the bound
    is that of m * m / 384 draws, or of m / 4 if those are more.

    Args:
        record: What was counted.
        held_by: Learned windows that held each of `record.ngrams`; 0 where it is no longer learned.
        target: Unseen mass at which a baseline is complete, above 0 and below 1.
        min_windows: Windows below which nothing is said.
        full: The baseline refuses new n-grams, so it cannot become complete.

    Returns:
        The estimate; from 0 to 1 where there are too few windows.

    References:
        [^1]: Good, I. J. "The population frequencies of species and the estimation
            of population parameters." Biometrika 40(3-4), 1953.
        [^2]: Burman, P., Chow, E. and Nolan, D. "A cross-validatory method for
            dependent data." Biometrika 81(2), 1994.
        [^3]: Esty, W. W. "A normal limit law for a nonparametric estimator of the
            coverage of a random sample." Annals of Statistics 11(3), 1983.
    """
    estimate, low, high = _interval(record, held_by) if record.windows >= min_windows else (1.0, 0.0, 1.0)
    high = 1.0 if full else high
    ahead = _windows_ahead(record, low, high, target) if record.windows >= min_windows else None
    verdict, reason = _judge(
        record, low=low, high=high, target=target, min_windows=min_windows, ahead=ahead, full=full
    )
    return Unseen(
        estimate=estimate,
        low=low,
        high=high,
        target=target,
        windows=record.windows,
        blocks=len(record.blocks),
        block_windows=record.block_windows,
        verdict=verdict,
        reason=reason,
        starts=record.starts.seen(),
        windows_to_target=_whole(ahead, record.windows)
        if verdict is CompletenessVerdict.CONVERGING
        else None,
    )


def _interval(record: Completeness, held_by: Counts) -> tuple[float, float, float]:
    start = record.windows // 2
    size = record.windows - start
    least_spread = _usual_spell(record, held_by)
    kept = (record.first >= start) & (held_by > 0)
    first, last, held_by = record.first[kept] - start, record.last[kept] - start, held_by[kept]
    once, twice = held_by == 1, held_by == 2
    near = (record.spells[kept] == 1) | (last - first < _NEAR * record.block_windows)

    single = _marked(last[once], last[once], size)
    # Which windows between the first and the last held it is not known, how many is.
    spell_end = np.minimum(first + held_by - 1, last)
    lone = single | _marked(first[near], spell_end[near], size) | _marked(last[near], last[near], size)
    pairs = int((_marked(first[twice], first[twice], size) | _marked(last[twice], last[twice], size)).sum())

    singles, lones = int(single.sum()), int(lone.sum())
    spread = _dispersion(single, record.block_windows)
    low = singles - _quantile(spread, record) * math.sqrt(spread * singles + pairs)
    spread = max(least_spread, _dispersion(lone, record.block_windows))
    quantile = _quantile(spread, record)
    spread = max(spread, min(_LEAST_DRAWN, _UNTOLD / size))
    slack = quantile**2 * spread / 2
    high = lones + slack + quantile * math.sqrt(spread * (lones + slack / 2) + pairs)
    return lones / size, max(0.0, low / size), min(1.0, high / size)


def _usual_spell(record: Completeness, held_by: Counts) -> float:
    """Return for how many windows in a row what is rare goes on, at least 1: so many count as one draw."""
    rare = (held_by > 0) & (held_by <= record.windows // _RARE)
    held = held_by[rare].astype(np.float64)
    return max(1.0, float((held**2 / record.spells[rare]).sum() / held.sum())) if len(held) else 1.0


def _quantile(spread: float, record: Completeness) -> float:
    """Return Student's quantile where the dispersion was estimated from few blocks, else the normal one."""
    if spread <= 1:
        return Z
    # The first terms of the expansion in 1 / degrees of freedom; 4 % off at three, less beyond.
    free = max(3, len(record.blocks) // 2 - 1)
    return Z + (Z**3 + Z) / (4 * free) + (5 * Z**5 + 16 * Z**3 + 3 * Z) / (96 * free**2)


def _marked(first: NDArray[np.int32], last: NDArray[np.int32], size: int) -> NDArray[np.bool_]:
    steps = np.zeros(size + 1, dtype=np.int64)
    np.add.at(steps, first, 1)
    np.add.at(steps, last + 1, -1)
    return np.asarray(np.cumsum(steps)[:size] > 0)


def _dispersion(marked: NDArray[np.bool_], block_windows: int) -> float:
    """Return variance over mean of the marks per block, at least 1 (independent windows)."""
    blocks = len(marked) // block_windows
    if blocks < 2:
        return 1.0
    return _variance_over_mean(marked[-blocks * block_windows :].reshape(blocks, -1).sum(axis=1))


def _variance_over_mean(counts: Counts) -> float:
    mean = float(counts.mean())
    return max(1.0, float(counts.var(ddof=1)) / mean) if mean else 1.0


def _windows_ahead(record: Completeness, low: float, high: float, target: float) -> tuple[float, float]:
    """Return the fewest and most further windows until the upper bound can reach the target.

    New behaviour is taken to become rarer as a power of the windows learned, the
    course of heavy-tailed richness (Heaps' law); its exponent is fitted to the last octaves.
    """
    slowest, fastest = _exponents(record)
    learned = record.windows
    # With nothing lone left the upper bound is Z**2 over the later half; the most leaves room for some.
    least = 2 * Z * Z / target
    fewest = max(least, learned * _times(low, target, fastest))
    most = max(4 * least, learned * _times(high, target / 2, slowest))
    return max(0.0, fewest - learned), max(0.0, most - learned)


def _times(mass: float, target: float, exponent: float) -> float:
    """Return by which factor learning must grow until the mass falls to the target."""
    # Windows saturate: each brings something new while the rate of new things already falls.
    ratio = -math.log1p(-min(mass, 0.999)) / -math.log1p(-target)
    if ratio <= 1:
        return 1.0
    if exponent <= 0 or math.log(ratio) / exponent > 600:
        return math.inf
    return math.exp(math.log(ratio) / exponent)


def _exponents(record: Completeness) -> tuple[float, float]:
    """Return the range of exponents that the last octaves of learning allow, slowest first."""
    blocks = record.blocks.astype(np.float64)
    sums: NDArray[np.float64] = np.concatenate((np.zeros((1, 3)), np.cumsum(blocks, axis=0)))
    edges = [record.windows / 2**octave for octave in range(_OCTAVES + 1)]
    at = np.array([[np.interp(edge, sums[:, 0], sums[:, each]) for each in (1, 2)] for edge in edges])
    size = -np.diff(edges)
    later = record.blocks[len(record.blocks) // 2 : -1]
    ranges = []
    for column in (0, 1):
        brought = -np.diff(at[:, column]) + 0.5
        if column == 0 and bool(np.any(brought > size - 1)):
            continue
        rate = -np.log1p(-brought / (size + 1)) if column == 0 else brought / size
        spread = _variance_over_mean(later[:, column + 1]) if len(later) > 1 else 1.0
        ranges.append(_slope(np.log2(rate), brought / spread))
    return min(each[0] for each in ranges), max(each[1] for each in ranges)


def _slope(values: NDArray[np.float64], weights: NDArray[np.float64]) -> tuple[float, float]:
    """Return the 95 % range of the slope over 0, 1, …, by weighted least squares of logarithms."""
    steps = np.arange(len(values))
    middle = float(np.average(steps, weights=weights))
    leverage = float((weights * (steps - middle) ** 2).sum())
    slope = float((weights * (steps - middle) * values).sum()) / leverage
    half = Z / math.log(2) / math.sqrt(leverage)
    return slope - half, slope + half


def _judge(
    record: Completeness,
    *,
    low: float,
    high: float,
    target: float,
    min_windows: int,
    ahead: tuple[float, float] | None,
    full: bool,
) -> tuple[CompletenessVerdict, str]:
    if ahead is None:
        text = f"{record.windows} windows were counted; an estimate needs at least {min_windows}."
        return CompletenessVerdict.NOT_ENOUGH, text
    if full:
        text = "The baseline holds as many n-grams as it may, so what is new stays new."
        return CompletenessVerdict.DOES_NOT_CONVERGE, text
    share = f"between {low:.2%} and {high:.2%} of future windows hold an n-gram never learned"
    if high <= target:
        return CompletenessVerdict.CONVERGED, f"With 95 % confidence {share}; the target is {target:.2%}."
    if record.windows >= _LEAST_WINDOWS_TO_DESPAIR and ahead[0] > FAR * record.windows:
        text = f"New n-grams keep coming: {share}, and the target of {target:.2%} is more than {FAR} times"
        return CompletenessVerdict.DOES_NOT_CONVERGE, f"{text} of what was learned away."
    return CompletenessVerdict.CONVERGING, f"With 95 % confidence {share}; the target is {target:.2%}."


def _whole(ahead: tuple[float, float] | None, learned: int) -> tuple[int, int | None] | None:
    if ahead is None or ahead[0] > FAR * learned:
        return None
    fewest, most = ahead
    return max(1, math.ceil(fewest)), math.ceil(most) if most <= FAR * learned else None
