"""How the agent's log lines look: JSON for machines, aligned text where a person watches."""

import logging
import sys

import structlog


def configure(log_format: str, level: str) -> None:
    """Send all log lines to stderr.

    Args:
        log_format: `json`, `console`, or `auto` for console where stderr is a terminal.
        level: Least level that is logged.
    """
    console = log_format == "console" or (log_format == "auto" and sys.stderr.isatty())
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if console else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
