"""Whether p-values have ceased to be those of the remembered windows: drift, apart from any one anomaly."""

import math
from dataclasses import dataclass
from typing import Final

_POWER: Final = 0.5
_MEMORY: Final = 2.0
_LEAST_P: Final = 1e-3


@dataclass(frozen=True, slots=True)
class Drift:
    """Evidence in nats that low p-values come more often than they should.

    Each p-value is a bet that pays `0.5 / sqrt(p)`, one on average at most while
    windows are exchangeable with those remembered [^1]. The winnings are summed
    and begin anew whenever they fall below 0 (an e-detector of the CUSUM kind):
    `e ** limit` windows pass on average before a false report, whatever the
    scores are like [^2]. Windows that depend on each other shorten that.
    No window counts for less than p = 0.001: one anomaly is not drift.
    Twice the `limit` is the most that is held, so that an end is seen too.

    References:
        [^1]: Vovk, V., Gammerman, A. and Shafer, G. "Algorithmic learning in a
            random world." 2nd edition, Springer, 2022, part III.
        [^2]: Shin, J., Ramdas, A. and Rinaldo, A. "E-detectors: a nonparametric
            framework for sequential change detection." NEJSDS 2(2), 2024.
    """

    evidence: float = 0.0
    began: int | None = None
    """When the evidence last began to grow, in the caller's unit of time."""
    since: int | None = None
    """`began` of the drift reported; None where there is none."""

    def after(self, p_value: float, at: int, limit: float) -> "Drift":
        """Return what is known after one more window.

        Args:
            p_value: Of the window, above 0.
            at: When it began.
            limit: Evidence from which drift is reported.

        Examples:
            >>> drift = Drift()
            >>> for at in range(40):
            ...     drift = drift.after(0.05, at, limit=10.0)
            >>> drift.since
            0
            >>> for at in range(60):
            ...     drift = drift.after(0.6, at, limit=10.0)
            >>> drift.since is None
            True
        """
        gain = math.log(_POWER) + (_POWER - 1) * math.log(max(p_value, _LEAST_P))
        evidence = min(self.evidence + gain, _MEMORY * limit)
        if evidence <= 0:
            return Drift()
        began = at if self.began is None else self.began
        since = began if self.since is None and evidence >= limit else self.since
        return Drift(evidence=evidence, began=began, since=since)


def limit(windows_per_week: float) -> float:
    """Return the evidence to ask for at one false report in four weeks.

    Examples:
        >>> round(limit(60_480.0), 1)
        12.4
    """
    return math.log(4 * windows_per_week)
