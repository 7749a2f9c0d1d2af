"""Stops reading a request's body at a limit, before anybody looks at it or knows who sends it."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BYTES: Final = 8 << 20
"""Of a body, compressed or not, where a path does not say otherwise."""


class BodyLimit:
    """Answers 413 where a body is larger than it may be, declared or not.

    Args:
        app: What is guarded.
        larger: Most bytes of paths that take more.
    """

    def __init__(self, app: ASGIApp, larger: Mapping[str, int]) -> None:
        self._app, self._larger = app, larger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = self._larger.get(scope["path"], MAX_BYTES)
        declared = Headers(scope=scope).get("content-length", "0")
        read = 0

        async def limited() -> Message:
            nonlocal read
            # Whoever does not read the body is not kept from answering by its size.
            if declared.isdecimal() and int(declared) > most:
                raise _too_large(most)
            message = await receive()
            read += len(message.get("body", b""))
            if read > most:
                raise _too_large(most)
            return message

        await self._app(scope, limited, send)


def _too_large(most: int) -> HTTPException:
    # FastAPI lets errors of this kind through while it reads a body, and turns all others into 400.
    return HTTPException(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"Expected a body of at most {most} bytes; send it in parts"
    )
