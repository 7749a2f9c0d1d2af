"""What REST says of alerts."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from api.paging import PageQuery
from api.scores.schemas import ContributionOut, ScoreOut
from api.vocabulary import AlertStatus


class AlertQuery(PageQuery):
    """Filters of the list of alerts."""

    workload: Annotated[int | None, Field(ge=1, lt=1 << 63, description="Id of a workload.")] = None
    status: AlertStatus | None = None


class AlertWorkloadOut(BaseModel):
    """The workload that an alert is about."""

    id: int
    kind: str
    cluster: str
    namespace: str
    name: str
    container: str


class AlertOut(BaseModel):
    """What did not belong to one workload, for a while."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": 5,
                    "kind": "anomaly",
                    "status": "open",
                    "workload": {
                        "id": 3,
                        "kind": "pod",
                        "cluster": "",
                        "namespace": "shop",
                        "name": "cart",
                        "container": "web",
                    },
                    "created_at": "2026-11-23T13:10:00.412Z",
                    "updated_at": "2026-11-23T13:10:20.310Z",
                    "start": "2026-11-23T13:09:50Z",
                    "end": "2026-11-23T13:10:20Z",
                    "findings": 3,
                    "p_value": 2.1e-9,
                    "score": 1204.5,
                    "contributions": [
                        {
                            "ngram": "0x1002803c0a03b00d",
                            "syscalls": ["execve", "brk", "arch_prctl", "mmap", "access", "openat"],
                            "injected": True,
                            "count": 2,
                            "bits": 61.2,
                            "baseline_count": 0,
                            "baseline_rank": None,
                            "nearest": ["execve", "brk", "arch_prctl", "mmap", "access", "mmap"],
                            "known_ending": 1,
                        }
                    ],
                }
            ]
        }
    )

    id: int
    kind: Annotated[str, Field(description="`anomaly`.")]
    status: AlertStatus
    workload: AlertWorkloadOut
    created_at: datetime
    updated_at: Annotated[datetime, Field(description="When the last finding joined.")]
    start: Annotated[datetime, Field(description="Start of the first window.")]
    end: Annotated[datetime, Field(description="End of the last window.")]
    findings: int
    p_value: Annotated[float, Field(description="Smallest of its findings.")]
    score: Annotated[float, Field(description="Largest of its findings, in bits.")]
    contributions: Annotated[list[ContributionOut], Field(description="The n-grams that carried it most.")]


class FindingOut(BaseModel):
    """One window of an alert."""

    id: int
    created_at: datetime
    score: ScoreOut


class AlertDetailOut(AlertOut):
    """An alert with all of its windows."""

    windows: Annotated[list[FindingOut], Field(description="Newest 1000, oldest first.")]
