"""What REST says of how much of a workload's behaviour is still unseen."""

import math
from dataclasses import asdict
from typing import Annotated

from pydantic import BaseModel, Field

from model.budget import WEEK_S
from model.unseen import CompletenessVerdict, Unseen


class AheadOut(BaseModel):
    """How far the target may be; `most` is null where a hundred times of what was learned may not do."""

    fewest: int
    most: int | None


class StartsOut(BaseModel):
    """How much start-up behaviour is still unseen, with the start of a container as the unit."""

    learned: Annotated[int, Field(description="Starts learned: the first three windows of a container.")]
    judged: Annotated[int, Field(description="The later half of them, at most 64.")]
    novel: Annotated[int, Field(description="Judged starts that brought an n-gram never learned before.")]
    high: Annotated[float, Field(description="Upper bound of the share of future starts that will.")]


class CompletenessOut(BaseModel):
    """Unseen mass: the share of future windows that hold an n-gram never learned."""

    seen_from_start: Annotated[bool, Field(description="Learning saw the start of at least one container.")]
    verdict: Annotated[CompletenessVerdict, Field(description="`converged`: `high` is at or below `target`.")]
    reason: str
    unseen: Annotated[float, Field(description="Estimate, 0 to 1.")]
    low: Annotated[float, Field(description="Lower bound of the 95 % interval.")]
    high: Annotated[float, Field(description="Upper bound of the 95 % interval.")]
    target: float
    starts: StartsOut
    windows: Annotated[int, Field(description="Learned windows that the estimate rests on.")]
    blocks: Annotated[int, Field(description="Blocks of consecutive windows, the unit of sampling.")]
    block_windows: int
    windows_to_target: Annotated[
        AheadOut | None,
        Field(description="Further windows, while `converging`; null where no end is in sight."),
    ]
    seconds_to_target: Annotated[
        AheadOut | None, Field(description="The same, while windows come as they have come so far.")
    ]

    @classmethod
    def of(cls, unseen: Unseen, *, windows_from_start: int, windows_per_week: float) -> "CompletenessOut":
        """Return what is shown of an estimate."""
        ahead = unseen.windows_to_target
        return cls(
            seen_from_start=windows_from_start > 0,
            verdict=unseen.verdict,
            reason=unseen.reason,
            unseen=unseen.estimate,
            low=unseen.low,
            high=unseen.high,
            target=unseen.target,
            starts=StartsOut.model_validate(asdict(unseen.starts)),
            windows=unseen.windows,
            blocks=unseen.blocks,
            block_windows=unseen.block_windows,
            windows_to_target=_ahead(ahead, 1),
            seconds_to_target=_ahead(ahead, WEEK_S / windows_per_week),
        )


def _ahead(windows: tuple[int, int | None] | None, each: float) -> AheadOut | None:
    if windows is None:
        return None
    fewest, most = windows
    return AheadOut(fewest=math.ceil(fewest * each), most=None if most is None else math.ceil(most * each))
