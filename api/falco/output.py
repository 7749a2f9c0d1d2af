"""Falco-shaped alerts as lines of JSON, to a file or standard output."""

import os
import sys
from pathlib import Path
from typing import Final

import structlog

from api.errors import StartError
from api.falco.shape import to_line
from api.metrics import Metrics
from wire.match import SignatureMatch

_log = structlog.get_logger()
STANDARD_OUTPUT: Final = "-"


class FalcoOutput:
    """Appends one line for each match that is raised; nowhere, where no target is named.

    A line is written before the transaction of its match is committed: after a
    crash between the two it comes again, and none is missing. A target that
    fails is told of once, and alerting goes on.

    Args:
        target: A path, `-` for standard output, or empty.
        metrics: Counts what was written and what failed.
    """

    def __init__(self, target: str, metrics: Metrics) -> None:
        self._target = target
        self._metrics = metrics
        self._failing = False

    def check(self) -> None:
        """Create the file where it is missing.

        Raises:
            StartError: It cannot be written.
        """
        if self._target in {"", STANDARD_OUTPUT}:
            return
        try:
            os.close(self._open())
        except OSError as error:
            msg = f"falco_output: {self._target} cannot be written: {error.strerror or error}."
            raise StartError(msg) from error

    def write(self, match: SignatureMatch) -> None:
        """Write one line."""
        if not self._target:
            return
        try:
            self._append(to_line(match))
        except OSError as error:
            if not self._failing:
                _log.error("falco_output_failed", target=self._target, reason=error.strerror or str(error))
            self._failing = True
            self._metrics.count("nonself_falco_lines_total", outcome="failed")
            return
        self._failing = False
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
