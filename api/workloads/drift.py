"""What REST says of a workload's drift: now, and as a history."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from api.clock import to_datetime
from api.db.tables import DriftRow, LedgerRow
from api.settings import ServiceSettings
from api.workloads import rates, repository
from model import drift
from model.shift import DriftKind


class DriftOut(BaseModel):
    """Whether low p-values come more often than they should."""

    drifting: bool
    since: Annotated[datetime | None, Field(description="When the evidence for it began to grow.")]
    kind: Annotated[DriftKind | None, Field(description="Of the drift that lasts; null where there is none.")]
    evidence: Annotated[float, Field(description="In nats, of all windows together.")]
    limit: Annotated[float, Field(description="Evidence from which drift is reported.")]


class ReplicaOut(BaseModel):
    """A container that a drift concerns."""

    id: Annotated[str, Field(description="As the runtime names it.")]
    node: str
    name: str
    pod: str


class DriftPeriodOut(BaseModel):
    """A time in which a workload was stranger than remembered."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": 4,
                    "workload_id": 3,
                    "kind": "burst_on_one_replica",
                    "began": "2026-11-23T13:09:50Z",
                    "reported": "2026-11-23T13:10:20Z",
                    "ended": None,
                    "updated_at": "2026-11-23T13:10:40.1Z",
                    "evidence": 17.9,
                    "limit": 14.2,
                    "replicas_reporting": 3,
                    "replicas": [{"id": "4f1c", "node": "worker-1", "name": "web", "pod": "cart-x7k2p"}],
                }
            ]
        }
    )

    id: int
    workload_id: int
    kind: Annotated[DriftKind, Field(description="As told by all evidence so far.")]
    began: Annotated[datetime, Field(description="Window with which the evidence began to grow.")]
    reported: Annotated[datetime, Field(description="End of the window at which it was enough.")]
    ended: Annotated[datetime | None, Field(description="Null while it lasts.")]
    updated_at: datetime
    evidence: Annotated[
        float, Field(description="Highest so far, in nats, of the workload or of one replica.")
    ]
    limit: Annotated[float, Field(description="Evidence from which drift is reported.")]
    replicas_reporting: Annotated[int, Field(description="Containers that sent windows then.")]
    replicas: Annotated[list[ReplicaOut], Field(description="Those concerned.")]


def show_now(period: DriftRow | None, ledger: LedgerRow | None, settings: ServiceSettings) -> DriftOut:
    """Return whether a workload drifts; `period` is the drift that has not ended."""
    return DriftOut(
        drifting=period is not None,
        since=to_datetime(period.began) if period else None,
        kind=DriftKind(period.kind) if period else None,
        evidence=ledger.drift_evidence if ledger else 0.0,
        limit=drift.limit(rates.planned(ledger, settings)),
    )


def show_history(session: Session, periods: Sequence[DriftRow]) -> list[DriftPeriodOut]:
    """Return drifts with the containers concerned."""
    known = repository.find_containers(session, {each for period in periods for each in period.replicas})
    return [
        DriftPeriodOut(
            id=period.id,
            workload_id=period.workload_id,
            kind=DriftKind(period.kind),
            began=to_datetime(period.began),
            reported=to_datetime(period.reported),
            ended=to_datetime(period.ended) if period.ended is not None else None,
            updated_at=to_datetime(period.updated_at),
            evidence=period.evidence,
            limit=period.needed,
            replicas_reporting=period.reporting,
            replicas=[
                ReplicaOut(id=row.container_id, node=node, name=row.name, pod=row.pod)
                for row, node in (known[each] for each in period.replicas if each in known)
            ],
        )
        for period in periods
    ]
