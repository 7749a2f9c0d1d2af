"""Assembles the service's HTTP side."""

from importlib.metadata import version
from typing import Any, Final

from fastapi import FastAPI
from fastapi.middleware.gzip import GZipMiddleware

from api import health, problems
from api.alerts import routes as alerts
from api.audit_log import routes as audit_log
from api.baselines import routes as baselines
from api.channels import routes as channels
from api.core import Core
from api.enrolment import routes as enrolment
from api.errors import BadBodyError
from api.ingest import routes as ingest
from api.keys import routes as keys
from api.matches import routes as matches
from api.middleware import RequestContext
from api.nodes import routes as nodes
from api.problems import Problem
from api.retention import routes as retention
from api.rules import bundle, routes as rules
from api.scores import routes as scores
from api.seccomp import routes as seccomp
from api.suppressions import routes as suppressions
from api.token_admin import routes as tokens
from api.troubles import routes as troubles
from api.upgrades import routes as upgrades
from api.what_if import routes as what_if
from api.workloads import routes as workloads

_DESCRIPTION: Final = """\
Learns what each container workload normally does and raises what does not belong.

Lists are ordered by the time of entry. Keep `next_cursor` and ask again
with it: no entry is missed or repeated.
Errors are `application/problem+json`, and an error changes nothing.
"""


def create_app(core: Core) -> FastAPI:
    """Return the application of a service that consists of these parts."""
    app = FastAPI(
        title="nonself",
        version=version("nonself"),
        description=_DESCRIPTION,
        docs_url="/docs",
        redoc_url=None,
    )
    app.state.core = core
    problems.install(app)
    app.add_middleware(GZipMiddleware, minimum_size=1024)
    app.add_middleware(RequestContext, metrics=core.metrics, tracer=lambda: core.tracer)
    for each in (
        workloads,
        baselines,
        keys,
        seccomp,
        scores,
        alerts,
        suppressions,
        upgrades,
        channels,
        retention,
        what_if,
        matches,
        bundle,
        rules,
        nodes,
        troubles,
        ingest,
        enrolment,
        tokens,
        audit_log,
        health,
    ):
        app.include_router(each.router)
    _describe_problems(app)
    return app


def _describe_problems(app: FastAPI) -> None:
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        schema = generate()
        schema["components"]["schemas"]["Problem"] = Problem.model_json_schema()
        for operation in (each for path in schema["paths"].values() for each in path.values()):
            if "requestBody" in operation:
                # FastAPI reads a body before a route sees it, and knows nothing of what we answer then.
                operation["responses"].setdefault("400", problems.responses(BadBodyError)[400])
        return schema

    app.openapi = openapi  # type: ignore[method-assign] # the way FastAPI documents
