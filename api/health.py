"""`/healthz`, `/readyz` and `/metrics`: for machines, without a token."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from api import readiness
from api.core import CoreDep
from api.errors import StoreError
from api.ingest.repository import count_pending
from api.matches import repository as matches
from api.nodes import repository as nodes
from api.push import gauges as push
from api.readiness import DependencyOut
from api.retention.repository import measure
from api.settings import MIB
from api.troubles import gauges as troubles
from api.vocabulary import Mode
from api.workloads import repository as workloads

router = APIRouter(tags=["health"])


class HealthOut(BaseModel):
    """The process answers."""

    status: str = "ok"


class ReadyOut(BaseModel):
    """Whether the parts that the service needs do their work."""

    ready: bool
    database: Annotated[str, Field(description="`ok`, or a sentence on what is wrong.")]
    worker: Annotated[str, Field(description="`ok`, or a sentence on what is wrong.")]
    falco_output: Annotated[
        str,
        Field(
            description="`ok`, or sentences on what keeps alerts waiting; the service is ready all the same."
        ),
    ]
    push: Annotated[
        str,
        Field(description="`ok`, or sentences on channels that fail; the service is ready all the same."),
    ]
    dependencies: Annotated[
        list[DependencyOut],
        Field(description="Each part, and whether the service is ready without it."),
    ]
    troubles: Annotated[
        dict[str, int],
        Field(
            description="How many troubles go on, by kind; the service is ready all the same. "
            "`GET /v1/troubles` names them."
        ),
    ]


@router.get("/healthz")
def healthz() -> HealthOut:
    """Tell that the process is up."""
    return HealthOut()


@router.get("/livez")
def livez() -> HealthOut:
    """Tell that the process is up; whoever starts it again asks here, not at `/readyz`."""
    return HealthOut()


@router.get("/readyz", responses={503: {"model": ReadyOut, "description": "Not ready."}})
def readyz(core: CoreDep, response: Response) -> ReadyOut:
    """Tell whether all parts do their work; the service is ready while database and worker do."""
    found = readiness.look(core)
    if not found.ready:
        response.status_code = StoreError.status
    return ReadyOut(
        ready=found.ready,
        **{name: found.parts[name].said or "ok" for name in ("database", "worker", "falco_output", "push")},
        dependencies=list(found.parts.values()),
        troubles=found.troubles,
    )


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics(core: CoreDep) -> Response:
    """Show counters for Prometheus."""
    core.metrics.set("nonself_inbox_limit", core.settings.inbox_limit)
    core.metrics.set("nonself_database_limit_bytes", core.settings.max_database_mib * MIB)
    troubles.measure_disk(core.settings.state_dir, core.metrics)
    try:
        with core.store.read(whole=True) as session:
            core.metrics.set("nonself_inbox_pending", count_pending(session))
            core.metrics.set("nonself_matches_pending", matches.count_pending(session))
            core.metrics.set("nonself_nodes", nodes.count(session))
            troubles.measure(session, core.metrics, core.clock.now_ms())
            core.falco.measure(session)
            push.measure(session, core.metrics, core.clock.now_ms())
            if measured := measure(session):
                for part, count in zip(("used", "free"), measured, strict=True):
                    core.metrics.set("nonself_database_bytes", count, part=part)
            counts = dict.fromkeys((mode.value for mode in Mode), 0) | dict(workloads.count_by_mode(session))
        for mode, count in counts.items():
            core.metrics.set("nonself_workloads", count, mode=mode)
        core.metrics.set("nonself_database_up", 1)
    except StoreError:
        core.metrics.set("nonself_database_up", 0)
    return Response(core.metrics.render(), media_type="text/plain; version=0.0.4; charset=utf-8")
