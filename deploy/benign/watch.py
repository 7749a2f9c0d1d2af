"""The agent with the default rules, as a child process, and the matches that it prints."""

import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from lab import Lab
from lab.errors import LabError
from lab.processes import stop

_BIN = Path(sys.executable).parent
_START_S = 60.0

Match = dict[str, Any]
"""One line of the agent's output, in the form of Falco's alerts."""


class WatchError(LabError):
    """The agent did not start, or ended by itself; the message holds its last words."""


class Watch:
    """`nonself-agent rules run --default` on this node, for as long as a `with` block lasts.

    Args:
        lab: Whose containers are to be named.
        files: Further rule files, loaded after the default ones.
        ring_bytes: Room for events that wait; the agent's default is a sixteenth. Other programs on a crowded
            machine make events too, and what is lost proves nothing.
    """

    def __init__(self, lab: Lab, *files: Path, ring_bytes: int = 256 << 20) -> None:
        self._lab = lab
        self._files = files
        self._ring_bytes = ring_bytes
        self._log = lab.folder / "rules.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._lines: list[Match] = []
        self._news = threading.Condition()

    def __enter__(self) -> Self:
        roots = f"--bundle-roots={self._lab.state}/io.containerd.runtime.v2.task"
        own = (f"--cri-sockets={self._lab.socket}", roots)
        command = [str(_BIN / "nonself-agent"), "rules", "run", "--default", "--json", *own]
        command.append(f"--ring-bytes={self._ring_bytes}")
        if self._files:
            command += ["--rules", *map(str, self._files)]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log
            )
        self._reader = threading.Thread(target=self._read, name="rules", daemon=True)
        self._reader.start()
        deadline = time.monotonic() + _START_S
        while not self.ready:
            if not self.running or time.monotonic() > deadline:
                said = self.log()
                self.__exit__()
                msg = f"The agent watches no rules; it said: {said[-1500:].strip()}"
                raise WatchError(msg)
            time.sleep(0.1)
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            stop(self._process)
        if self._reader is not None:
            self._reader.join()
        if self._process is not None and self._process.stdout is not None:
            self._process.stdout.close()

    @property
    def running(self) -> bool:
        """Whether the agent lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def ready(self) -> bool:
        """Whether it has said that events are being matched."""
        return "ready" in self.log().splitlines()

    @property
    def matches(self) -> list[Match]:
        """All matches so far, in the order of their events."""
        with self._news:
            return list(self._lines)

    def log(self) -> str:
        """Return what the agent said beside its matches."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    @property
    def dropped(self) -> int:
        """Events that the agent says it lost."""
        return sum(int(found) for found in re.findall(r"^dropped (\d+) events", self.log(), re.MULTILINE))

    def wait_for(self, wanted: Callable[[Match], bool], timeout_s: float = 30.0, since: int = 0) -> Match:
        """Wait until a match is there, the first `since` aside.

        Raises:
            WatchError: It did not come in time.
        """
        deadline, seen = time.monotonic() + timeout_s, since
        with self._news:
            while True:
                for match in self._lines[seen:]:
                    if wanted(match):
                        return match
                seen = len(self._lines)
                if time.monotonic() > deadline:
                    msg = f"{seen} matches, not the awaited one; the agent said: {self.log()[-1500:].strip()}"
                    raise WatchError(msg)
                self._news.wait(0.2)

    def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        for line in self._process.stdout:
            match = json.loads(line)
            with self._news:
                self._lines.append(match)
                self._news.notify_all()
