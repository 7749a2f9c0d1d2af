"""`GET /v1/rules/bundle`: how agents come to the rules, within a second of a change."""

import asyncio
import time
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import Field

from api.auth import IngestDep
from api.core import Core, CoreDep
from api.paging import NoQuery
from api.problems import responses
from api.rules import repository
from wire.bundle import RuleBundle, encode_bundle

router = APIRouter(prefix="/v1/rules", tags=["rules"])

_LOOK_S: Final = 0.2
_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"application/json": {}}, "description": "The bundle (docs/wire-rules.md)."},
    304: {"description": "It is still the one that the agent has."},
}


class BundleQuery(NoQuery):
    """How long to wait for a change."""

    wait_s: Annotated[
        float, Field(ge=0, le=60, description="Hold the answer back so long while nothing changes.")
    ] = 0.0


@router.get("/bundle", responses=responses() | _ANSWERS, response_class=Response)
async def get_rule_bundle(
    core: CoreDep,
    _principal: IngestDep,
    query: Annotated[BundleQuery, Query()],
    known: Annotated[
        str | None, Header(alias="If-None-Match", description="The `ETag` of the bundle at hand.")
    ] = None,
) -> Response:
    """Return the rules that agents evaluate, or 304 where `If-None-Match` names them.

    With `wait_s` the answer comes as soon as the rules change.
    """
    until = time.monotonic() + query.wait_s
    while True:
        changes = core.rules_changes
        bundle = await run_in_threadpool(_read, core)
        tag = f'"{bundle.digest}"'
        headers = {"ETag": tag, "Cache-Control": "no-cache"}
        if not _names(known, tag):
            return Response(encode_bundle(bundle), media_type="application/json", headers=headers)
        # Waiting holds no thread: hundreds of agents may wait at once.
        while changes == core.rules_changes:
            left_s = until - time.monotonic()
            if left_s <= 0 or core.stopping:
                return Response(status_code=304, headers=headers)
            await asyncio.sleep(min(_LOOK_S, left_s))


def _read(core: Core) -> RuleBundle:
    with core.store.read() as session:
        return repository.read_bundle(session)


def _names(known: str | None, tag: str) -> bool:
    """Tell whether an If-None-Match header names a tag (RFC 9110, section 13.1.2)."""
    if known is None:
        return False
    return any(each.strip().removeprefix("W/") in {tag, "*"} for each in known.split(","))
