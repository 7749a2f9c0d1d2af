"""What REST says of matches."""

from datetime import datetime
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from api.paging import PageQuery
from api.scores.schemas import ContainerOut
from api.vocabulary import Level, Verdict
from wire.match import FieldValue, Priority

_EXAMPLE: Final[JsonDict] = {
    "id": 12,
    "alert_id": 5,
    "suppression": None,
    "workload_id": 3,
    "rule": "Terminal shell in container",
    "priority": "Notice",
    "level": "low",
    "source": "syscall",
    "tags": ["T1059", "attack_v17", "container", "mitre_execution"],
    "attack": {"tactics": ["execution"], "techniques": ["T1059"], "version": "17"},
    "time": "2026-11-23T13:10:00.412345Z",
    "time_ns": 1795439400412345678,
    "received_at": "2026-11-23T13:10:00.43Z",
    "node": "worker-1",
    "container": None,
    "whole": True,
    "output": "A shell was spawned in a container | user=root process=sh",
    "output_fields": {"user.name": "root", "proc.name": "sh", "evt.rawres": 0},
    "ancestors": [
        {"pid": 4321, "name": "sh", "exe": "sh", "cmdline": "sh -i"},
        {"pid": 4300, "name": "nginx", "exe": "/usr/sbin/nginx", "cmdline": "nginx -g daemon off;"},
    ],
    "truncated": [],
    "ruleset": "9f2c…",
    "open_condition": "",
    "window": None,
}


class MatchQuery(PageQuery):
    """Filters of the list of matches."""

    workload: Annotated[int | None, Field(ge=1, lt=1 << 63, description="Id of a workload.")] = None
    rule: Annotated[str | None, Field(max_length=4096, description="Name of a rule.")] = None
    level: Level | None = None
    alert: Annotated[int | None, Field(ge=1, lt=1 << 63, description="Id of an alert.")] = None
    suppression: Annotated[
        int | None, Field(ge=1, lt=1 << 63, description="Id of a suppression: what it kept silent.")
    ] = None


class AttackOut(BaseModel):
    """What the rule's tags say of MITRE ATT&CK."""

    tactics: list[str]
    techniques: list[str]
    version: Annotated[str, Field(description="Of ATT&CK; empty where no tag says.")]


class ProcessOut(BaseModel):
    """One process of an ancestors, as it was at the event."""

    pid: int
    name: str
    exe: str
    cmdline: str


class WindowOut(BaseModel):
    """What the learner says of the window that a match fell into."""

    score_id: int
    start: datetime
    end: datetime
    score: float
    p_value: float | None
    novelty: float
    verdict: Verdict
    learned: Annotated[
        bool,
        Field(description="The window was learned before the match came; it stays in the baseline."),
    ]


class MatchOut(BaseModel):
    """A finding of kind `signature`: a rule that was true of one event."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: Annotated[int, Field(description="Counts all matches in the order in which they were raised.")]
    alert_id: Annotated[int | None, Field(description="Null where a suppression kept it from raising one.")]
    suppression: Annotated[int | None, Field(description="Id of that suppression.")]
    workload_id: int
    rule: str
    priority: Priority
    level: Level
    source: str | None
    tags: list[str]
    attack: AttackOut
    time: Annotated[datetime, Field(description="Of the event; microseconds.")]
    time_ns: Annotated[int, Field(description="The same in nanoseconds since 1970.")]
    received_at: datetime
    node: str
    container: Annotated[ContainerOut | None, Field(description="Null on the host itself.")]
    whole: Annotated[
        bool,
        Field(
            description="False where the alert has enough samples: then all that only the event knew is gone."
        ),
    ]
    output: str | None
    output_fields: dict[str, FieldValue] | None
    ancestors: Annotated[
        list[ProcessOut] | None, Field(description="The process itself first, then its parent, and so on.")
    ]
    truncated: Annotated[list[str] | None, Field(description="Fields whose value was cut on the node.")]
    ruleset: str | None
    open_condition: Annotated[
        str | None, Field(description="What the score of the window had to meet besides.")
    ]
    window: Annotated[WindowOut | None, Field(description="Null until the window is scored.")]
