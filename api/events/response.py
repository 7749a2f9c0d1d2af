"""A stream as an HTTP response: what a reader does not take in time ends it."""

import asyncio
from typing import Final

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from api.events.schemas import EndReason
from api.events.stream import Stream

_HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""nginx passes on what comes when it comes, without a setting of its own."""


class StreamResponse(StreamingResponse):
    """Sends a stream, and gives its place back however it ends.

    Args:
        stream: Is open already.
        stalled_s: How long a reader may take nothing, once the buffers of the connection are full.
    """

    media_type = "text/event-stream"

    def __init__(self, stream: Stream, *, stalled_s: float) -> None:
        super().__init__(stream.chunks(), headers=_HEADERS)
        self._stream, self._stalled_s = stream, stalled_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._stream.left()

    async def stream_response(self, send: Send) -> None:
        """Send the stream until it ends, or its reader has taken nothing for too long."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        try:
            async for chunk in self.body_iterator:
                async with asyncio.timeout(self._stalled_s):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
        except TimeoutError:
            # Left incomplete: the server closes the connection, and the reader comes again where it was.
            self._stream.end(EndReason.STALLED, "The reader took nothing.")
            return
        await send({"type": "http.response.body", "body": b"", "more_body": False})
