"""What REST says of a workload's history, and of what is kept."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from api.moments import Moment
from api.paging import NoQuery
from api.retention.rollup import EDGES


class HistoryStep(StrEnum):
    """How long an entry of a history is."""

    HOUR = "hour"
    DAY = "day"


class HistoryQuery(NoQuery):
    """What of a history is asked for."""

    step: Annotated[
        HistoryStep, Field(description="`hour`: by the hour as far back as that is kept, by the day before.")
    ] = HistoryStep.DAY
    since: Annotated[Moment | None, Field(description="Only entries that end after this time.")] = None
    until: Annotated[Moment | None, Field(description="Only entries that start before this time.")] = None


class VerdictsOut(BaseModel):
    """Windows by verdict."""

    normal: int
    anomalous: int
    insufficient_evidence: int


class HistoryEntryOut(BaseModel):
    """Sums over the windows that began in one hour or day (UTC)."""

    start: datetime
    end: datetime
    windows: int
    verdicts: VerdictsOut
    ranked: Annotated[int, Field(description="Windows with a p-value.")]
    p_values: Annotated[
        list[int],
        Field(description="Of these, in each place those at or below its edge and above the edge before."),
    ]
    calls: int
    lost: Annotated[dict[str, int], Field(description="Calls lost, by cause.")]


_BINS: Final[list[JsonValue]] = [*([0] * 14), 1, 0, 2, 6, 3, 8, 30, 51, 90, 255, 429, 880, 2560, 4320]


class WorkloadHistoryOut(BaseModel):
    """A workload's windows by the hour or day; hours or days without a window are left out."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "workload_id": 3,
                    "windows_since": "2026-10-26T00:00:00Z",
                    "edges": list(EDGES),
                    "items": [
                        {
                            "start": "2026-11-24T00:00:00Z",
                            "end": "2026-11-25T00:00:00Z",
                            "windows": 8640,
                            "verdicts": {"normal": 8630, "anomalous": 1, "insufficient_evidence": 9},
                            "ranked": 8635,
                            "p_values": _BINS,
                            "calls": 41873001,
                            "lost": {"table_full": 12},
                        }
                    ],
                }
            ]
        }
    )

    workload_id: int
    windows_since: Annotated[
        datetime | None,
        Field(description="Start of the oldest window without a finding that `GET /v1/scores` still lists."),
    ]
    edges: Annotated[list[float], Field(description="P-values that bound the bins of `p_values`.")]
    items: Annotated[list[HistoryEntryOut], Field(description="Oldest first.")]


class DatabaseOut(BaseModel):
    """How large SQLite's database is."""

    used_bytes: int
    free_bytes: Annotated[int, Field(description="Within its file, for what comes next.")]
    limit_bytes: Annotated[int | None, Field(description="From which on the oldest scores go; null: none.")]


class KeptOut(BaseModel):
    """Days for which things are kept."""

    scores: int
    findings: int
    changes: int
    hourly_history: int
    history: int
    stale_versions: int


class VersionsOut(BaseModel):
    """Stale versions of baselines."""

    stale: Annotated[int, Field(description="Of all workloads.")]
    rollback: Annotated[int, Field(description="Newest of each workload that stay however old.")]
    most: Annotated[int | None, Field(description="Of each workload; null: no limit.")]
    due: Annotated[
        int,
        Field(
            description="Too old or too many, of no open alert, and so retired next; at most 1,000 are told."
        ),
    ]


class DroppedOut(BaseModel):
    """What was deleted on one day (UTC)."""

    day: datetime
    cause: Annotated[str, Field(description="`age`, or `size` where the database was above its limit.")]
    what: Annotated[
        str,
        Field(
            description="`scores`, `findings` with their windows, `matches`, `samples` (matches kept whole), "
            "`deltas` without a score, `counts` kept for unlearning, `changes` of alerts, `troubles` that "
            "are over, or `versions` that were retired."
        ),
    ]
    count: int
    oldest: Annotated[datetime, Field(description="Of windows their start, else when it came.")]
    newest: datetime


class RetentionOut(BaseModel):
    """What is kept, and what was dropped."""

    days: KeptOut
    versions: VersionsOut
    database: Annotated[DatabaseOut | None, Field(description="Null for any database but SQLite.")]
    waiting: Annotated[int, Field(description="Scores that are not part of the histories' sums yet.")]
    dropped: Annotated[list[DroppedOut], Field(description="On the newest 31 days, oldest first.")]
