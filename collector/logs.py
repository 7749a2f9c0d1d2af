"""Log lines of the agent: one JSON object each where a machine reads them, text where a person watches."""

import logging
import sys
from typing import Final

import structlog

_NOISY: Final = ("urllib3",)
"""It tells of each connection that fails; the agent tells of each outage, once."""


def configure(log_format: str, level: str) -> None:
    """Send all log lines to stderr, those of libraries too.

    Args:
        log_format: `json`, `console`, or `auto` for console where stderr is a terminal.
        level: Least level that is logged.
    """
    console = log_format == "console" or (log_format == "auto" and sys.stderr.isatty())
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if console else structlog.processors.JSONRenderer()
    )
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    least = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(least, logging.WARNING))
    for each in _NOISY:
        logging.getLogger(each).setLevel(logging.ERROR)
