"""What REST takes and gives of upgrades."""

from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from api.baselines.schemas import DifferenceOut, Reason, VersionWorkloadOut
from api.paging import PageQuery
from api.vocabulary import UpgradeState

_UPGRADE: Final[dict[str, Any]] = {
    "id": 2,
    "workload": {
        "id": 3,
        "kind": "pod",
        "cluster": "prod",
        "namespace": "shop",
        "name": "cart",
        "container": "web",
        "mode": "enforcement-alert",
    },
    "image": "registry.local/shop/cart:1.5",
    "digest": "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "predecessor_id": 12,
    "version_id": 14,
    "state": "review",
    "opened_at": "2026-11-25T08:00:00Z",
    "settled_at": "2026-11-25T08:14:20Z",
    "closed_at": None,
    "closed_by": None,
    "reason": None,
    "windows": 86,
}


class UpgradeQuery(PageQuery):
    """Which upgrades are wanted."""

    workload: Annotated[int | None, Field(ge=1, lt=1 << 63, description="Of one workload, by id.")] = None
    state: Annotated[UpgradeState | None, Field(description="In one state.")] = None
    open: Annotated[
        bool | None, Field(description="Those that wait for a decision, or those that do not.")
    ] = None


class UpgradeOut(BaseModel):
    """A workload's change to an image that its live baseline did not know."""

    model_config = ConfigDict(json_schema_extra={"examples": [_UPGRADE]})

    id: int
    workload: VersionWorkloadOut
    image: str
    digest: str
    predecessor_id: Annotated[int, Field(description="The version that was live when the image came.")]
    version_id: Annotated[int, Field(description="The version that judges the image, and learns it.")]
    state: UpgradeState
    opened_at: datetime
    settled_at: Annotated[datetime | None, Field(description="Since then its version is frozen.")]
    closed_at: datetime | None
    closed_by: Annotated[str | None, Field(description="Name of a token, or `worker`.")]
    reason: Annotated[str | None, Field(description="Why it was decided so.")]
    windows: Annotated[int, Field(description="Of the image, scored until it had settled.")]


class ConfidenceOut(BaseModel):
    """How much of a new image is known, and how much is what its predecessor did."""

    windows_learned: Annotated[int, Field(description="Of the image.")]
    windows_inherited: Annotated[int, Field(description="Of the predecessor, at their reduced weight.")]
    replicas: Annotated[int, Field(description="That showed the image's windows.")]
    unseen: Annotated[
        float, Field(description="Share of its future windows that hold an n-gram never learned: estimate.")
    ]
    low: Annotated[float, Field(description="Lower bound of the 95 % interval.")]
    high: Annotated[float, Field(description="Upper bound of the 95 % interval.")]


class UpgradeDetailOut(UpgradeOut):
    """An upgrade, with what the new image does otherwise."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                _UPGRADE
                | {
                    "held": 0,
                    "confidence": {
                        "windows_learned": 86,
                        "windows_inherited": 2160,
                        "replicas": 2,
                        "unseen": 0.004,
                        "low": 0.0,
                        "high": 0.05,
                    },
                    "difference": {
                        "common": 812,
                        "new": {"count": 9, "first": [["openat2", "fstat", "read"]]},
                        "vanished": {"count": 31, "first": [["open", "fstat", "read"]]},
                        "new_syscalls": ["openat2"],
                        "vanished_syscalls": ["open"],
                    },
                }
            ]
        }
    )

    held: Annotated[int, Field(description="Windows that raise an alert unless their like returns.")]
    confidence: Annotated[ConfidenceOut | None, Field(description="While it is open.")]
    difference: Annotated[
        DifferenceOut | None,
        Field(
            description="What the image's own windows show beside what the predecessor had learned. "
            "`vanished` is what they have not shown so far. Null where nothing was left to decide."
        ),
    ]


class DecisionIn(BaseModel):
    """Why an upgrade is approved or rejected."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"reason": "CHG-12: cart 1.5"}]}
    )

    reason: Reason
