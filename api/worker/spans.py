"""Spans of what the worker does with each delta and match whose trace is kept."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from api import changes
from api.tracing.tracer import Span, Tracer


class Spans:
    """Spans that go on with the trace in which something came, and are linked with the batch's.

    Args:
        tracer: Makes them.
        batch: The span of the transaction.
    """

    def __init__(self, tracer: Tracer, batch: Span | None = None) -> None:
        self._tracer = tracer
        self._links = [batch.traceparent] if batch and batch.traceparent else []

    @contextmanager
    def of(self, session: Session, name: str, traceparent: str | None) -> Iterator[None]:
        """Have what the block does be a span of a trace; of none where that trace is not kept."""
        if traceparent is None:
            yield
            return
        span = self._tracer.span(name, kind="consumer", parent=traceparent, links=self._links)
        with span as made, changes.within(session, made):
            yield
