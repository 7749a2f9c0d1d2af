"""What REST says of scores."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from api.paging import PageQuery
from api.vocabulary import Mode, Verdict
from model.phases import Phase
from model.views import View


class ScoreQuery(PageQuery):
    """Filters of the list of scores."""

    workload: Annotated[int | None, Field(ge=1, lt=1 << 63, description="Id of a workload.")] = None
    verdict: Verdict | None = None
    quarantined: Annotated[
        bool | None, Field(description="Only those held out of learning until released, or only others.")
    ] = None
    suppression: Annotated[
        int | None, Field(ge=1, lt=1 << 63, description="Id of a suppression: what it kept silent.")
    ] = None
    explain: Annotated[bool, Field(description="Include the n-grams that carried each score.")] = False


class LearningIn(BaseModel):
    """Why a person changes what was learned."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"reason": "the pentest of 24 November"}]}
    )

    reason: Annotated[str, Field(min_length=1, max_length=1000, description="Kept in the audit record.")]


class ContainerOut(BaseModel):
    """The running instance in which a window was seen."""

    id: Annotated[str, Field(description="As the runtime names it.")]
    node: str
    runtime: str
    name: str
    pod: str
    namespace: str
    image: str
    image_digest: str
    seen_from_start: bool


class ContributionOut(BaseModel):
    """One n-gram's part of a score."""

    ngram: Annotated[str, Field(description="Packed, in hex.")]
    syscalls: Annotated[list[str], Field(description="Oldest first.")]
    injected: Annotated[bool, Field(description="Made by a process that an exec brought into the container.")]
    count: Annotated[int, Field(description="Calls in the window that ended this n-gram.")]
    bits: float
    baseline_count: Annotated[int, Field(description="Calls learned that ended it; 0 where it is new.")]
    baseline_rank: Annotated[
        int | None,
        Field(description="One more than the learned n-grams with more calls; null where it is new."),
    ] = None
    nearest: Annotated[
        list[str] | None,
        Field(description="Learned n-gram in which the fewest calls differ; null where all do."),
    ]
    known_ending: Annotated[
        int | None,
        Field(description="How many of its newest calls were ever learned in this sequence, 0 to 6."),
    ] = None


class ViewOut(BaseModel):
    """How unusual a window was in one view."""

    view: Annotated[View, Field(description="What of the window was looked at.")]
    bits: Annotated[float, Field(description="The bits of all views add up to the score.")]
    p_value: Annotated[
        float | None, Field(description="In this view alone; null where too little is remembered of it.")
    ]


class EvidenceOut(BaseModel):
    """Why a window is not evidence."""

    code: str
    text: str


class ScoreOut(BaseModel):
    """How unusual one container's window was."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": 991,
                    "workload_id": 3,
                    "container": {
                        "id": "4f1c",
                        "node": "worker-1",
                        "runtime": "containerd",
                        "name": "web",
                        "pod": "cart-6d4cf56db6-x7k2p",
                        "namespace": "shop",
                        "image": "registry.local/shop/cart:1.4",
                        "image_digest": "",
                        "seen_from_start": True,
                    },
                    "start": "2026-11-23T13:09:50Z",
                    "end": "2026-11-23T13:10:00Z",
                    "scored_at": "2026-11-23T13:10:00.412Z",
                    "mode": "enforcement-alert",
                    "verdict": "anomalous",
                    "score": 1204.5,
                    "p_value": 2.1e-9,
                    "phase": "steady",
                    "view": "triples",
                    "views": None,
                    "version_id": None,
                    "alpha": 1.65e-5,
                    "resolution": 0.0004,
                    "extrapolated": True,
                    "novelty": 0.02,
                    "calls": 40210,
                    "matches": 0,
                    "lost": {},
                    "marks": [],
                    "evidence": [],
                    "learned": False,
                    "quarantined": False,
                    "not_learned": "The window has a finding.",
                    "not_unlearned": None,
                    "contributions": None,
                    "rest": None,
                }
            ]
        }
    )

    id: int
    workload_id: int
    container: ContainerOut
    start: datetime
    end: datetime
    scored_at: datetime
    mode: Annotated[Mode, Field(description="Of the workload when the window was scored.")]
    verdict: Verdict
    score: Annotated[float, Field(description="Bits of all views; compare only within one workload.")]
    p_value: Annotated[
        float | None, Field(description="Share of healthy windows that are as unusual in any view.")
    ]
    phase: Annotated[
        Phase | None,
        Field(
            description="Among whose windows it is ranked: `start` is a container's first three windows, "
            "`steady` any other; null for scores of older releases."
        ),
    ] = None
    view: Annotated[
        View | None,
        Field(description="The view that decided; null without a p-value and for scores of older releases."),
    ] = None
    views: Annotated[
        list[ViewOut] | None,
        Field(description="With `explain=true`; null for scores of older releases."),
    ] = None
    version_id: Annotated[
        int | None,
        Field(
            description="The version that it was scored against where its image has another than the "
            "live one (docs/upgrades.md)."
        ),
    ] = None
    alpha: Annotated[float, Field(description="Threshold that the p-value was held against.")]
    resolution: Annotated[float, Field(description="Smallest p-value that ranks alone give.")]
    extrapolated: Annotated[
        bool, Field(description="The p-value is below the resolution: the tail model gave it.")
    ]
    novelty: Annotated[float, Field(description="Share of calls in n-grams never learned.")]
    calls: int
    matches: Annotated[int, Field(description="Of signature rules in this window; one keeps it unlearned.")]
    lost: Annotated[dict[str, int], Field(description="Calls known to be missing, by cause.")]
    marks: list[str]
    evidence: Annotated[list[EvidenceOut], Field(description="Empty where the evidence is sufficient.")]
    learned: bool
    quarantined: Annotated[bool, Field(description="Held out of learning until released.")]
    not_learned: Annotated[str | None, Field(description="Why the baseline did not learn the window.")]
    not_unlearned: Annotated[
        str | None,
        Field(
            description="Why the window stays learned although a signature rule matched in it: "
            "the match came later, and what was learned of the window cannot be told any more."
        ),
    ]
    contributions: Annotated[list[ContributionOut] | None, Field(description="With `explain=true`.")]
    rest: Annotated[
        float | None,
        Field(description="Bits of what is not listed: other n-grams, usual calls that are absent."),
    ]
