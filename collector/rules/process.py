"""The rule engine as a process of its own, which the agent starts, and starts again where it ends.

A flood of events keeps an engine busy with Python; in a thread of the agent it would hold the interpreter's
lock against the drain of every window (ADR 0061). The agent holds the writing end of the engine's standard
input: once that is closed, by `stop` or by the agent's death however it came, the engine ends.
"""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import structlog

from collector.status import EngineStatus
from wire.retry import backoff_s

READY: Final = "ready"
"""What the engine says on standard output once events reach it; any other line says why it ends."""
COMMAND: Final = (sys.executable, "-P", "-m", "collector.rules.child")
_BACKOFF_FIRST_S: Final = 0.5
_BACKOFF_CAP_S: Final = 300.0
_HEALTHY_S: Final = 60.0
"""An engine that ran for so long starts again without a pause for failures before it."""
_STOP_S: Final = 6.0

log = structlog.get_logger()


class RuleProcess:
    """One rule engine, kept running.

    Args:
        settings: Settings objects by name, as `collector.rules.child` reads them back.
        chance: Spreads pauses.
        command: Starts an engine.
        backoff_first_s: The pause after a first failure; doubled with each more.
    """

    def __init__(
        self,
        settings: dict[str, Any],
        *,
        chance: random.Random,
        command: Sequence[str] = COMMAND,
        backoff_first_s: float = _BACKOFF_FIRST_S,
    ) -> None:
        plain = {name: asdict(each) for name, each in settings.items()}
        self._first_line = (json.dumps(plain, default=str) + "\n").encode()
        self._chance = chance
        self._command = list(command)
        self._backoff_first_s = backoff_first_s
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._status = EngineStatus("starting")
        self._failures = 0
        self._thread = threading.Thread(target=self._run, name="rule engine", daemon=True)

    @property
    def pid(self) -> int:
        """Of the engine; 0 while there is none."""
        process = self._process
        return process.pid if process else 0

    def start(self) -> None:
        """Start the engine; returns at once."""
        self._thread.start()

    def status(self) -> EngineStatus:
        """Return how it is doing."""
        return self._status

    def stop(self) -> None:
        """Let the engine send what waits, and end it; waits 6 s at most."""
        with self._lock:
            self._stopping.set()
            process = self._process
        if process is not None:
            _close_input(process)
        self._thread.join(_STOP_S)
        if self._thread.is_alive() and process is not None:
            process.kill()
            self._thread.join(1)

    def _run(self) -> None:
        while not self._stopping.is_set():
            begun = time.monotonic()
            reason = self._one_life()
            if self._stopping.is_set():
                return
            if time.monotonic() - begun >= _HEALTHY_S:
                self._failures = 0
            self._failures += 1
            wait_s = backoff_s(
                self._failures, first_s=self._backoff_first_s, cap_s=_BACKOFF_CAP_S, chance=self._chance
            )
            self._status = EngineStatus("failed", reason, self._status.restarts)
            log.error("rule_engine_ended", reason=reason, again_in_s=round(wait_s, 1))
            self._stopping.wait(wait_s)
            self._status = EngineStatus("starting", reason, self._status.restarts + 1)

    def _one_life(self) -> str:
        """Start an engine, and return why it ended once it has."""
        # The folder that this package lies in, and never the one that the agent was started in.
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        try:
            process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
            )
        except OSError as error:
            return f"It cannot be started ({error.strerror or error})."
        with self._lock:
            self._process = process
            stopping = self._stopping.is_set()
        said = ""
        try:
            if stopping or not _write(process, self._first_line):
                _close_input(process)
            for line in process.stdout or ():
                said = line.decode(errors="replace").strip()
                if said == READY:
                    self._status = EngineStatus("running", self._status.error, self._status.restarts)
                    log.info("rule_engine_ready", pid=process.pid)
            code = process.wait()
        finally:
            with self._lock:
                self._process = None
            _close_input(process)
            if process.stdout:
                process.stdout.close()
        return _reason(code, "" if said == READY else said)


def _reason(code: int, said: str) -> str:
    if said:
        return said
    if code < 0:
        return f"It was ended by {signal.Signals(-code).name}."
    return f"It ended with status {code}; the log says more."


def _write(process: "subprocess.Popen[bytes]", line: bytes) -> bool:
    try:
        assert process.stdin is not None  # noqa: S101 - a pipe was asked for
        process.stdin.write(line)
        process.stdin.flush()
    except OSError:
        return False
    return True


def _close_input(process: "subprocess.Popen[bytes]") -> None:
    try:
        if process.stdin is not None:
            process.stdin.close()
    except OSError:
        # What was still to be written has no reader any more.
        return
