"""What REST says of workloads and their baselines."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from api.paging import PageQuery
from api.vocabulary import BaselineState, Mode, Verdict
from api.workloads.completeness import CompletenessOut
from api.workloads.identity import Source


class WorkloadQuery(PageQuery):
    """Filters of the list of workloads."""

    namespace: str | None = None
    name: str | None = None
    mode: Mode | None = None


class ModeIn(BaseModel):
    """A wish for another mode."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"mode": "enforcement-alert", "reason": "two quiet weeks in staging"}]
        },
    )

    mode: Mode
    reason: Annotated[str, Field(max_length=1000, description="Kept in the audit record.")] = ""


class LastScoreOut(BaseModel):
    """The newest window of a workload."""

    id: int
    end: datetime
    score: Annotated[float, Field(description="Bits.")]
    p_value: float | None
    verdict: Verdict


class WorkloadOut(BaseModel):
    """A workload: what survives a redeploy."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": 3,
                    "kind": "pod",
                    "cluster": "",
                    "namespace": "shop",
                    "name": "cart",
                    "container": "web",
                    "identity_source": "label",
                    "mode": "learning",
                    "mode_changed_at": "2026-11-23T12:00:00Z",
                    "created_at": "2026-11-23T12:00:00Z",
                    "state": "ready",
                    "windows": 420,
                    "windows_learned": 418,
                    "quarantined": 1,
                    "open_alerts": 0,
                    "last_score": {
                        "id": 991,
                        "end": "2026-11-23T13:10:00Z",
                        "score": 3.2,
                        "p_value": 0.41,
                        "verdict": "normal",
                    },
                }
            ]
        }
    )

    id: int
    kind: Annotated[str, Field(description="`pod`, `compose`, `container`, `service` or `unidentified`.")]
    cluster: str
    namespace: str
    name: str
    container: Annotated[str, Field(description="Name of the container within its pod or project.")]
    identity_source: Annotated[Source, Field(description="Where the name was found.")]
    mode: Mode
    mode_changed_at: datetime
    created_at: datetime
    state: BaselineState
    windows: Annotated[int, Field(description="Windows scored.")]
    windows_learned: int
    quarantined: Annotated[int, Field(description="Windows with a finding that wait to be released.")]
    open_alerts: int
    last_score: LastScoreOut | None


class ReasonOut(BaseModel):
    """Why there is not enough evidence."""

    code: str
    text: str


class TopNgramOut(BaseModel):
    """One of the most frequent n-grams."""

    ngram: Annotated[str, Field(description="Packed, in hex.")]
    syscalls: Annotated[list[str], Field(description="Oldest first.")]
    injected: Annotated[bool, Field(description="Made by a process that an exec brought into the container.")]
    count: int
    share: Annotated[float, Field(description="Of all learned calls, 0 to 1.")]
    windows: Annotated[int, Field(description="Learned windows that held it.")]


class QuantileOut(BaseModel):
    """A level and the score that healthy windows stay below with that probability."""

    level: float
    score: float


class CalibrationOut(BaseModel):
    """The remembered healthy scores."""

    scores: int
    resolution: Annotated[float, Field(description="Smallest p-value that ranks alone give.")]
    quantiles: list[QuantileOut]
    tail_scale: Annotated[float, Field(description="Bits beyond the highest score that divide p by e.")]


class LineageOut(BaseModel):
    """How much was learned of one kind of process."""

    calls: int
    distinct_ngrams: int


class BaselineOut(BaseModel):
    """What a workload's normal behaviour was learned to be."""

    workload_id: int
    state: BaselineState
    updated_at: datetime | None
    arch: str
    windows_learned: int
    windows_from_start: Annotated[int, Field(description="Of containers seen from their start; 0: partial.")]
    completeness: CompletenessOut
    calls_learned: int
    distinct_ngrams: int
    distinct_by_order: Annotated[list[int], Field(description="Distinct sequences of 1, 2, … 6 calls.")]
    full: Annotated[bool, Field(description="The cap on distinct n-grams is reached.")]
    refused_calls: int
    own: LineageOut
    injected: LineageOut
    evidence: Annotated[list[ReasonOut], Field(description="Empty where the evidence is sufficient.")]
    calibration: CalibrationOut
    alpha: Annotated[float, Field(description="P-value at or below which a window is an anomaly.")]
    budget_per_week: Annotated[
        float, Field(description="False alerts accepted per week, from which alpha follows.")
    ]
    top: list[TopNgramOut]
