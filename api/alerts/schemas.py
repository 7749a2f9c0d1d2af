"""What REST says of alerts."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from api.matches.schemas import MatchOut
from api.moments import Moment
from api.paging import MORE, NoQuery, PageQuery
from api.scores.schemas import ContainerOut, ContributionOut, EvidenceOut, ScoreOut
from api.vocabulary import AlertKind, AlertStatus, AlertVerdict, Level, Triage


class AlertFormat(StrEnum):
    """In which shape alerts are given."""

    NONSELF = "nonself"
    FALCO = "falco"
    """Matches, or windows of anomalies, each as Falco would tell it."""
    OCSF = "ocsf"
    """Detection Findings of the Open Cybersecurity Schema Framework."""
    ECS = "ecs"
    """Documents of the Elastic Common Schema."""
    CEF = "cef"
    """Lines of ArcSight's Common Event Format."""


class AlertOrder(StrEnum):
    """In which order alerts are listed."""

    OPENED = "opened"
    """As they were opened: what pollers follow."""
    NEWEST = "newest"
    """The newest first; a page's cursor asks for older ones."""


class AlertTraits(NoQuery):
    """Which alerts are meant, as far as an alert itself shows it."""

    workload: Annotated[int | None, Field(ge=1, lt=1 << 63, description="Id of a workload.")] = None
    status: Annotated[
        AlertStatus | None,
        Field(description="`open`: the newest of its cause; `superseded`; `closed`: by a person."),
    ] = None
    kind: AlertKind | None = None
    rule: Annotated[str | None, Field(max_length=4096, description="Name of a rule.")] = None
    level: Annotated[Level | None, Field(description="Alerts of kind `anomaly` have none.")] = None
    min_level: Annotated[Level | None, Field(description="Alerts of this level and worse.")] = None
    namespace: Annotated[str | None, Field(max_length=253)] = None
    cluster: Annotated[str | None, Field(max_length=253)] = None
    triage: Triage | None = None
    verdict: AlertVerdict | None = None
    assignee: Annotated[str | None, Field(max_length=200)] = None
    technique: Annotated[
        str | None,
        Field(
            pattern=r"^[Tt][0-9]{4}([.][0-9]{3})?$",
            description="Id of an ATT&CK technique; one without a dot stands for its sub-techniques too.",
        ),
    ] = None
    min_score: Annotated[float | None, Field(ge=0, description="Bits; of kind `anomaly`.")] = None
    text: Annotated[
        str | None, Field(min_length=1, max_length=200, description="What its message contains, in any case.")
    ] = None


class AlertFilter(AlertTraits):
    """Which alerts are meant."""

    node: Annotated[
        str | None,
        Field(max_length=253, description="Where a window or a match of it was seen."),
    ] = None
    happened_since: Annotated[
        Moment | None, Field(description="Its last window or match is not older than this.")
    ] = None
    happened_until: Annotated[
        Moment | None, Field(description="Its first window or match is older than this.")
    ] = None


class AlertQuery(AlertFilter, PageQuery):
    """Filters of the list of alerts; `since` and `until` are about when they were opened here."""

    order: Annotated[AlertOrder, Field(description="Order of format `nonself`.")] = AlertOrder.OPENED
    format: Annotated[
        AlertFormat,
        Field(
            description="`ocsf`, `ecs` and `cef`: the same alerts with other names (docs/formats.md); `cef` "
            "is lines of text. `falco`: each match that is kept whole, and with kind `anomaly` each window, "
            "in the shape of Falco's alerts; its cursors are not those of the others, nor of another kind."
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


class AlertConfidenceOut(BaseModel):
    """How far the p-value of an alert's newest window can be relied on."""

    resolution: Annotated[float, Field(description="Smallest p-value that remembered windows can measure.")]
    extrapolated: Annotated[
        bool, Field(description="The p-value is smaller than that, and follows from the tail's shape.")
    ]
    evidence: Annotated[list[EvidenceOut], Field(description="What the baseline or the window lacked.")]


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
                    "last_finding_at": "2026-11-23T13:10:20.310Z",
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
                    "container": {
                        "id": "3f4e",
                        "node": "worker-1",
                        "runtime": "containerd",
                        "name": "web",
                        "pod": "cart-6d4cf56db6-x7k2p",
                        "namespace": "shop",
                        "image": "registry.local/shop/cart:1.4",
                        "image_digest": "",
                        "seen_from_start": True,
                    },
                    "confidence": {"resolution": 0.00024, "extrapolated": True, "evidence": []},
                    "suppression": None,
                    "triage": "new",
                    "verdict": None,
                    "assignee": None,
                    "revision": 1,
                    "message": "Unusual calls: execve → brk → arch_prctl → mmap; 61.2 of 1204.5 bits.",
                    "techniques": [],
                    "url": "/v1/alerts/5",
                    "rule": None,
                    "level": None,
                    "match": None,
                }
            ]
        }
    )

    id: int
    kind: AlertKind
    status: Annotated[
        AlertStatus,
        Field(description="Where it stands among the alerts of its cause; `closed` where `triage` is."),
    ]
    workload: AlertWorkloadOut
    created_at: datetime
    updated_at: Annotated[
        datetime,
        Field(description="When anything happened to it last: a finding joined, or a person changed it."),
    ]
    last_finding_at: Annotated[
        datetime | None,
        Field(description="When the last finding joined; null: before a release that keeps this."),
    ]
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
    container: Annotated[
        ContainerOut | None,
        Field(description="With node, pod and image: where its newest window or match was seen."),
    ]
    confidence: Annotated[
        AlertConfidenceOut | None,
        Field(description="In the p-value of the newest window; null for kind `signature`."),
    ]
    suppression: Annotated[
        int | None, Field(description="The suppression that was made when a person closed it as benign.")
    ]
    triage: Annotated[Triage, Field(description="How far a person has come with it.")]
    verdict: Annotated[AlertVerdict | None, Field(description="What a person found it to be.")]
    assignee: str | None
    revision: Annotated[int, Field(description="Grows with each change a person makes; also the `ETag`.")]
    message: Annotated[str | None, Field(description="What was seen first, in one sentence.")]
    techniques: Annotated[list[str], Field(description="ATT&CK techniques that its rule names.")]
    url: Annotated[str, Field(description="Where it is, below the service's address.")]
    rule: Annotated[str | None, Field(description="Of kind `signature`: the rule that matched.")]
    level: Annotated[Level | None, Field(description="Of kind `signature`: from the rule's priority.")]
    match: Annotated[
        MatchOut | None, Field(description="Of kind `signature`: the newest match, with its window's score.")
    ]


class ShapeQuery(NoQuery):
    """In which shape an alert is given."""

    format: Annotated[
        AlertFormat,
        Field(description="`ocsf`, `ecs`, `cef`: with other names; `falco`: its newest match or window."),
    ] = AlertFormat.NONSELF


class ShapedPage(BaseModel):
    """Alerts, or matches, in the shape of another product."""

    items: list[dict[str, Any]]
    next_cursor: Annotated[str, Field(description="Asks for what follows the last entry, now or later.")]
    more: Annotated[bool, Field(description=MORE)]


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
