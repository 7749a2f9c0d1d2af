"""`POST /v1/ingest/profiles` and `POST /v1/ingest/matches`."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query

from api.auth import IngestDep
from api.core import Core, CoreDep
from api.errors import ProblemError
from api.ingest import service
from api.ingest.body import check_node, check_signature, describe, reader
from api.ingest.schemas import ReceiptOut
from api.matches import intake
from api.paging import NoQuery
from api.problems import INGEST_PROBLEMS, responses
from api.tracing.tracer import Values
from wire.codec import CONTENT_TYPE, SIGNATURE_HEADER
from wire.match import MATCH_CONTENT_TYPE

router = APIRouter(prefix="/v1/ingest", tags=["ingest"])

SignatureDep = Annotated[
    str | None,
    Header(alias=SIGNATURE_HEADER, description="`sha256=` and the HMAC-SHA256 of the body, in hex."),
]


@router.post(
    "/profiles",
    responses=responses(*INGEST_PROBLEMS),
    openapi_extra=describe(CONTENT_TYPE, "A batch of profile deltas, gzip-compressed (docs/wire.md)."),
)
def ingest_profiles(
    core: CoreDep,
    principal: IngestDep,
    body: Annotated[bytes, Depends(reader(CONTENT_TYPE))],
    _query: Annotated[NoQuery, Query()],
    signature: SignatureDep = None,
) -> ReceiptOut:
    """Take a batch of profile deltas: durably and all of it, or nothing.

    A batch may be sent again until it is answered with 200 or 409
    `/problems/replayed`; each delta counts once. One without deltas is a heartbeat.
    """
    with _counted(core, "nonself_ingest_batches_total"):
        check_signature(body, signature, principal.key)
        now_ms = core.clock.now_ms()
        batch, parcels = service.read(body, latest_ms=now_ms + core.settings.max_clock_skew_s * 1000)
        check_node(principal, batch.node)
        values: Values = {"nonself.node": batch.node, "nonself.deltas": len(parcels)}
        with core.tracer.span("ingest deltas", values=values) as span, core.store.take_in() as session:
            receipt = service.accept(
                session,
                batch,
                parcels,
                now_ms=now_ms,
                settings=core.settings,
                traceparent=span.traceparent,
            )
    core.wake_worker()
    core.metrics.count("nonself_ingest_deltas_total", receipt.accepted)
    core.metrics.count("nonself_ingest_duplicates_total", receipt.duplicates)
    return ReceiptOut(accepted=receipt.accepted, duplicates=receipt.duplicates)


@router.post(
    "/matches",
    responses=responses(*INGEST_PROBLEMS),
    openapi_extra=describe(
        MATCH_CONTENT_TYPE, "Matches and the state of rules, gzip-compressed (docs/wire-rules.md)."
    ),
)
def ingest_matches(
    core: CoreDep,
    principal: IngestDep,
    body: Annotated[bytes, Depends(reader(MATCH_CONTENT_TYPE))],
    _query: Annotated[NoQuery, Query()],
    signature: SignatureDep = None,
) -> ReceiptOut:
    """Take a batch of matches and what the engine says of itself: durably and all of it, or nothing.

    A batch may be sent again until it is answered with 200 or 409
    `/problems/replayed`; each match counts once. One without matches reports the engine alone.
    """
    with _counted(core, "nonself_match_batches_total"):
        check_signature(body, signature, principal.key)
        now_ms = core.clock.now_ms()
        batch, parcels = intake.read(body, latest_ms=now_ms + core.settings.max_clock_skew_s * 1000)
        check_node(principal, batch.node)
        values: Values = {"nonself.node": batch.node, "nonself.matches": len(parcels)}
        with core.tracer.span("ingest matches", values=values) as span, core.store.take_in() as session:
            receipt = intake.accept(
                session,
                batch,
                parcels,
                now_ms=now_ms,
                inbox_limit=core.settings.inbox_limit,
                traceparent=span.traceparent,
            )
    core.wake_worker()
    core.metrics.count("nonself_matches_total", receipt.accepted)
    core.metrics.count("nonself_match_duplicates_total", receipt.duplicates)
    return ReceiptOut(accepted=receipt.accepted, duplicates=receipt.duplicates)


@contextmanager
def _counted(core: Core, metric: str) -> Iterator[None]:
    """Count a batch by its outcome."""
    try:
        yield
    except ProblemError as error:
        core.metrics.count(metric, outcome=error.slug)
        raise
    core.metrics.count(metric, outcome="accepted")
