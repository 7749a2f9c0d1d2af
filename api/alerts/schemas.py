"""What REST says of alerts."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from api.matches.schemas import MatchOut
from api.paging import PageQuery
from api.scores.schemas import ContributionOut, ScoreOut
from api.vocabulary import AlertKind, AlertStatus, Level


class AlertFormat(StrEnum):
    """In which shape alerts are given."""

    NONSELF = "nonself"
    FALCO = "falco"


class AlertQuery(PageQuery):
    """Filters of the list of alerts."""

    workload: Annotated[int | None, Field(ge=1, lt=1 << 63, description="Id of a workload.")] = None
    status: AlertStatus | None = None
    kind: AlertKind | None = None
    rule: Annotated[str | None, Field(max_length=4096, description="Name of a rule.")] = None
    level: Annotated[Level | None, Field(description="Alerts of kind `anomaly` have none.")] = None
    format: Annotated[
        AlertFormat,
        Field(
            description="`falco`: each match that is kept whole, in the shape of Falco's alerts; "
            "cursors of one format are not those of the other."
        ),
    ] = AlertFormat.NONSELF


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
                    "suppression": None,
                    "rule": None,
                    "level": None,
                    "match": None,
                }
            ]
        }
    )

    id: int
    kind: AlertKind
    status: AlertStatus
    workload: AlertWorkloadOut
    created_at: datetime
    updated_at: Annotated[datetime, Field(description="When the last finding joined.")]
    start: Annotated[datetime, Field(description="Start of the first window.")]
    end: Annotated[datetime, Field(description="End of the last window.")]
    findings: Annotated[int, Field(description="Windows or matches in it.")]
    p_value: Annotated[
        float | None, Field(description="Smallest of its findings; null for kind `signature`.")
    ]
    score: Annotated[
        float | None, Field(description="Largest of its findings, in bits; null for kind `signature`.")
    ]
    contributions: Annotated[list[ContributionOut], Field(description="The n-grams that carried it most.")]
    suppression: Annotated[
        int | None, Field(description="The suppression with which a person marked it as benign.")
    ]
    rule: Annotated[str | None, Field(description="Of kind `signature`: the rule that matched.")]
    level: Annotated[Level | None, Field(description="Of kind `signature`: from the rule's priority.")]
    match: Annotated[
        MatchOut | None, Field(description="Of kind `signature`: the newest match, with its window's score.")
    ]


class FalcoPage(BaseModel):
    """Matches in the shape of Falco's alerts."""

    items: list[dict[str, Any]]
    next_cursor: Annotated[str, Field(description="Asks for what follows the last entry, now or later.")]


class FindingOut(BaseModel):
    """One window of an alert."""

    id: int
    created_at: datetime
    score: ScoreOut


class AlertDetailOut(AlertOut):
    """An alert with its windows, or its matches."""

    windows: Annotated[
        list[FindingOut], Field(description="Of kind `anomaly`: the newest 1000, oldest first.")
    ]
    matches: Annotated[
        list[MatchOut],
        Field(
            description="Of kind `signature`: the first and the newest 10 that are kept whole. Of kind "
            "`anomaly`: at most 100 matches of the workload within one window of its windows. Oldest first."
        ),
    ]
