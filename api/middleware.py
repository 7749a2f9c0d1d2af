"""Around every request: an id that appears in its log lines and its answer, and its duration."""

import re
import time
import uuid
from collections.abc import Callable
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
from api.tracing.tracer import Tracer, Untraced
from wire.trace import TRACEPARENT, trace_id_of

REQUEST_ID_HEADER: Final = "X-Request-Id"
EXTRA_HEADERS: Final = "extra_headers"
"""Name in a request's state of header fields that its answer gets, whatever the answer is."""
_SANE: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_UNTRACED: Final = frozenset({"/healthz", "/livez", "/metrics", "/readyz"})
"""Asked by machines every few seconds: their spans would hide all others."""
_METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_NO_TRACER: Final = Untraced()
_log = structlog.get_logger()


class RequestContext:
    """Names each request, counts it and logs it once; a mistake of ours is answered as a problem."""

    def __init__(self, app: ASGIApp, metrics: Metrics, tracer: Callable[[], Tracer]) -> None:
        self._app = app
        self._metrics = metrics
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            # Whatever is not HTTP sees nothing either until it is known who asks.
            with visiting():
                await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id, trace_id = _named(headers)
        # A path without a route and a method that nobody knows are an outsider's text, never a label.
        method = scope["method"] if scope["method"] in _METHODS else "other"
        tracer = _NO_TRACER if scope["path"] in _UNTRACED else self._tracer()
        span = tracer.span(
            method,
            kind="server",
            parent=headers.get(TRACEPARENT) if trace_id else None,
            values={
                "http.request.method": method,
                "url.path": scope["path"],
                "nonself.request_id": request_id,
            },
        )
        bound = {"request_id": request_id} | ({"trace_id": trace_id} if trace_id else {})
        scope.setdefault("state", {})[REQUEST_ID] = request_id
        status, started = 500, False
        began = time.perf_counter()

        async def send_named(message: Message) -> None:
            nonlocal status, started
            if message["type"] == "http.response.start":
                status, started = message["status"], True
                answered = MutableHeaders(scope=message)
                answered[REQUEST_ID_HEADER] = request_id
                for name, value in protective(scope["path"], secure=scope["scheme"] == "https").items():
                    answered.setdefault(name, value)
                answered.update(scope.get("state", {}).get(EXTRA_HEADERS, {}))
            await send(message)

        with structlog.contextvars.bound_contextvars(**bound), span as traced, visiting():
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
                route: Any = scope.get("route")
                pattern = str(getattr(route, "path", "none"))
                traced.rename(f"{method} {pattern}")
                traced.note({"http.route": pattern, "http.response.status_code": status})
                if status >= 500:
                    traced.fail(f"answered {status}")
                self._metrics.count(
                    "nonself_http_requests_total", method=method, route=pattern, status=str(status)
                )
                self._metrics.observe("nonself_http_request_seconds", took_s, route=pattern)
                _log.debug(
                    "request", method=scope["method"], path=scope["path"], status=status, took_s=took_s
                )


def _named(headers: Headers) -> tuple[str, str | None]:
    """Return a request's id, and the id of the trace that it belongs to; whoever asks may name both."""
    trace_id = trace_id_of(headers.get(TRACEPARENT, ""))
    asked = headers.get(REQUEST_ID_HEADER, "")
    return (asked if _SANE.fullmatch(asked) else trace_id or uuid.uuid4().hex), trace_id
