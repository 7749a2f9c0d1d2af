"""What REST says of a what-if."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from api.moments import Moment
from api.scores.schemas import ContributionOut


class WhatIfIn(BaseModel):
    """Which budget to try, on which time."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"budget_per_week": 1, "since": "2026-11-11T00:00:00Z"}]},
    )

    budget_per_week: Annotated[
        float | None,
        Field(gt=0, le=1e9, allow_inf_nan=False, description="Null or absent: the workload's own."),
    ] = None
    since: Annotated[
        Moment | None, Field(description="Windows that begin from this time on; absent: 14 days ago.")
    ] = None
    until: Annotated[Moment | None, Field(description="Only windows that begin before; absent: now.")] = None


class Approximation(StrEnum):
    """In which way an answer may differ from what would have happened."""

    LEARNING_DIFFERS = "learning_differs"
    """A learning baseline would have learned other windows, so that later p-values would differ."""
    AS_IF_ENFORCED = "as_if_enforced"
    """Windows of mode `learning`, in which a baseline learns and nothing is raised."""
    SUPPRESSIONS = "suppressions"
    """Windows that were no findings at the time, so that no suppression was asked about them."""
    RATE_OF_TODAY = "rate_of_today"
    """Windows of an earlier release, judged by the rate of windows that the workload has today."""
    BEGAN_BEFORE = "began_before"
    """The first alert goes on from before the range."""
    NOT_KEPT = "not_kept"
    """The range begins before the oldest window that is kept."""


class ApproximationOut(BaseModel):
    """One such way."""

    code: Approximation
    text: Annotated[str, Field(description="A sentence for people.")]
    windows: Annotated[int | None, Field(description="That it concerns, where they can be counted.")]
    since: Annotated[datetime | None, Field(description="The answer is exact before this time.")]


class WouldBeOut(BaseModel):
    """One alert that there would have been."""

    start: datetime
    end: datetime
    findings: Annotated[int, Field(description="Windows in it.")]
    p_value: Annotated[float, Field(description="Smallest of its windows.")]
    score: Annotated[float, Field(description="Largest of its windows, in bits.")]
    containers: Annotated[list[str], Field(description="Their pods or names.")]
    scores: Annotated[list[int], Field(description="Ids of its first 100 windows.")]
    raised: Annotated[bool, Field(description="At least one of its windows was a finding at the time.")]
    contributions: Annotated[
        list[ContributionOut], Field(description="Largest n-grams of the window with the smallest p-value.")
    ]


class TotalsOut(BaseModel):
    """How many alerts and findings."""

    alerts: int
    findings: int


class WhatIfOut(BaseModel):
    """What a budget would have raised."""

    workload_id: int
    since: datetime
    until: datetime
    first_window: Annotated[datetime | None, Field(description="Start of the earliest one in the range.")]
    windows: int
    ranked: Annotated[int, Field(description="Windows with a p-value; only these can be findings.")]
    weeks: Annotated[float, Field(description="Ranked windows by those that the workload yields in a week.")]
    budget_per_week: float
    finest_per_week: Annotated[float, Field(description="Finest budget that can be promised today.")]
    would_be: TotalsOut
    as_it_was: Annotated[TotalsOut, Field(description="With the thresholds of the time, grouped the same.")]
    per_week: Annotated[float | None, Field(description="Alerts a week; null before the first p-value.")]
    low: Annotated[float | None, Field(description="Lower end of its exact 95 % interval.")]
    high: Annotated[float | None, Field(description="Upper end.")]
    alerts: Annotated[list[WouldBeOut], Field(description="The first 1000, in the order of opening.")]
    exact: Annotated[bool, Field(description="It is what would have happened: nothing is approximated.")]
    approximations: list[ApproximationOut]
