"""The healthy windows that a baseline remembers, and one p-value of all views for a new one beside them.

Each view ranks its bits among its own record. What a window has in its most
unusual view is then ranked once more, among what remembered windows had in
theirs: the least of several p-values is smaller than each, and by how much
depends on how the views hang together. That is measured here, not assumed.
"""

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.calibrate import Calibrator, remembered
from model.views import VIEWS

WIDTH: Final = len(VIEWS) + 1
"""Numbers remembered of a window: the bits of each view, then those of its least p-value."""
_SLACK: Final = 512
"""Forgotten rows that may stay in memory until they are cleared at once."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """How unusual a window is in each view, and in all together."""

    p_values: tuple[float | None, ...]
    """Of each view; None where too little is remembered of it."""
    decided: int | None
    """The view with the least of them, the first of equals; None where all are None."""
    least: float
    """The least of them, 1 without any."""
    p_value: float
    """What the least is worth: how often a healthy window has one as low."""

    def or_stranger(self, other: "Judgement") -> "Judgement":
        """Return this with the p-value, and the view that decided it, of the stranger of two judgements."""
        if other.decided is None or other.p_value >= self.p_value:
            return self
        return replace(self, decided=other.decided, p_value=other.p_value)


NOT_JUDGED: Final = Judgement((None,) * len(VIEWS), None, 1.0, 1.0)


class Record:
    """The scores of healthy windows in all views, newest last.

    A score was taken before its window was learned. Only the later half is
    remembered: while everything is new, scores are high, and they must not
    stand for a healthy workload for ever.

    A p-value of the least p-value `t` is its rank, and below the lowest
    remembered one falls in proportion. It is never below `t`, since one of the
    views alone is that rare, nor above `t` times the number of views (Boole).

    Args:
        jumps: Of each view, the scale of something entirely new, in bits.
        max_scores: Windows remembered at most; the oldest go first.
        least_scores: Remembered scores below which a view, or the least p-value, is not ranked.

    Examples:
        >>> record = Record([24.0] * 5, least_scores=2)
        >>> for bits in (1.0, 2.0, 3.0, 4.0, 5.0, 6.0):
        ...     record.learn((0.0, 0.0, 0.0, bits, 0.0), record.judge((0.0, 0.0, 0.0, bits, 0.0)).least)
        >>> len(record), VIEWS[record.judge((90.0, 0.0, 0.0, 5.0, 0.0)).decided].value
        (3, 'calls')
    """

    def __init__(self, jumps: Sequence[float], *, max_scores: int = 4096, least_scores: int = 15) -> None:
        self.max_scores = max_scores
        self.least_scores = least_scores
        self.seen = 0
        self.views = tuple(Calibrator(jump=jump) for jump in jumps)
        self.least = Calibrator(jump=None)
        self._columns = (*self.views, self.least)
        self._rows = array("d")
        self._forgotten = 0

    def __len__(self) -> int:
        """Return how many windows are remembered."""
        return len(self._rows) // WIDTH - self._forgotten

    @property
    def resolution(self) -> float:
        """Smallest p-value that ranks alone can give."""
        return 1 / (len(self) + 1)

    def rows(self) -> NDArray[np.float64]:
        """Return what is remembered, oldest first, shape (windows, `WIDTH`); NaN where it was not judged."""
        return np.array(self._rows, dtype=np.float64).reshape(-1, WIDTH)[self._forgotten :]

    def totals(self) -> list[float]:
        """Return the score of each remembered window, oldest first: its bits of all views."""
        return [math.fsum(bit for bit in row[:-1] if not math.isnan(bit)) for row in self.rows().tolist()]

    def judge(self, bits: Sequence[float], more: Sequence[float] | None = None) -> Judgement:
        """Return how unusual a window is.

        Args:
            bits: Of each view.
            more: For each view, how many usual windows this one holds beside the largest learned.
        """
        found: list[float | None] = []
        least, decided, judged = 1.0, None, 0
        for place, view in enumerate(self.views):
            if len(view) < self.least_scores:
                found.append(None)
                continue
            p_value = view.p_value(bits[place], more[place] if more else 0.0)
            judged += 1
            found.append(p_value)
            if decided is None or p_value < least:
                least, decided = p_value, place
        return Judgement(tuple(found), decided, least, self._combined(least, judged))

    def learn(self, bits: Sequence[float], least: float) -> None:
        """Remember a window that is held to be healthy: its bits in each view, and its least p-value."""
        self.seen += 1
        # Adding 0 makes of -0 a 0, so that equal records are equal bytes.
        self._remember((*bits, -math.log2(least) + 0.0))
        while len(self) > remembered(self.seen, self.max_scores):
            at = self._forgotten * WIDTH
            self._rank_no_more(self._rows[at : at + WIDTH])
            self._forgotten += 1
        if self._forgotten >= _SLACK:
            del self._rows[: self._forgotten * WIDTH]
            self._forgotten = 0

    def holds(self, score: float) -> bool:
        """Tell whether a window with this score is remembered."""
        return score in self.totals()

    def unlearn(self, score: float) -> None:
        """Forget the newest window with this score; one no longer remembered is counted out only."""
        self.seen -= 1
        totals = self.totals()
        if score in totals:
            at = WIDTH * (self._forgotten + len(totals) - 1 - totals[::-1].index(score))
            self._rank_no_more(self._rows[at : at + WIDTH])
            del self._rows[at : at + WIDTH]

    def restore(self, rows: NDArray[np.float64], seen: int) -> None:
        """Take up where another record stopped: its `rows` and `seen`; this one must be empty."""
        self.seen = seen
        self._rows = array("d", rows.ravel().tolist())
        for calibrator, column in zip(self._columns, rows.T, strict=True):
            calibrator.extend(column[~np.isnan(column)].tolist())

    def _combined(self, least: float, judged: int) -> float:
        most = min(1.0, judged * least)
        if len(self.least) < self.least_scores:
            return most
        return min(max(self.least.p_value(-math.log2(least)), least), most)

    def _remember(self, row: Sequence[float]) -> None:
        self._rows.extend(row)
        for calibrator, score in zip(self._columns, row, strict=True):
            if not math.isnan(score):
                calibrator.add(score)

    def _rank_no_more(self, row: Sequence[float]) -> None:
        for calibrator, score in zip(self._columns, row, strict=True):
            if not math.isnan(score):
                calibrator.remove(score)
