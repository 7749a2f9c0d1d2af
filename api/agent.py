"""The agent of this host as a child process of `nonself up`: started, watched, restarted and stopped."""

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from wire.retry import backoff_s

_CHECK_S: Final = 60
_STOP_S: Final = 10
_SETTLED_S: Final = 5
"""An agent that ends sooner has most likely not been able to run."""
_FIRST_PAUSE_S: Final = 2.0
_LONGEST_PAUSE_S: Final = 60.0
_LOG: Final = "agent.log"


class LocalAgent:
    """Runs `nonself-agent` from the same environment; what it logs goes to a file of the state folder."""

    def __init__(
        self,
        *,
        url: str,
        token_file: Path,
        state_dir: Path,
        window_s: int,
        options: list[str],
        log_dir: Path,
        program: Path | None = None,
    ) -> None:
        self._program = program or Path(sys.executable).with_name("nonself-agent")
        self._arguments = [
            f"--url={url}",
            f"--token-file={token_file.absolute()}",
            f"--state-dir={state_dir.absolute()}",
            f"--window-s={window_s}",
            *options,
        ]
        self._log = log_dir / _LOG
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._failures = 0
        self._restart_at = 0.0
        self._chance = random.Random()  # noqa: S311 - spreads pauses

    @property
    def log(self) -> Path:
        """File of its log."""
        return self._log

    def missing(self) -> str | None:
        """Return a sentence on what this host lacks for an agent, or None if it has everything."""
        command = [str(self._program), "check", "--json", *self._arguments]
        try:
            answer = subprocess.run(command, capture_output=True, timeout=_CHECK_S, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"{self._program} does not run here: {error}"
        try:
            report = json.loads(answer.stdout)
        except ValueError:
            said = answer.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"]
            return f"{self._program} cannot check this host: {said[-1].removeprefix('nonself-agent: ')}"
        lacking = [
            f"{each['name']}: {each['detail']}"
            for each in report["requirements"]
            if each["required"] and not each["ok"]
        ]
        return None if report["can_run"] else "; ".join(lacking) or "a requirement is not met"

    def start(self) -> None:
        """Start it; the kernel ends it if this process dies without a chance to."""
        tied = ["setpriv", "--pdeathsig", "TERM", "--"] if shutil.which("setpriv") else []
        with self._log.open("ab") as log:
            # In a session of its own, so that Ctrl-C reaches only us and we can stop things in order.
            self._process = subprocess.Popen(
                [*tied, str(self._program), "run", *self._arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._started_at = time.monotonic()

    def watch(self) -> str | None:
        """Restart it if it ended by itself: at once, or after longer and longer pauses where it ends at once.

        Returns:
            A sentence to show when it first ended soon after its start, None otherwise.
        """
        now = time.monotonic()
        if self._process is None:
            if self._failures and now >= self._restart_at:
                self.start()
            return None
        settled = now - self._started_at >= _SETTLED_S
        if self._process.poll() is None:
            self._failures = 0 if settled else self._failures
            return None
        words, self._process = self._last_words(), None
        if settled:
            self.start()
            return None
        self._failures += 1
        self._restart_at = now + backoff_s(
            self._failures, first_s=_FIRST_PAUSE_S, cap_s=_LONGEST_PAUSE_S, chance=self._chance
        )
        return f"the agent ended and is tried again: {words}" if self._failures == 1 else None

    def stop(self) -> None:
        """Let it send its last window, and end it for good."""
        self._failures = 0
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _last_words(self) -> str:
        if self._process is not None and (ended := self._process.returncode) < 0:
            return f"it was ended by {signal.Signals(-ended).name}."
        lines = self._log.read_bytes()[-4096:].decode(errors="replace").splitlines()
        return lines[-1].removeprefix("nonself-agent: ") if lines else "it said nothing."
