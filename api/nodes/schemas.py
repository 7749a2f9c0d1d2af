"""What REST says of nodes."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from wire.match import RuleState


class AgentOut(BaseModel):
    """What the agent says of itself; counters are cumulative since its start."""

    version: str
    window_s: float
    kernel: str
    started_at: datetime | None
    containers: int
    spool_bytes: int
    spool_batches: int
    discarded_deltas: int
    missed_runs: int
    dropped_events: int
    unwatched_containers: int
    cpu_s: float
    rss_bytes: int
    rule_engine: Annotated[
        str,
        Field(
            description="`off`, `starting`, `running` or `failed`; empty where an older agent says nothing."
        ),
    ] = ""
    rule_engine_error: Annotated[
        str, Field(description="Why its rule engine ended last; empty where it never did.")
    ] = ""
    rule_engine_restarts: int = 0


class EngineOut(BaseModel):
    """What the node's rule engine last said; its counters are cumulative since the agent's start."""

    ruleset: Annotated[str, Field(description="Digest of the rules that it runs; empty where it has none.")]
    current: Annotated[bool, Field(description="These are the active rules.")]
    error: Annotated[str, Field(description="Why it did not take newer rules; empty where it did.")]
    states: Annotated[dict[RuleState, int], Field(description="Rules by state; GET /v1/rules names them.")]
    counters: dict[str, int]
    reported_at: datetime


class NodeOut(BaseModel):
    """A machine whose agent reports here."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": 1,
                    "name": "worker-1",
                    "boot_id": "8d3f…",
                    "created_at": "2026-11-23T12:00:00Z",
                    "seen_at": "2026-11-23T13:10:00.3Z",
                    "lag_s": 4.1,
                    "last_end": "2026-11-23T13:10:00Z",
                    "deltas": 3900,
                    "lost": {"table_full": 0},
                    "warning": None,
                    "agent": {
                        "version": "0.1.0",
                        "window_s": 10.0,
                        "kernel": "6.18.0",
                        "started_at": "2026-11-23T12:00:00Z",
                        "containers": 10,
                        "spool_bytes": 0,
                        "spool_batches": 0,
                        "discarded_deltas": 0,
                        "missed_runs": 0,
                        "dropped_events": 0,
                        "unwatched_containers": 0,
                        "cpu_s": 31.2,
                        "rss_bytes": 61000000,
                        "rule_engine": "running",
                        "rule_engine_error": "",
                        "rule_engine_restarts": 0,
                    },
                    "rules": {
                        "ruleset": "9f2c…",
                        "current": True,
                        "error": "",
                        "states": {"evaluable": 23, "partly": 2},
                        "counters": {"events": 90120, "dropped_events": 0},
                        "reported_at": "2026-11-23T13:10:00.3Z",
                    },
                }
            ]
        }
    )

    id: int
    name: str
    boot_id: str
    created_at: datetime
    seen_at: Annotated[datetime, Field(description="When its newest batch came.")]
    lag_s: Annotated[float, Field(description="Seconds since then.")]
    last_end: Annotated[datetime | None, Field(description="End of the newest window received.")]
    deltas: Annotated[int, Field(description="Deltas accepted.")]
    lost: Annotated[dict[str, int], Field(description="Calls known to be missing from them, by cause.")]
    warning: Annotated[str | None, Field(description="What is set up wrongly, in a sentence.")]
    agent: AgentOut
    rules: Annotated[EngineOut | None, Field(description="Null where no rule engine has reported.")]
