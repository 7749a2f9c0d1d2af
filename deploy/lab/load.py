"""Programs on the host that talk to a lab's services: wrk, redis-benchmark, pgbench, psql."""

import subprocess
import tempfile
from collections.abc import Sequence

from lab.processes import stop
from lab.requirements import PACKAGES, find, require


class Load:
    """One running program, most often a load generator.

    Args:
        command: Program and arguments.

    Raises:
        MissingRequirementError: The program is not installed.
    """

    def __init__(self, command: Sequence[str]) -> None:
        require(command[:1] if command[0] in PACKAGES else ())
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - closed by stop()
        self._process = subprocess.Popen(
            [str(find(command[0])), *command[1:]],
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )

    @property
    def running(self) -> bool:
        """Whether it goes on."""
        return self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """How it ended; None while it runs."""
        return self._process.poll()

    def wait(self, timeout_s: float = 120.0) -> str:
        """Wait for its end; return what it printed."""
        self._process.wait(timeout=timeout_s)
        return self.output()

    def output(self) -> str:
        """Return what it has printed so far."""
        self._output.seek(0)
        return self._output.read().decode(errors="replace")

    def stop(self) -> None:
        """End it."""
        if not self._output.closed:
            stop(self._process, patience_s=2)
            self._output.close()
