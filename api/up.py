"""`nonself up` and `nonself serve`: a service in the foreground until somebody stops it."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import Final

from api.agent import LocalAgent
from api.errors import StoreError
from api.live import open_view, workloads_of
from api.server import running
from api.settings import ServiceSettings
from api.state import ADMIN_FILE, AGENT_FILE, AGENT_STATE

_REFRESH_S: Final = 1.0
_TRUST: Final = (
    "The agent of this host trusts the system's authorities. Where the certificate is of another, or of "
    "another name than the address above, say so: nonself up … -- --url https://NAME:PORT --ca-file FILE."
)
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def serve(settings: ServiceSettings) -> None:
    """Run the service alone.

    Raises:
        StartError: It cannot start.
    """
    with until_told() as told, running(settings) as (_core, server):
        _say(f"nonself serves {server.url}")
        _say(f"API token:      {(settings.state_dir / ADMIN_FILE).absolute()}")
        told.wait()


def up(settings: ServiceSettings, agent_options: list[str]) -> None:
    """Run the service and this host's agent, and show what they see.

    Raises:
        StartError: The service cannot start.
    """
    with until_told() as told, running(settings) as (core, server), ExitStack() as stack:
        _say(f"nonself serves {server.url}")
        _say(f"API token:      {(settings.state_dir / ADMIN_FILE).absolute()}")
        agent = LocalAgent(
            url=server.url,
            token_file=settings.state_dir / AGENT_FILE,
            state_dir=settings.state_dir / AGENT_STATE,
            window_s=settings.window_s,
            options=agent_options,
            log_dir=settings.state_dir,
        )
        if lacking := agent.missing():
            _say(without_agent(lacking, settings.port))
        else:
            # The agent stops first, so that its last window still finds a service.
            stack.callback(agent.stop)
            agent.start()
            _say(f"Agent log:      {agent.log.absolute()}")
            if settings.tls_cert and not any(each.startswith("--ca-file") for each in agent_options):
                _say(_TRUST)
        view = open_view()
        stack.callback(view.close)
        while not told.wait(_REFRESH_S):
            if trouble := agent.watch():
                _say(without_agent(trouble, settings.port))
            try:
                view.show(workloads_of(core))
            except StoreError as error:
                _say(error.detail)


def without_agent(reason: str, port: int) -> str:
    """Return the line that says why there is no agent, and how to feed the service from another node.

    Examples:
        >>> print(without_agent("root: run as root", 8787))
        No agent on this host (root: run as root). To feed this service from another node: start it with \
'--host 0.0.0.0 --tls-cert FILE --tls-key FILE', make a token with 'nonself enrol', and run \
there 'nonself-agent enrol --url https://THIS-HOST:8787 --enrol-token TOKEN', then 'nonself-agent run'.
    """
    return (
        f"No agent on this host ({reason.rstrip('.')}). To feed this service from another node: start it "
        "with '--host 0.0.0.0 --tls-cert FILE --tls-key FILE', make a token with 'nonself enrol', and run "
        f"there 'nonself-agent enrol --url https://THIS-HOST:{port} --enrol-token TOKEN', then "
        "'nonself-agent run'."
    )


@contextmanager
def until_told() -> Iterator[threading.Event]:
    """Give an event that Ctrl-C, SIGTERM and a closed terminal set; a second one ends the process at once."""
    told = threading.Event()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        told.set()

    before = {number: signal.signal(number, on_signal) for number in _SIGNALS}
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _say(line: str) -> None:
    print(line, file=sys.stdout, flush=True)  # noqa: T201 - made for people
