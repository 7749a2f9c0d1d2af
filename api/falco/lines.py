"""Falco-shaped alerts as lines of JSON, to a file or standard output."""

import os
import sys
from pathlib import Path
from typing import Final

import structlog

from api.errors import StartError
from api.metrics import Metrics

_log = structlog.get_logger()
STANDARD_OUTPUT: Final = "-"


class Lines:
    """Appends one line for each alert.

    A line is written before the transaction of its alert is committed: after a
    crash between the two it comes again, and none is missing. A target that
    fails is told of once, and alerting goes on.

    Args:
        target: A path, or `-` for standard output.
        metrics: Counts what was written and what failed.
    """

    def __init__(self, target: str, metrics: Metrics) -> None:
        self._target = target
        self._metrics = metrics
        self._trouble: str | None = None

    def check(self) -> None:
        """Create the file where it is missing.

        Raises:
            StartError: It cannot be written.
        """
        if self._target == STANDARD_OUTPUT:
            return
        try:
            os.close(self._open())
        except OSError as error:
            msg = f"falco_output: {self._target} cannot be written: {error.strerror or error}."
            raise StartError(msg) from error

    def trouble(self) -> str | None:
        """Return a sentence on why the newest line was not written, or None where it was."""
        return self._trouble

    def write(self, line: str) -> None:
        """Write one line, which ends with its end of line."""
        try:
            self._append(line)
        except OSError as error:
            reason = error.strerror or str(error)
            if self._trouble is None:
                _log.error("falco_output_failed", target=self._target, reason=reason)
            self._trouble = f"{self._target} cannot be written: {reason}."
            self._metrics.count("nonself_falco_lines_total", outcome="failed")
            return
        self._trouble = None
        self._metrics.count("nonself_falco_lines_total", outcome="written")

    def _append(self, line: str) -> None:
        if self._target == STANDARD_OUTPUT:
            sys.stdout.write(line)
            sys.stdout.flush()
            return
        # Opened for each line: a file that logrotate moved away is made anew.
        file = self._open()
        try:
            data = line.encode()
            if os.write(file, data) != len(data):
                msg = "only a part of the line was written"
                raise OSError(msg)
        finally:
            os.close(file)

    def _open(self) -> int:
        return os.open(Path(self._target), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
