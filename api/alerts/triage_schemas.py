"""What REST takes and says of the handling of alerts by people."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from api.alerts.schemas import AlertOut
from api.paging import PageQuery
from api.suppressions.matching import By
from api.suppressions.schemas import Calls, PreviewOut
from api.vocabulary import AlertChange, AlertVerdict


class TriageAction(StrEnum):
    """What a person does with an alert."""

    ACKNOWLEDGE = "acknowledge"
    ASSIGN = "assign"
    COMMENT = "comment"
    CLOSE = "close"
    REOPEN = "reopen"


class SilenceIn(BaseModel):
    """That the like of what is closed raises no alert for a time (docs/suppressions.md)."""

    model_config = ConfigDict(extra="forbid")

    by: Annotated[
        By | None, Field(description="Null: `rule` of a signature, `sequences` of an anomaly, the narrowest.")
    ] = None
    everywhere: Annotated[bool, Field(description="Of a rule: in every workload.")] = False
    calls: Annotated[Calls, Field(description="With `by` `calls`: these of the calls; none: all.")] = []
    reason: Annotated[
        str | None, Field(min_length=1, max_length=1000, description="Null: the comment of the step.")
    ] = None
    owner: Annotated[str, Field(min_length=1, max_length=200, description="Who answers for it.")]
    days: Annotated[float, Field(gt=0, le=366, description="After so many days it ends by itself.")]


class TriageIn(BaseModel):
    """One step of a person with an alert, or with all that a query names."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"action": "close", "verdict": "false_positive", "comment": "Backup job, CHG-7."}]
        },
    )

    action: TriageAction
    verdict: Annotated[AlertVerdict | None, Field(description="Of `close` alone, which needs one.")] = None
    assignee: Annotated[
        str | None,
        Field(min_length=1, max_length=200, description="Of `assign` alone; null: nobody's any more."),
    ] = None
    comment: Annotated[
        str | None, Field(min_length=1, max_length=4000, description="Why; of `comment` it is required.")
    ] = None
    suppress: Annotated[
        SilenceIn | None,
        Field(description="Of `close` as `benign` alone, by an admin: the like of it raises no alert."),
    ] = None
    dry_run: Annotated[
        bool, Field(description="Tell what would change, and what would be silenced; change nothing.")
    ] = False

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.action is TriageAction.CLOSE) != (self.verdict is not None):
            msg = "verdict: expected one with action close, and none with any other"
            raise ValueError(msg)
        if self.assignee is not None and self.action is not TriageAction.ASSIGN:
            msg = "assignee: expected one with action assign alone"
            raise ValueError(msg)
        if self.action is TriageAction.COMMENT and self.comment is None:
            msg = "comment: expected one with action comment"
            raise ValueError(msg)
        if self.suppress is None:
            return self
        if self.verdict is not AlertVerdict.BENIGN:
            msg = "suppress: expected it with action close and verdict benign alone"
            raise ValueError(msg)
        if not self.comment and not self.suppress.reason:
            msg = "suppress: expected a reason, or a comment of the step"
            raise ValueError(msg)
        return self


class SilencingOut(BaseModel):
    """One suppression that a step makes, or in a dry run would make: one for each cause."""

    suppression: Annotated[int | None, Field(description="Its id; null in a dry run.")]
    by: By
    workload: Annotated[int | None, Field(description="Null: a rule everywhere.")]
    rule: str | None
    alerts: Annotated[int, Field(description="Alerts of the step that it is made from.")]
    others: Annotated[
        int | None,
        Field(description="In a dry run: other alerts that would not have been raised at all."),
    ]
    preview: Annotated[
        PreviewOut | None,
        Field(description="In a dry run: what it would have silenced, alerts of the step too."),
    ]


class TriageOut(AlertOut):
    """The alert after a step, or in a dry run as it is."""

    dry_run: bool
    suppressions: list[SilencingOut]


class BulkOut(BaseModel):
    """What a step with many alerts did, or would do."""

    dry_run: bool
    alerts: Annotated[int, Field(description="Alerts that the query names.")]
    changed: Annotated[
        int, Field(description="Of them, those that the step changes, or in a dry run would change.")
    ]
    sample: Annotated[
        list[AlertOut], Field(description="The newest 20 of those that change, as they were before.")
    ]
    suppressions: Annotated[list[SilencingOut], Field(description="One for each cause; at most 50.")]


class ChangeOut(BaseModel):
    """One thing that happened to an alert."""

    id: Annotated[int, Field(description="Grows with each change, in the order of commits.")]
    alert: Annotated[int, Field(description="Id of the alert.")]
    change: AlertChange
    created_at: datetime
    actor: Annotated[str | None, Field(description="Name of the token; null: the service itself.")]
    detail: Annotated[dict[str, Any], Field(description="What the alert itself does not show.")]


class ChangeQuery(PageQuery):
    """Filters of what happened to alerts."""

    alert: Annotated[int | None, Field(ge=1, lt=1 << 63, description="Id of an alert.")] = None
    change: AlertChange | None = None
