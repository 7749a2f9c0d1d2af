"""Settings of the learner; docs/detection.md says on what data the defaults were chosen."""

from dataclasses import dataclass

from wire.settings import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineSettings:
    """How a baseline learns and when it speaks."""

    min_windows: int = setting(30, "learned windows below which no p-value is given")
    max_loss: float = setting(0.01, "share of lost calls above which a window is not evidence, 0 to 1")
    max_ngrams: int = setting(200_000, "distinct n-grams one baseline may hold")
    max_scores: int = setting(4096, "healthy scores of steady windows remembered for calibration")
    max_start_scores: int = setting(512, "the same of windows that belong to starts of containers")
    max_stop_scores: int = setting(512, "the same of windows that hold the end of a container")
    tail_scale_bits: float = setting(
        24.0, "smallest scale of the tail beyond the highest healthy score, in bits"
    )
    mix_scale_bits: float = setting(
        0.25, "smallest scale of the tail of the mix: about that of one call in sixteen being another"
    )
    unseen_target: float = setting(
        0.01, "share of future windows with anything never learned at which a baseline is complete, 0 to 1"
    )
    mix_bits: float = setting(8.0, "most that a changed mix of calls can add to a score, in bits")
    top: int = setting(20, "n-grams listed with a score that is an anomaly")
    top_of_normal: int = setting(5, "n-grams listed with any other score")
