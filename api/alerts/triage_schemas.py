"""What REST takes and says of the handling of alerts by people."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from api.alerts.schemas import AlertOut
from api.paging import PageQuery
from api.vocabulary import AlertChange, AlertVerdict


class TriageAction(StrEnum):
    """What a person does with an alert."""

    ACKNOWLEDGE = "acknowledge"
    ASSIGN = "assign"
    COMMENT = "comment"
    CLOSE = "close"
    REOPEN = "reopen"


class TriageIn(BaseModel):
    """One step of a person with an alert."""

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
        return self


class BulkIn(TriageIn):
    """One step with all alerts that the query names."""

    dry_run: Annotated[bool, Field(description="Tell which alerts are meant; change nothing.")] = False


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
