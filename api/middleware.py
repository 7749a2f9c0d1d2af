"""Around every request: an id that appears in its log lines and its answer, and its duration."""

import re
import time
import uuid
from typing import Any, Final

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.access.headers import protective
from api.db.scope import visiting
from api.errors import ProblemError
from api.metrics import Metrics
from api.problems import render

REQUEST_ID_HEADER: Final = "X-Request-Id"
EXTRA_HEADERS: Final = "extra_headers"
"""Name in a request's state of header fields that its answer gets, whatever the answer is."""
_SANE: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_log = structlog.get_logger()


class RequestContext:
    """Names each request, counts it and logs it once; a mistake of ours is answered as a problem."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            # Whatever is not HTTP sees nothing either until it is known who asks.
            with visiting():
                await self._app(scope, receive, send)
            return
        asked = Headers(scope=scope).get(REQUEST_ID_HEADER, "")
        request_id = asked if _SANE.fullmatch(asked) else uuid.uuid4().hex
        status, started = 500, False
        began = time.perf_counter()

        async def send_named(message: Message) -> None:
            nonlocal status, started
            if message["type"] == "http.response.start":
                status, started = message["status"], True
                headers = MutableHeaders(scope=message)
                headers[REQUEST_ID_HEADER] = request_id
                for name, value in protective(scope["path"], secure=scope["scheme"] == "https").items():
                    headers.setdefault(name, value)
                headers.update(scope.get("state", {}).get(EXTRA_HEADERS, {}))
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id), visiting():
            try:
                await self._app(scope, receive, send_named)
            except Exception:
                _log.exception("request_failed", path=scope["path"])
                if started:
                    raise
                mistake = ProblemError("The service made a mistake; its log has the details.")
                await render(Request(scope), mistake)(scope, receive, send_named)
            finally:
                took_s = time.perf_counter() - began
                # A path without a route and a method that nobody knows are an outsider's text, never a label.
                route: Any = scope.get("route")
                pattern = str(getattr(route, "path", "none"))
                method = scope["method"] if scope["method"] in _METHODS else "other"
                self._metrics.count(
                    "nonself_http_requests_total", method=method, route=pattern, status=str(status)
                )
                self._metrics.observe("nonself_http_request_seconds", took_s, route=pattern)
                _log.debug(
                    "request", method=scope["method"], path=scope["path"], status=status, took_s=took_s
                )
