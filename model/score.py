"""What the learner says of one window: a score in bits, its p-value, the evidence for both, and the cause."""

import math
from dataclasses import dataclass
from enum import StrEnum

from model.phases import Phase
from model.views import VIEWS, View


class ReasonCode(StrEnum):
    """Why a score stands on insufficient evidence."""

    FEW_WINDOWS = "few_windows"
    """The baseline has learned too few windows of this phase to rank a score."""
    FEW_STARTS = "few_starts"
    """The window belongs to a container's start, and too few windows of starts were learned to rank it."""
    FEW_STOPS = "few_stops"
    """The window holds a container's end, and too few such windows were learned to rank all of it."""
    PARTIAL_WINDOW = "partial_window"
    """The sensor saw only a part of the window."""
    LOSS = "loss"
    """Too large a share of the window's calls was lost."""
    NO_CALLS = "no_calls"
    """The window holds no call."""
    START_UNSEEN = "start_unseen"
    """The container was seen from its start, and no learned one ever was."""
    UNSEEN_LINEAGE = "unseen_lineage"
    """The window holds calls of programs that an exec brought in, and the baseline learned none of such."""
    FULL = "full"
    """The baseline holds as many n-grams as it may; what came later was not learned."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason, for programs and for people."""

    code: ReasonCode
    text: str
    """A complete sentence."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Whether a score may be read as healthy; without evidence it never may."""

    reasons: tuple[Reason, ...] = ()

    @property
    def sufficient(self) -> bool:
        """Tell whether nothing speaks against the evidence."""
        return not self.reasons

    def has(self, *codes: ReasonCode) -> bool:
        """Tell whether any of the codes is among the reasons."""
        return any(reason.code in codes for reason in self.reasons)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """One n-gram's part of a score."""

    ngram: int
    names: tuple[str, ...]
    """Calls by name, oldest first; `^` (before the first call) is left out."""
    injected: bool
    """The calls were made by a lineage that an exec brought into the running container."""
    count: int
    """Calls in the window that ended this n-gram."""
    bits: float
    baseline_count: int
    """Calls learned that ended this n-gram; 0 where it is new."""
    baseline_rank: int | None
    """How many learned n-grams have more calls, plus one; None where it is new."""
    nearest: tuple[str, ...] | None
    """By name, the learned n-gram of the same lineage in which the fewest calls differ; itself where learned.

    Of several, the one that most windows held. None where all calls differ."""
    known_ending: int
    """How many of its newest calls were ever learned in this sequence, 0 to 6."""


@dataclass(frozen=True, slots=True)
class ViewScore:
    """How unusual a window is in one view."""

    view: View
    bits: float
    p_value: float | None
    """Among the remembered windows in this view alone; None where too little is remembered of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowScore:
    """How unusual one window is for its workload.

    An alert may be raised where `p_value` is given and at or below alpha. The
    window may be called healthy only where `evidence` is sufficient.
    """

    score: float
    """Bits of all views together, at least 0; the sum of `contributions` and `rest`."""
    p_value: float | None
    """In (0, 1], of all views together; None where the baseline or the window cannot support one."""
    resolution: float
    """Smallest p-value that ranks alone can give, 1 / (n + 1) for n remembered scores of the same phase."""
    extrapolated: bool
    """The p-value lies below the resolution and comes from the tail model."""
    evidence: Evidence
    novelty: float
    """Share of the window's calls in n-grams never learned, in [0, 1]."""
    calls: int
    contributions: tuple[Contribution, ...]
    """The largest, in descending order of bits."""
    rest: float
    """Bits of everything that `contributions` does not list."""
    phase: Phase = Phase.STEADY
    """Among whose windows it is ranked."""
    view: View | None = None
    """The view that decided the p-value; None where there is none."""
    views: tuple[ViewScore, ...] = ()
    """Every view; their bits add up to the score."""
    least_p: float = 1.0
    """The least p-value of a view, as it is remembered with a window that is learned."""


def row_of(score: WindowScore) -> list[float]:
    """Return the bits of each view, as a record remembers them.

    A score that is not the sum of its views is an earlier one, of sequences alone; other views are NaN.
    """
    bits = [each.bits for each in score.views]
    if bits and math.fsum(bits) == score.score:
        return bits
    return [score.score if view is View.SEQUENCES else math.nan for view in VIEWS]
