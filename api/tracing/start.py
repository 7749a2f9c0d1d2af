"""Decides whether spans are made."""

from collections.abc import Iterator
from contextlib import contextmanager

from api.errors import StartError
from api.settings import ServiceSettings
from api.tracing.tracer import Tracer, Untraced


@contextmanager
def tracing(settings: ServiceSettings) -> Iterator[Tracer]:
    """Give what makes spans until the block ends; what waits is exported then, for some seconds at most.

    Raises:
        StartError: A receiver is named, and the libraries that speak to it are not installed.
    """
    if not settings.traces_url:
        yield Untraced()
        return
    try:
        from api.tracing.otel import OtelTracer, open_provider  # noqa: PLC0415 - optional
    except ImportError as error:
        msg = f"traces_url needs OpenTelemetry's SDK ({error.name}): pip install 'nonself[traces]'."
        raise StartError(msg) from error
    provider = open_provider(settings)
    try:
        yield OtelTracer(provider)
    finally:
        provider.shutdown()
