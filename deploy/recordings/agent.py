"""`nonself-agent record`, for as long as a `with` block lasts."""

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

from lab import Lab

from recordings.errors import AgentError

LABEL = "recording"
_START_S = 60.0
_STOP_S = 20.0


class Agent:
    """Records the pods of one lab.

    Args:
        lab: Whose pods.
        folder: Where `recording.jsonl.gz` and `agent.log` go.
        name: Only pods that carry it as label `recording` are recorded.
        window_s: Length of a window in seconds.
    """

    def __init__(self, lab: Lab, folder: Path, name: str, window_s: float) -> None:
        self.recording = folder / "recording.jsonl.gz"
        self._log = folder / "agent.log"
        self._command = [
            str(Path(sys.executable).with_name("nonself-agent")),
            "record",
            f"--out={self.recording}",
            f"--label={LABEL}={name}",
            f"--window-s={window_s:g}",
            f"--cri-sockets={lab.socket}",
            f"--bundle-roots={lab.state}/io.containerd.runtime.v2.task",
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        deadline = time.monotonic() + _START_S
        while "agent_started" not in self._log.read_text():
            self.check()
            if time.monotonic() > deadline:
                self.__exit__()
                msg = f"nonself-agent did not start within {_START_S:.0f} s: {self._said()}"
                raise AgentError(msg)
            time.sleep(0.1)
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def check(self) -> None:
        """Make sure that it still records.

        Raises:
            AgentError: It has ended.
        """
        if self._process is None or self._process.poll() is not None:
            msg = f"nonself-agent has ended: {self._said()}"
            raise AgentError(msg)

    def _said(self) -> str:
        return self._log.read_text(errors="replace")[-500:].strip()
