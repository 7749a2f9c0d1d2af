"""What a baseline tells of itself to the people who must decide whether to trust it."""

from dataclasses import dataclass

from model.calibrate import Calibrator
from model.phases import Phase, Records
from model.score import Evidence
from model.unseen import Unseen
from model.views import VIEWS, View


@dataclass(frozen=True, slots=True, kw_only=True)
class TopNgram:
    """One of the most frequent n-grams."""

    ngram: int
    names: tuple[str, ...]
    injected: bool
    count: int
    share: float
    """Of all learned calls, in [0, 1]."""
    windows: int
    """Learned windows that held it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageSummary:
    """How much was learned of the container's own processes, or of injected ones."""

    calls: int
    distinct_ngrams: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewSummary:
    """What is remembered of one view."""

    view: View
    scores: int
    """Windows of which it is remembered."""
    highest: float
    """Bits of the highest, 0 without any."""
    tail_scale: float
    """Bits above the highest over which this view's p-value falls about e times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationSummary:
    """The remembered healthy scores."""

    scores: int
    """Of steady windows, as all below."""
    start_scores: int
    """Of windows that belong to starts."""
    stop_scores: int
    """Of windows that hold a container's end."""
    stops: int
    """Such windows learned."""
    resolution: float
    quantiles: tuple[tuple[float, float], ...]
    """Pairs of level and score in bits, all views together; empty where nothing is remembered."""
    tail_scale: float
    """That of the view `sequences`."""
    views: tuple[ViewSummary, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineSummary:
    """A baseline at one moment."""

    arch: str
    windows_learned: int
    windows_from_start: int
    """Learned windows of containers that were seen from their start; 0 makes the baseline partial."""
    calls_learned: int
    distinct_ngrams: int
    distinct_by_order: tuple[int, ...]
    """Distinct sequences of 1, 2, … 6 calls."""
    full: bool
    """The cap on distinct n-grams is reached; `refused_calls` were not learned."""
    refused_calls: int
    own: LineageSummary
    injected: LineageSummary
    evidence: Evidence
    calibration: CalibrationSummary
    top: tuple[TopNgram, ...]
    unseen: Unseen


def calibration_of(records: Records) -> CalibrationSummary:
    """Return what is remembered of healthy windows."""
    steady = records[Phase.STEADY]
    return CalibrationSummary(
        scores=len(steady),
        start_scores=len(records[Phase.START]),
        stop_scores=len(records[Phase.STOP]),
        stops=records[Phase.STOP].seen,
        resolution=steady.resolution,
        quantiles=Calibrator(steady.totals()).quantiles(),
        tail_scale=steady.views[VIEWS.index(View.SEQUENCES)].tail_scale,
        views=tuple(
            ViewSummary(
                view=view,
                scores=len(calibrator),
                highest=calibrator.highest,
                tail_scale=calibrator.tail_scale,
            )
            for view, calibrator in zip(VIEWS, steady.views, strict=True)
        ),
    )
