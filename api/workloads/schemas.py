"""What REST says of workloads and their baselines."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from api.owners import ContainerRole
from api.paging import PageQuery
from api.vocabulary import BaselineState, Mode, Verdict
from api.workloads.completeness import CompletenessOut
from api.workloads.drift import DriftOut
from api.workloads.identity import Source
from model.unseen import CompletenessVerdict


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


class BudgetIn(BaseModel):
    """A wish for another budget."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"budget_per_week": 7, "reason": "one a day while it is young"}]},
    )

    budget_per_week: Annotated[
        float | None,
        Field(
            gt=0, le=1e9, allow_inf_nan=False, description="False alerts a week; null: that of the service."
        ),
    ]
    reason: Annotated[str, Field(max_length=1000, description="Kept in the audit record.")] = ""


class BudgetSource(StrEnum):
    """Where a budget was set."""

    WORKLOAD = "workload"
    GLOBAL = "global"


class BudgetOut(BaseModel):
    """What is asked of a workload's alerts, and what its record can promise."""

    per_week: Annotated[float, Field(description="Asked: false alerts accepted per week.")]
    source: Annotated[BudgetSource, Field(description="Set for the workload, or for the service.")]
    windows_per_week: Annotated[float, Field(description="Planned from window length and measured replicas.")]
    alpha: Annotated[float, Field(description="P-value at or below which a window is an anomaly.")]
    finest_per_week: Annotated[float, Field(description="Finest budget that the remembered windows support.")]
    promised_per_week: Annotated[float, Field(description="The coarser of asked and finest.")]


class RateOut(BaseModel):
    """An asked rate beside the realised one."""

    asked: float
    windows: Annotated[int, Field(description="Windows at or below it, anomalies included.")]
    realised: Annotated[float | None, Field(description="Their share; null before the first p-value.")]


class RealisedOut(BaseModel):
    """What became of the promise; every alert is counted as if it were false."""

    windows: Annotated[int, Field(description="Windows with a p-value in the newest five calendar weeks.")]
    weeks: Annotated[float, Field(description="Time that those windows stand for.")]
    alerts: Annotated[int, Field(description="Alerts, or in mode learning what would have been alerts.")]
    per_week: float | None
    low: Annotated[float | None, Field(description="95 % interval of the rate, exact for Poisson counts.")]
    high: float | None
    rates: list[RateOut]


class LastScoreOut(BaseModel):
    """The newest window of a workload."""

    id: int
    end: datetime
    score: Annotated[float, Field(description="Bits.")]
    p_value: float | None
    verdict: Verdict


class OwnerOut(BaseModel):
    """The controller that keeps a workload's pods."""

    kind: Annotated[str, Field(description="As the API spells it; `BarePod` and `StaticPod` have none.")]
    name: str


class WorkloadOut(BaseModel):
    """A workload: what survives a redeploy."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": 3,
                    "kind": "deployment",
                    "cluster": "",
                    "namespace": "shop",
                    "name": "cart",
                    "container": "web",
                    "identity_source": "owner",
                    "owner": {"kind": "Deployment", "name": "cart"},
                    "role": "main",
                    "mode": "learning",
                    "mode_changed_at": "2026-11-23T12:00:00Z",
                    "created_at": "2026-11-23T12:00:00Z",
                    "state": "ready",
                    "windows": 420,
                    "windows_learned": 418,
                    "quarantined": 1,
                    "open_alerts": 0,
                    "budget": {
                        "per_week": 1.0,
                        "source": "global",
                        "windows_per_week": 60480.0,
                        "alpha": 1.65e-5,
                        "finest_per_week": 18.0,
                        "promised_per_week": 18.0,
                    },
                    "drift": {
                        "drifting": False,
                        "since": None,
                        "kind": None,
                        "evidence": 0.0,
                        "limit": 13.1,
                    },
                    "completeness": "converging",
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
    kind: Annotated[
        str,
        Field(
            description="Of the owner in lower case where the Kubernetes API told it at first, "
            "else `pod`; outside Kubernetes `compose`, `container`, `service`, `host` or `unidentified`."
        ),
    ]
    cluster: str
    namespace: str
    name: str
    container: Annotated[str, Field(description="Name of the container within its pod or project.")]
    identity_source: Annotated[Source, Field(description="Where the name was found.")]
    owner: Annotated[OwnerOut | None, Field(description="Null where the Kubernetes API was not asked.")]
    role: Annotated[
        ContainerRole | None,
        Field(description="What the container is for in its pod; null where nobody told."),
    ]
    mode: Mode
    mode_changed_at: datetime
    created_at: datetime
    state: BaselineState
    windows: Annotated[int, Field(description="Windows scored.")]
    windows_learned: int
    quarantined: Annotated[int, Field(description="Windows with a finding that wait to be released.")]
    open_alerts: int
    budget: BudgetOut
    drift: DriftOut
    completeness: Annotated[
        CompletenessVerdict | None,
        Field(description="`converged`: little new is to be expected, so the mode can be switched."),
    ]
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
    """The remembered healthy scores: of steady windows, but for `start_scores` and `stop_scores`."""

    scores: int
    start_scores: Annotated[int, Field(description="Of windows that belong to a container's start.")]
    stop_scores: Annotated[int, Field(description="Of windows that hold a container's end.")]
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
    version_id: Annotated[int | None, Field(description="Of the live version, in `/v1/baselines`.")]
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
    budget: BudgetOut
    realised: RealisedOut
    drift: DriftOut
    top: list[TopNgramOut]
