"""Every setting of `nonself evaluate`, one dataclass for each kind of data."""

import math
from dataclasses import dataclass

from api.errors import SettingError
from wire.settings import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class SequencesSettings:
    """Settings of `nonself evaluate sequences`."""

    seed: int = setting(1, "Seed of the random splits and intervals.")
    resplits: int = setting(5, "Random re-splits of the normal traces.")
    calibration_resplits: int = setting(
        30, "Re-splits over which asked and realised rates of nonself are compared: of a few, chance decides."
    )
    comparators: str = setting(
        "usual", "Detectors to compare with: usual, or all, which adds three of river and takes far longer."
    )

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise SettingError("seed", "a whole number from 0", self.seed)
        for name in ("resplits", "calibration_resplits"):
            if getattr(self, name) < 1:
                raise SettingError(name, "at least 1", getattr(self, name))
        if self.comparators not in {"usual", "all"}:
            raise SettingError("comparators", "usual or all", self.comparators)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShilSettings:
    """Settings of `nonself evaluate shil`."""

    rate: float = setting(
        0.005, "Share of healthy vectors that may alarm, 0 to 1, of containers that were learned."
    )
    others_rate: float = setting(0.015, "The same where only other replicas were learned.")

    def __post_init__(self) -> None:
        for name in ("rate", "others_rate"):
            if not 0 < getattr(self, name) < 1:
                raise SettingError(name, "a share between 0 and 1", getattr(self, name))


@dataclass(frozen=True, slots=True, kw_only=True)
class SokSettings:
    """Settings of `nonself evaluate sok`."""

    window_s: float = setting(2.0, "Seconds in one window.")
    learn_s: float = setting(200.0, "Seconds from the start of each stream that are learned.")

    def __post_init__(self) -> None:
        for name in ("window_s", "learn_s"):
            if getattr(self, name) <= 0:
                raise SettingError(name, "more than 0", getattr(self, name))


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingSettings:
    """Settings of `nonself evaluate recording`."""

    events: str = setting(
        "", "File of events, one JSON object a line; empty looks for events.jsonl beside each recording."
    )
    window_s: int = setting(10, "Seconds in one window: a whole multiple of those of the recordings.")
    learn_share: float = setting(
        0.5, "Share of the first recording, by time, that is learned; all else is judged, above 0 to 1."
    )
    budget_per_week: str = setting(
        "7,1", "Budgets to judge by, as of the service: false alerts per workload and week, with commas."
    )

    def __post_init__(self) -> None:
        if self.window_s < 1:
            raise SettingError("window_s", "a whole number from 1", self.window_s)
        if not 0 < self.learn_share <= 1:
            raise SettingError("learn_share", "a share above 0, at most 1", self.learn_share)
        if not self.budgets:
            raise SettingError("budget_per_week", "numbers above 0, with commas", self.budget_per_week)

    @property
    def budgets(self) -> tuple[float, ...]:
        """The budgets in order; none where one is no number above 0."""
        try:
            asked = tuple(float(each) for each in self.budget_per_week.split(","))
        except ValueError:
            return ()
        return asked if all(0 < each < math.inf for each in asked) else ()
