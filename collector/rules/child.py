"""What runs in the process that `collector.rules.process` starts: an engine that follows the service.

Its first line of input holds its settings; the end of its input is the end of the agent, and so its own.
"""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final

from collector.errors import CollectorError
from collector.identity.settings import IdentitySettings
from collector.logs import configure
from collector.rules.follow import Following
from collector.rules.process import READY
from collector.rules.settings import RuleSettings
from collector.settings import AgentSettings
from collector.stopping import stopped_by_failures, stopped_by_signals
from wire.errors import WireError

CANNOT_RUN: Final = 1
_GRACE_S: Final = 8.0
"""From the agent's end on; more than sending what waits may take."""
_PATHS: Final = ("token_file", "state_dir")


class _Stop:
    """Stops an engine that may not have been built yet."""

    def __init__(self) -> None:
        self._following: Following | None = None
        self.told = threading.Event()

    def __call__(self) -> None:
        self.told.set()
        if self._following is not None:
            self._following.stop()

    def attend(self, following: Following) -> None:
        """Stop this one; at once where somebody was quicker."""
        self._following = following
        if self.told.is_set():
            following.stop()


def main() -> None:
    """Run until the input ends; the exit code is 0 then, and 1 where the engine cannot run."""
    # Ctrl-C goes to the whole group of the terminal; the agent decides when its engine ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    agent, rules, identity = _settings(json.loads(sys.stdin.buffer.readline()))
    configure(agent.log_format, agent.log_level)
    stop = _Stop()
    threading.Thread(target=_end_with, args=(sys.stdin.buffer, stop), name="agent", daemon=True).start()
    sys.exit(_run(agent, rules, identity, stop))


def _run(agent: AgentSettings, rules: RuleSettings, identity: IdentitySettings, stop: _Stop) -> int:
    try:
        following = Following(agent, rules, identity, silent=(os.getpid(), os.getppid()))
        stop.attend(following)
        try:
            with stopped_by_signals(stop), stopped_by_failures(stop) as failed:
                following.start()
                print(READY, flush=True)  # noqa: T201 - to the agent
                following.run()
        finally:
            following.close()
    except (CollectorError, WireError, OSError) as error:
        print(error, flush=True)  # noqa: T201 - to the agent
        return CANNOT_RUN
    return CANNOT_RUN if failed.is_set() else 0


def _settings(plain: Mapping[str, Mapping[str, Any]]) -> tuple[AgentSettings, RuleSettings, IdentitySettings]:
    paths = {name: Path(plain["agent"][name]) for name in _PATHS}
    return (
        AgentSettings(**(dict(plain["agent"]) | paths)),
        RuleSettings(**plain["rules"]),
        IdentitySettings(**plain["identity"]),
    )


def _end_with(agent: BinaryIO, stop: _Stop) -> None:
    agent.read()
    stop()
    time.sleep(_GRACE_S)
    # Whatever it hangs in, an engine without its agent must not stay.
    os._exit(CANNOT_RUN)


if __name__ == "__main__":
    main()
