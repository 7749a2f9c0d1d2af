"""`POST /v1/ingest/profiles`."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Query, Request

from api.auth import IngestDep
from api.core import CoreDep
from api.errors import MediaTypeError, OversizedError, ProblemError, SignatureError
from api.ingest import service
from api.ingest.schemas import ReceiptOut
from api.paging import NoQuery
from api.problems import INGEST_PROBLEMS, responses
from wire.codec import CONTENT_TYPE, MAX_BODY_BYTES, SIGNATURE_HEADER

router = APIRouter(prefix="/v1/ingest", tags=["ingest"])

_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "A batch of profile deltas, gzip-compressed (docs/wire.md).",
        "content": {CONTENT_TYPE: {"schema": {"type": "string", "format": "binary"}}},
    }
}


async def read_body(request: Request, _principal: IngestDep) -> bytes:
    """Return the compressed body of a sender who may send one; stop reading at the limit."""
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type != CONTENT_TYPE:
        msg = f"Content-Type: expected {CONTENT_TYPE}; got {media_type or 'none'}."
        raise MediaTypeError(msg)
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if encoding != "gzip":
        msg = f"Content-Encoding: expected gzip; got {encoding or 'none'}."
        raise MediaTypeError(msg)
    declared = request.headers.get("content-length", "0")
    body = bytearray()
    if not declared.isdecimal() or int(declared) <= MAX_BODY_BYTES:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                break
        else:
            return bytes(body)
    msg = f"Expected a body of at most {MAX_BODY_BYTES} bytes; send it in parts."
    raise OversizedError(msg)


@router.post("/profiles", responses=responses(*INGEST_PROBLEMS), openapi_extra=_BODY)
def ingest_profiles(
    core: CoreDep,
    principal: IngestDep,
    body: Annotated[bytes, Depends(read_body)],
    _query: Annotated[NoQuery, Query()],
    signature: Annotated[
        str | None,
        Header(alias=SIGNATURE_HEADER, description="`sha256=` and the HMAC-SHA256 of the body, in hex."),
    ] = None,
) -> ReceiptOut:
    """Take a batch of profile deltas: durably and all of it, or nothing.

    A batch may be sent again until it is answered with 200 or 409
    `/problems/replayed`; each delta counts once. One without deltas is a heartbeat.
    """
    try:
        if signature is None:
            msg = f"Expected the header {SIGNATURE_HEADER}; got none."
            raise SignatureError(msg)
        now_ms = core.clock.now_ms()
        batch, parcels = service.read(
            body,
            signature=signature,
            key=principal.key,
            latest_ms=now_ms + core.settings.max_clock_skew_s * 1000,
        )
        with core.store.write() as session:
            receipt = service.accept(session, batch, parcels, now_ms=now_ms, settings=core.settings)
    except ProblemError as error:
        core.metrics.count("nonself_ingest_batches_total", outcome=error.slug)
        raise
    core.wake_worker()
    core.metrics.count("nonself_ingest_batches_total", outcome="accepted")
    core.metrics.count("nonself_ingest_deltas_total", receipt.accepted)
    core.metrics.count("nonself_ingest_duplicates_total", receipt.duplicates)
    return ReceiptOut(accepted=receipt.accepted, duplicates=receipt.duplicates)
