"""What REST takes and says of counts of alerts."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, Field

from api.alerts.schemas import AlertFilter
from api.moments import Moment


class CountBy(StrEnum):
    """By what alerts are counted."""

    STATUS = "status"
    KIND = "kind"
    LEVEL = "level"
    RULE = "rule"
    TRIAGE = "triage"
    VERDICT = "verdict"
    ASSIGNEE = "assignee"
    NAMESPACE = "namespace"
    WORKLOAD = "workload"


class Interval(StrEnum):
    """Length of one point of a series."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"


class CountQuery(AlertFilter):
    """Which alerts are counted, and by what."""

    by: Annotated[CountBy, Field(description="One count for each value of this.")] = CountBy.TRIAGE
    since: Annotated[Moment | None, Field(description="Only alerts opened at or after this time.")] = None
    until: Annotated[Moment | None, Field(description="Only alerts opened before this time.")] = None


class AlertCountOut(BaseModel):
    """How many alerts have one value."""

    value: Annotated[str | None, Field(description="Null: they have none.")]
    alerts: int


class CountsOut(BaseModel):
    """Counts, most first; they sum up to `alerts`."""

    by: CountBy
    alerts: int
    counts: list[AlertCountOut]


class SeriesQuery(AlertFilter):
    """Which alerts are counted in which intervals; points without alerts are there too."""

    interval: Interval = Interval.HOUR
    since: Annotated[Moment, Field(description="Start; the interval in which it lies is the first.")]
    until: Annotated[Moment, Field(description="End.")]


class PointOut(BaseModel):
    """Alerts opened within one interval."""

    start: datetime
    alerts: int


class SeriesOut(BaseModel):
    """Alerts opened in each interval (UTC), oldest first."""

    interval: Interval
    points: list[PointOut]
