"""What REST says of suppressions."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from api.paging import PageQuery
from api.suppressions.matching import By
from api.vocabulary import AlertStatus

Calls = Annotated[list[str], Field(max_length=100)]
_EXAMPLE: JsonDict = {
    "alert": 5,
    "by": "sequences",
    "reason": "the nightly backup; ticket OPS-312",
    "owner": "storage team",
    "days": 30,
}


class ScopeIn(BaseModel):
    """What would be silenced: what an alert shows, or what is named."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"by": "rule", "rule": "Terminal shell in container", "workload": 3}]
        },
    )

    by: By
    alert: Annotated[int | None, Field(ge=1, lt=1 << 63, description="Take it from this alert.")] = None
    workload: Annotated[int | None, Field(ge=1, lt=1 << 63, description="Without one: rule everywhere.")] = (
        None
    )
    everywhere: Annotated[bool, Field(description="Of an alert's rule: in every workload.")] = False
    rule: Annotated[str, Field(max_length=4096)] = ""
    calls: Annotated[
        Calls, Field(description="With `by` `calls`: by name, `compat:` before a 32-bit one.")
    ] = []

    @model_validator(mode="after")
    def _fits(self) -> "ScopeIn":
        if self.alert is not None and (self.workload is not None or self.rule):
            msg = "expected an alert, or workload and rule, not both"
            raise ValueError(msg)
        if self.alert is None and self.by is By.SEQUENCES:
            msg = "sequences are taken from an alert; expected the member alert"
            raise ValueError(msg)
        if self.alert is None and self.by in {By.WORKLOAD, By.CALLS} and self.workload is None:
            msg = f"expected a workload or an alert to suppress by {self.by.value}"
            raise ValueError(msg)
        if self.alert is None and self.by is By.RULE and not self.rule:
            msg = "expected a rule or an alert to suppress by rule"
            raise ValueError(msg)
        if self.alert is None and self.by is By.CALLS and not self.calls:
            msg = "expected calls or an alert to suppress by calls"
            raise ValueError(msg)
        return self


class SuppressionIn(ScopeIn):
    """A wish that findings raise no alert for a time."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_EXAMPLE]})

    reason: Annotated[str, Field(min_length=1, max_length=1000, description="Why it is benign.")]
    owner: Annotated[str, Field(min_length=1, max_length=200, description="Who answers for it.")]
    days: Annotated[float, Field(gt=0, le=366, description="After so many days it ends by itself.")]


class EndSuppressionIn(BaseModel):
    """Why a suppression ends before its time."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"reason": "the backup job was moved"}]}
    )

    reason: Annotated[str, Field(min_length=1, max_length=1000)]


class SuppressionQuery(PageQuery):
    """Filters of the list of suppressions."""

    workload: Annotated[int | None, Field(ge=1, lt=1 << 63, description="Id of a workload.")] = None
    active: Annotated[bool | None, Field(description="Those that silence now, or those that ended.")] = None


class SuppressionOut(BaseModel):
    """A dated, reasoned, expiring statement that matching findings raise no alert."""

    id: int
    by: By
    workload: Annotated[int | None, Field(description="Null: a rule everywhere.")]
    rule: str | None
    sequences: Annotated[list[list[str]], Field(description="By the names of their calls, oldest first.")]
    calls: list[str]
    alert: Annotated[int | None, Field(description="The alert that was marked as benign.")]
    reason: str
    owner: str
    actor: Annotated[str, Field(description="The token that made it.")]
    created_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    active: bool
    suppressed: Annotated[int, Field(description="Findings that it kept from raising an alert.")]
    last_at: Annotated[datetime | None, Field(description="When it did so last.")]


class SilencedAlertOut(BaseModel):
    """An alert that would have been smaller, or none."""

    id: int
    workload: int
    status: AlertStatus
    start: datetime
    end: datetime
    findings: int
    silenced: Annotated[int, Field(description="Of them; where all are, there would have been no alert.")]


class PreviewOut(BaseModel):
    """What a suppression would have silenced, of what the store keeps."""

    since: Annotated[datetime | None, Field(description="The oldest finding that was looked at.")]
    findings: Annotated[int, Field(description="Findings that were looked at.")]
    silenced: Annotated[int, Field(description="Of them, what would raise no alert.")]
    alerts: Annotated[list[SilencedAlertOut], Field(description="The newest 100 concerned, newest first.")]
    alerts_silenced: Annotated[int, Field(description="Alerts that would not have been raised at all.")]
    cut: Annotated[bool, Field(description="More is kept than was looked at (10,000 findings).")]
