"""What a promotion report says."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, Field

from api.baselines.schemas import VersionOut
from api.workloads.completeness import CompletenessOut
from api.workloads.schemas import RealisedOut

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class Outcome(StrEnum):
    """What became of one check of a report, or of all."""

    PASS = "pass"  # noqa: S105 - no password
    WARN = "warn"
    """A person should know; it does not fail the gate."""
    FAIL = "fail"


class CheckOut(BaseModel):
    """One thing that a report looks at."""

    name: str
    outcome: Outcome
    text: Annotated[str, Field(description="Complete sentences.")]


class PromiseOut(BaseModel):
    """What the record of healthy scores says of false alerts a week."""

    asked_per_week: Annotated[float, Field(description="The budget.")]
    promised_per_week: Annotated[float, Field(description="The coarser of the budget and what is supported.")]
    low: Annotated[float, Field(description="95 % interval of the rate, whatever the tail of the scores is.")]
    high: float


class LossesOut(BaseModel):
    """Calls that are missing."""

    learned_calls: Annotated[int, Field(description="In learned windows.")]
    learned_lost: Annotated[int, Field(description="Lost in learned windows.")]
    newest_windows: Annotated[int | None, Field(description="Windows looked at; null for one at rest.")]
    newest_calls: Annotated[int | None, Field(description="In these, learned or not.")]
    newest_lost: int | None


class LearnedPhase(StrEnum):
    """A part of a container's life."""

    START = "start"
    """Its first three windows."""
    STEADY = "steady"
    STOP = "stop"
    """The window in which its last process ended."""
    EXEC = "exec"
    """While processes that an exec brought in run."""


class PhasesOut(BaseModel):
    """What of a container's life was learned."""

    seen: list[LearnedPhase]
    not_seen: Annotated[
        list[LearnedPhase], Field(description="What comes of these is new, and may be raised.")
    ]
    starts_learned: Annotated[int, Field(description="Starts of containers.")]
    stops_learned: Annotated[
        int, Field(description="Ends of containers, each a window; of agents that do not tell them, none.")
    ] = 0
    windows_from_start: Annotated[int, Field(description="Windows of containers seen from their start.")]
    own_calls: int
    exec_calls: Annotated[int, Field(description="Calls of processes that an exec brought in.")]


class CalendarOut(BaseModel):
    """When learned windows were, in UTC."""

    known_windows: Annotated[int, Field(description="Learned windows of which the time is known.")]
    first_day: date | None
    last_day: date | None
    days_learned: int
    hours_seen: Annotated[list[int], Field(description="Hours of the day, 0 to 23.")]
    hours_not_seen: list[int]
    weekdays_seen: list[str]
    weekdays_not_seen: list[str]
    hours_of_week: Annotated[
        list[int], Field(description="Learned windows in each of 168 hours, from Monday 00:00.")
    ]
    daily_cycle: Annotated[bool, Field(description="Every hour of the day was learned.")]
    weekly_cycle: Annotated[bool, Field(description="Every day of the week, over at least seven days.")]
    text: str


class RhythmOut(BaseModel):
    """Strange windows that come at one time of the day, or of one day of the week."""

    at: Annotated[str, Field(description="About when it begins, as HH:MM in UTC.")]
    weekday: Annotated[str | None, Field(description="Null where it comes on any day.")]
    days_seen: Annotated[int, Field(description="Days on which it came.")]
    days_watched: Annotated[int, Field(description="Days, or such weekdays, watched since it first came.")]
    windows: int
    quarantined: Annotated[int, Field(description="Of these, those that wait for a person; 0: it is known.")]
    text: str


class ReplicasOut(BaseModel):
    """Who taught it."""

    learned_from: Annotated[int, Field(description="Replicas with a learned window.")]
    at_once: Annotated[float | None, Field(description="That report in one window, on average.")]


class ReportOut(BaseModel):
    """Whether a version is good enough to be promoted, by evidence."""

    baseline: VersionOut
    made_at: datetime
    verdict: Annotated[Outcome, Field(description="`pass` or `fail`: one check that fails is enough.")]
    checks: list[CheckOut]
    completeness: CompletenessOut
    promise: PromiseOut
    realised: Annotated[
        RealisedOut | None, Field(description="Alerts so far, in learning those that would have been.")
    ]
    losses: LossesOut
    phases: PhasesOut
    calendar: CalendarOut
    rhythms: Annotated[list[RhythmOut], Field(description="By the time of the day.")]
    replicas: ReplicasOut
    quarantined: Annotated[int, Field(description="Windows held out of learning; none of them is in it.")]
    images: Annotated[dict[str, int], Field(description="Learned windows by image and digest.")]
    kernels: Annotated[dict[str, int], Field(description="Learned windows by kernel release.")]

    @property
    def failed(self) -> list[CheckOut]:
        """Checks that fail the gate."""
        return [each for each in self.checks if each.outcome is Outcome.FAIL]
