"""Whether p-values have ceased to be those of the remembered windows: drift, apart from any one anomaly."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

POWERS: Final = ((0.1, 15), (0.3, 100), (0.5, 400), (0.7, 800), (0.85, 2200))
"""Each power with the remembered scores from which on it bets.

A record is itself a draw: the rank of a score is off by about `1 / sqrt(n)` for as long as
the baseline is frozen, and a bet on finer differences would win from that (ADR 0035).
"""
PARTS: Final = 2
"""Detectors that share the promise of one false report: all windows of a workload, and its replicas."""
_MEMORY: Final = 2.0
TRUSTED: Final = 1 / 16
"""Part of the resolution down to which the tail model is bet on, as promises rest on it (`model.budget`)."""
_QUIET_POWER: Final = 0.7
_QUIET: Final = 10.0
"""Nats of evidence for ordinary windows that end a report: about 145 of them."""


@dataclass(frozen=True, slots=True)
class Bet:
    """What one power has won in nats, at least 0, and since when."""

    won: float = 0.0
    began: int | None = None


@dataclass(frozen=True, slots=True)
class Drift:
    """Evidence in nats that low p-values come more often than they should.

    Each p-value is a bet that pays `k * p ** (k - 1)` for a power k, one on average
    at most while windows are exchangeable with those remembered [^1]. The winnings
    of each power are summed and begin anew whenever they fall below 0; the mean over
    the powers is an e-detector like each of them: `e ** limit` windows pass on average
    before a false report, whatever the scores are like [^2]. Small powers win from few
    very low p-values, large ones from many that are a little too low. Windows that
    depend on each other shorten the time between false reports.

    No window wins more than half of the limit: one anomaly is not drift. A report
    ends when as much speaks for ordinary windows; all bets then begin anew.

    References:
        [^1]: Vovk, V., Gammerman, A. and Shafer, G. "Algorithmic learning in a
            random world." 2nd edition, Springer, 2022, part III.
        [^2]: Shin, J., Ramdas, A. and Rinaldo, A. "E-detectors: a nonparametric
            framework for sequential change detection." NEJSDS 2(2), 2024.
    """

    bets: tuple[Bet, ...] = (Bet(),) * len(POWERS)
    since: int | None = None
    """When the evidence of the drift reported began to grow; None where there is none."""
    quiet: float = 0.0
    """Nats that speak for ordinary windows, since the report."""

    @property
    def evidence(self) -> float:
        """Nats, at least 0."""
        return math.log(math.fsum(math.exp(bet.won) for bet in self.bets) / len(self.bets))

    @property
    def began(self) -> int | None:
        """When the bet that has won most began to win, in the caller's unit of time."""
        return max(self.bets, key=lambda bet: bet.won).began

    def after(self, p_value: float, at: int, *, limit: float, resolution: float) -> "Drift":
        """Return what is known after one more window.

        Args:
            p_value: Of the window, above 0.
            at: When it began.
            limit: Evidence from which drift is reported.
            resolution: Of the record that ranked it, `1 / (n + 1)`.

        Examples:
            >>> drift = Drift()
            >>> for at in range(40):
            ...     drift = drift.after(0.05, at, limit=10.0, resolution=0.001)
            >>> drift.since
            0
            >>> for at in range(200):
            ...     drift = drift.after(0.6, at, limit=10.0, resolution=0.001)
            >>> drift.since is None
            True
        """
        log_p = math.log(max(p_value, TRUSTED * resolution))
        remembered = 1 / resolution - 1
        # A mean over the powers costs log(5); with that, two windows still suffice.
        most = (limit + math.log(len(POWERS))) / 2
        bets = []
        for (power, least), bet in zip(POWERS, self.bets, strict=True):
            gain = min(_log_bet(power, log_p), most) if remembered >= least else 0.0
            won = min(bet.won + gain, _MEMORY * limit)
            bets.append(Bet(won, at if bet.began is None else bet.began) if won > 0 else Bet())
        drift = Drift(tuple(bets), self.since)
        if self.since is None:
            return Drift(drift.bets, drift.began) if drift.evidence >= limit else drift
        quiet = max(0.0, self.quiet - _log_bet(_QUIET_POWER, log_p))
        return Drift() if quiet >= _QUIET else Drift(drift.bets, self.since, quiet)

    def to_plain(self) -> list[Any]:
        """Return the state as JSON knows it."""
        return [[[bet.won, bet.began] for bet in self.bets], self.since, self.quiet]

    @classmethod
    def from_plain(cls, plain: Sequence[Any] | None) -> Self:
        """Return what `to_plain` was asked of; a new state where there is none, or one of other powers."""
        if not plain or len(plain[0]) != len(POWERS):
            return cls()
        bets, since, quiet = plain
        return cls(tuple(Bet(won, began) for won, began in bets), since, quiet)


def limit(windows_per_week: float) -> float:
    """Return the evidence to ask for at one false report in four weeks, of all detectors of a workload.

    Examples:
        >>> round(limit(60_480.0), 1)
        13.1
    """
    return math.log(4 * PARTS * windows_per_week)


def _log_bet(power: float, log_p: float) -> float:
    return math.log(power) + (power - 1) * log_p
