"""Spans by OpenTelemetry's own SDK, exported over OTLP/HTTP by a thread of its own."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from typing import Final

import structlog
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import (
    Link,
    Span as OtelSpan,
    SpanKind,
    Status,
    StatusCode,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from api.settings import ServiceSettings
from api.tracing.tracer import Kind, Span, Values
from wire.trace import TRACEPARENT

PATH: Final = "/v1/traces"
_KINDS: Final[Mapping[Kind, SpanKind]] = {
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "consumer": SpanKind.CONSUMER,
    "internal": SpanKind.INTERNAL,
}
_FORMAT: Final = TraceContextTextMapPropagator()
_EXPORT_S: Final = 5.0
_EVERY_MS: Final = 2000
_MOST_WAITING: Final = 8192
"""Spans beyond them are dropped: a receiver that is down costs memory, and never detection."""


class _Recorded:
    """A span of the SDK."""

    def __init__(self, span: OtelSpan) -> None:
        self._span = span

    @property
    def traceparent(self) -> str | None:
        """What others name to be part of it."""
        if not self._span.is_recording():
            return None
        carrier: dict[str, str] = {}
        _FORMAT.inject(carrier, set_span_in_context(self._span))
        return carrier.get(TRACEPARENT)

    def note(self, values: Values) -> None:
        self._span.set_attributes(values)

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    def fail(self, why: str) -> None:
        self._span.set_status(Status(StatusCode.ERROR, why))


class OtelTracer:
    """Makes spans of one provider, which nothing else in this process uses."""

    def __init__(self, provider: TracerProvider) -> None:
        self._tracer = provider.get_tracer("nonself", version("nonself"))

    @contextmanager
    def span(
        self,
        name: str,
        *,
        kind: Kind = "internal",
        parent: str | None = None,
        links: Sequence[str] = (),
        values: Values | None = None,
    ) -> Iterator[Span]:
        with self._tracer.start_as_current_span(
            name,
            context=_context(parent) if parent else None,
            kind=_KINDS[kind],
            attributes=values,
            links=[Link(get_current_span(_context(each)).get_span_context()) for each in links],
        ) as span:
            if not span.is_recording():
                # Nobody could look its trace up; that of the caller stands in log lines already.
                yield _Recorded(span)
                return
            trace_id = f"{span.get_span_context().trace_id:032x}"
            with structlog.contextvars.bound_contextvars(trace_id=trace_id):
                yield _Recorded(span)


def open_provider(settings: ServiceSettings) -> TracerProvider:
    """Return what makes and exports spans; shut it down at the end."""
    url = settings.traces_url.rstrip("/")
    exporter = OTLPSpanExporter(
        endpoint=url if url.endswith(PATH) else url + PATH,
        certificate_file=settings.traces_ca_file or None,
        timeout=_EXPORT_S,
    )
    provider = TracerProvider(
        # Whoever asks decides for his trace; of those that begin here, a share is kept.
        sampler=ParentBased(TraceIdRatioBased(settings.traces_ratio)),
        resource=Resource(
            {
                "service.name": "nonself",
                "service.version": version("nonself"),
                **({"k8s.cluster.name": settings.cluster} if settings.cluster else {}),
            }
        ),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(
        BatchSpanProcessor(
            exporter,
            max_queue_size=_MOST_WAITING,
            schedule_delay_millis=_EVERY_MS,
            max_export_batch_size=512,
            export_timeout_millis=_EXPORT_S * 1000,
        )
    )
    return provider


def _context(traceparent: str) -> Context:
    return _FORMAT.extract({TRACEPARENT: traceparent}, context=Context())
