"""Assembles the service's HTTP side."""

from importlib.metadata import version

from fastapi import FastAPI
from fastapi.middleware.gzip import GZipMiddleware

from api import health, openapi, problems
from api.access.body_limit import BodyLimit
from api.alerts import routes as alerts
from api.audit_log import routes as audit_log
from api.baselines import bundle as bundles, routes as baselines
from api.channels import routes as channels
from api.core import Core
from api.enrolment import routes as enrolment
from api.events import routes as events
from api.events.hub import Hub
from api.ingest import routes as ingest
from api.keys import routes as keys
from api.matches import routes as matches
from api.middleware import RequestContext
from api.nodes import routes as nodes
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


def create_app(core: Core) -> FastAPI:
    """Return the application of a service that consists of these parts."""
    app = FastAPI(
        title="nonself",
        version=version("nonself"),
        description=openapi.DESCRIPTION,
        openapi_tags=openapi.TAGS,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        generate_unique_id_function=openapi.operation_id,
        docs_url="/docs",
        redoc_url=None,
    )
    app.state.core = core
    app.state.hub = Hub(core)
    problems.install(app)
    app.add_middleware(GZipMiddleware, minimum_size=1024)
    app.add_middleware(BodyLimit, larger={f"{baselines.router.prefix}/import": bundles.MAX_BYTES})
    app.add_middleware(RequestContext, metrics=core.metrics, tracer=lambda: core.tracer)
    for each in (
        workloads,
        baselines,
        keys,
        seccomp,
        scores,
        alerts,
        events,
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
    openapi.install(app)
    return app
