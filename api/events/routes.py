"""`/v1/events`."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import StreamingResponse

from api.auth import ReaderDep
from api.core import CoreDep
from api.errors import StreamsError, TokenStreamsError
from api.events import start
from api.events.hub import Hub
from api.events.response import StreamResponse
from api.events.schemas import EventQuery
from api.events.stream import Stream
from api.problems import responses

router = APIRouter(prefix="/v1/events", tags=["events"])
_EXAMPLE: Final = 'event: alert.opened\ndata: {"change":{"id":812},"alert":{"id":5}}\nid: a812\n\n'
_STREAM: Final[dict[str, Any]] = {
    "description": "Events without end (docs/live.md).",
    "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _EXAMPLE}},
}


def get_hub(request: Request) -> Hub:
    """Return the hub of the service that answers this request."""
    hub: Hub = request.app.state.hub
    return hub


@router.get(
    "",
    response_class=StreamingResponse,
    responses=responses(StreamsError, TokenStreamsError) | {200: _STREAM},
)
def follow_events(
    core: CoreDep,
    principal: ReaderDep,
    query: Annotated[EventQuery, Query()],
    hub: Annotated[Hub, Depends(get_hub)],
    last_event_id: Annotated[
        str | None, Header(max_length=100, description="The id of the last event seen: go on after it.")
    ] = None,
) -> Response:
    """Follow what happens to alerts, and scores, as Server-Sent Events, from now on or from an event on.

    Events are `alert.opened`, `alert.grew` and so on, `score`, `gap` where something is missing, and
    `end` as the last word. Each event comes at least once: keep its id, and come again with it.
    """
    with core.store.read(whole=True) as session:
        begin = start.find(session, query, last_event_id)
    stream = Stream(hub, principal, query, begin, core.settings.stream_heartbeat_s)
    hub.open(stream)
    return StreamResponse(stream, stalled_s=core.settings.stream_stalled_s)
