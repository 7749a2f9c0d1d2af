"""Every setting of `nonself evaluate`, one dataclass for each kind of data."""

from dataclasses import dataclass

from api.errors import SettingError
from wire.settings import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class SequencesSettings:
    """Settings of `nonself evaluate sequences`."""

    seed: int = setting(1, "Seed of the random splits and intervals.")
    resplits: int = setting(5, "Random re-splits of the normal traces.")

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise SettingError("seed", "a whole number from 0", self.seed)
        if self.resplits < 1:
            raise SettingError("resplits", "at least 1", self.resplits)
