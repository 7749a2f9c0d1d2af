"""What REST says of versions of baselines."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.moments import Moment
from api.paging import NoQuery, PageQuery
from api.vocabulary import BaselineState, Mode, Origin
from model.unseen import CompletenessVerdict

Reason = Annotated[str, Field(min_length=1, max_length=1000, description="Kept in the audit record.")]
_VERSION: Final[dict[str, Any]] = {
    "id": 12,
    "workload": {
        "id": 3,
        "kind": "pod",
        "cluster": "",
        "namespace": "shop",
        "name": "cart",
        "container": "web",
        "mode": "learning",
    },
    "number": 2,
    "state": "ready",
    "live": True,
    "origin": "learned",
    "parent_id": 7,
    "created_at": "2026-11-23T12:00:00Z",
    "changed_at": "2026-11-23T12:05:00Z",
    "windows_learned": 4180,
    "completeness": "converged",
}


class VersionQuery(PageQuery):
    """Filters of the list of versions."""

    workload: Annotated[int | None, Field(ge=1, lt=1 << 63, description="Id of a workload.")] = None
    state: BaselineState | None = None


class VersionWorkloadOut(BaseModel):
    """The workload that a version is of."""

    id: int
    kind: str
    cluster: str
    namespace: str
    name: str
    container: str
    mode: Mode


class VersionOut(BaseModel):
    """A version of a workload's baseline."""

    model_config = ConfigDict(json_schema_extra={"examples": [_VERSION]})

    id: int
    workload: VersionWorkloadOut
    number: Annotated[int, Field(description="Counts the versions of its workload, from 1.")]
    state: BaselineState
    live: Annotated[bool, Field(description="Windows are scored against it.")]
    origin: Origin
    parent_id: Annotated[int | None, Field(description="The version that it began as a copy of.")]
    created_at: datetime
    changed_at: Annotated[datetime, Field(description="When it came into its state.")]
    windows_learned: int
    completeness: CompletenessVerdict | None


class BundleOut(BaseModel):
    """The file from which a version was imported."""

    signed_by: Annotated[str, Field(description="Name of the key.")]
    sha256: Annotated[str, Field(description="Of its manifest.")]
    manifest: Annotated[dict[str, Any], Field(description="What was signed (docs/lifecycle.md).")]


class VersionDetailOut(VersionOut):
    """A version, and the file it came from."""

    model_config = ConfigDict(json_schema_extra={"examples": [_VERSION | {"bundle": None}]})

    bundle: Annotated[BundleOut | None, Field(description="Null where it was learned here.")]


class TransitionIn(BaseModel):
    """A wish for another state."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"to": "active", "reason": "two quiet weeks", "gate": True}]},
    )

    to: Annotated[
        Literal["active", "stale", "retired"],
        Field(
            description="`active`: promote, in mode enforcement-alert. `stale`: learn on from "
            "the active one, in mode learning. `retired`: give it up for good."
        ),
    ]
    reason: Reason
    gate: Annotated[bool, Field(description="Promote only if the promotion report passes.")] = False


class UnlearnIn(BaseModel):
    """A wish to take back what was learned in a time."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"since": "2026-11-24T14:00:00Z", "until": "2026-11-24T15:00:00Z", "reason": "the pentest"}
            ]
        },
    )

    since: Annotated[Moment, Field(description="Windows that began at or after this time.")]
    until: Annotated[Moment, Field(description="Windows that began before this time.")]
    container: Annotated[
        str | None, Field(max_length=4096, description="Only those of the container of this runtime id.")
    ] = None
    reason: Reason


class UnlearnedOut(BaseModel):
    """What was taken back."""

    windows: int
    baseline: VersionOut


class ImportQuery(NoQuery):
    """What is done with a bundle that is taken."""

    reason: Reason
    promote: Annotated[bool, Field(description="Make it active at once, in mode enforcement-alert.")] = False
    namespace: Annotated[
        str | None, Field(max_length=4096, description="Of the workload here; absent: that of the bundle.")
    ] = None
    name: Annotated[
        str | None,
        Field(min_length=1, max_length=4096, description="Of the workload here; absent: that of the bundle."),
    ] = None


class RollbackIn(BaseModel):
    """A wish to return to an earlier version."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"reason": "the new release was rolled back"}]}
    )

    reason: Reason


class MoveOut(BaseModel):
    """That a version came into a state: when, by whom, and why."""

    at: datetime
    actor: Annotated[str, Field(description="Name of the token that asked, or `worker`.")]
    before: BaselineState
    after: BaselineState
    reason: str


class BaselineHistoryOut(BaseModel):
    """All moves of a version, oldest first."""

    items: list[MoveOut]


class NgramCountOut(BaseModel):
    """How many of something differ, and the first of them."""

    count: int
    first: Annotated[list[list[str]], Field(description="At most 20, each as calls, oldest first.")]


class DifferenceOut(BaseModel):
    """What has been learned on one side and not on the other."""

    common: Annotated[int, Field(description="N-grams that both have learned.")]
    new: NgramCountOut
    vanished: NgramCountOut
    new_syscalls: list[str]
    vanished_syscalls: list[str]


class BaselineDiffOut(DifferenceOut):
    """What one version has learned that another has not."""

    before: int
    after: int


class RelearnIn(BaseModel):
    """A wish to learn a workload anew from what was kept since a time."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"since": "2026-11-24T15:00:00Z", "reason": "before that it was release 1.4", "dry_run": True}
            ]
        },
    )

    since: Annotated[Moment, Field(description="Windows that began at or after this time are learned.")]
    reason: Reason
    dry_run: Annotated[bool, Field(description="Only say what would change.")] = False


class RelearnedOut(BaseModel):
    """A version that was learned anew, or would be."""

    dry_run: bool
    windows: Annotated[int, Field(description="Windows that it is learned from.")]
    missing: Annotated[
        int,
        Field(description="Learned since that time, but their counts are gone (learned_kept_hours)."),
    ]
    oldest: Annotated[datetime | None, Field(description="Start of the oldest of its windows.")]
    quarantined: Annotated[int, Field(description="Held out since that time, and so no part of it.")]
    text: Annotated[str, Field(description="The same in complete sentences.")]
    completeness: CompletenessVerdict
    difference: Annotated[DifferenceOut, Field(description="To what is live, as it was before.")]
    baseline: Annotated[
        VersionOut, Field(description="The new version; of a dry run the live one, which is unchanged.")
    ]


class ReleaseIn(BaseModel):
    """A wish to learn what was held out of learning in a time."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "since": "2026-11-20T00:00:00Z",
                    "until": "2026-11-25T00:00:00Z",
                    "at": "02:00",
                    "reason": "the nightly backup",
                }
            ]
        },
    )

    since: Annotated[Moment, Field(description="Windows that began at or after this time.")]
    until: Annotated[Moment, Field(description="Windows that began before this time.")]
    at: Annotated[
        str | None,
        Field(
            pattern=r"^([01]\d|2[0-3]):[0-5]\d$",
            description="Only those that began within an hour of this time of the day, HH:MM in UTC.",
        ),
    ] = None
    container: Annotated[
        str | None, Field(max_length=4096, description="Only those of the container of this runtime id.")
    ] = None
    reason: Reason


class ReleasedOut(BaseModel):
    """What was learned after all."""

    windows: int
    baseline: VersionOut
