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
from api.problems import REQUEST_ID, render

REQUEST_ID_HEADER: Final = "X-Request-Id"
EXTRA_HEADERS: Final = "extra_headers"
"""Name in a request's state of header fields that its answer gets, whatever the answer is."""
TRACE_HEADER: Final = "traceparent"
_SANE: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_TRACEPARENT: Final = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?"
)
"""Of W3C Trace Context; later versions may add to its end."""
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
        request_id, trace_id = _named(Headers(scope=scope))
        bound = {"request_id": request_id} | ({"trace_id": trace_id} if trace_id else {})
        scope.setdefault("state", {})[REQUEST_ID] = request_id
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

        with structlog.contextvars.bound_contextvars(**bound), visiting():
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


def _named(headers: Headers) -> tuple[str, str | None]:
    """Return a request's id, and the id of the trace that it belongs to; whoever asks may name both."""
    found = _TRACEPARENT.fullmatch(headers.get(TRACE_HEADER, ""))
    trace_id = found[1] if found else None
    asked = headers.get(REQUEST_ID_HEADER, "")
    return (asked if _SANE.fullmatch(asked) else trace_id or uuid.uuid4().hex), trace_id
