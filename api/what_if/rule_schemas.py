"""What REST says of rules that are tried on stored matches."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from api.moments import Moment
from wire.bundle import MAX_FILE_CHARS

_Pattern = Annotated[str, Field(min_length=1, max_length=4096)]


class CandidateFileIn(BaseModel):
    """A rule file to put among the active ones; one of the same name is replaced."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(max_length=200)]
    content: Annotated[str, Field(max_length=MAX_FILE_CHARS)]


class RulesWhatIfIn(BaseModel):
    """Which rules to try, on which time."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"disable": ["Terminal *"], "since": "2026-11-11T00:00:00Z"}]},
    )

    version: Annotated[
        int | None, Field(ge=1, lt=1 << 63, description="A stored version; absent: the active one.")
    ] = None
    file: Annotated[CandidateFileIn | None, Field(description="Not together with a version.")] = None
    disable: Annotated[
        list[_Pattern], Field(max_length=100, description="Names to switch off; `*` stands for any text.")
    ] = []
    enable: Annotated[list[_Pattern], Field(max_length=100, description="Names to switch on.")] = []
    since: Annotated[Moment | None, Field(description="Absent: 14 days ago.")] = None
    until: Annotated[Moment | None, Field(description="Absent: now.")] = None


class RuleChange(StrEnum):
    """What the candidate does to a rule."""

    SAME = "same"
    """It has the same condition."""
    CHANGED = "changed"
    """It has another condition: matches are judged by the fields that their output shows."""
    REMOVED = "removed"
    """There is no rule of this name."""


class WouldBeAlertsOut(BaseModel):
    """Alerts that there would have been; undecided matches may also join what lies apart without them."""

    without_undecided: int
    with_undecided: int


class TriedRuleOut(BaseModel):
    """What would have become of the matches of one rule."""

    rule: str
    change: RuleChange
    matches: Annotated[int, Field(description="That were raised in the range of time.")]
    alerts: Annotated[int, Field(description="That these are, grouped by workload.")]
    raised: Annotated[int, Field(description="Matches that would be raised, also some that were not.")]
    dropped: Annotated[int, Field(description="Raised matches that would not be.")]
    undecided: Annotated[
        int, Field(description="Matches of a changed rule that are not kept whole, or do not show enough.")
    ]
    would_be_alerts: WouldBeAlertsOut


class RulesWhatIfOut(BaseModel):
    """What other rules would have raised of the matches that are stored."""

    since: datetime
    until: datetime
    rules: Annotated[list[TriedRuleOut], Field(description="Those with matches, by name.")]
    untold: Annotated[
        list[str],
        Field(description="Rules that are new or changed: what else they would match is in no stored match."),
    ]
    exact: Annotated[bool, Field(description="Nothing is undecided or untold.")]
