"""What runs in the service's process: store, worker and HTTP server, started and stopped together."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

import structlog
import uvicorn

from api.access import transport
from api.access.usage import UsageWriter
from api.app import create_app
from api.baselines.automatic import Promoter
from api.core import Core
from api.db.migrate import upgrade
from api.db.store import Store
from api.errors import StartError
from api.kubernetes.start import asking_kubernetes
from api.lifecycle import versions
from api.oidc import settings as oidc
from api.push.dispatcher import pushing
from api.retention.keeper import Keeper
from api.rules.shipped import read_shipped, seed
from api.settings import ServiceSettings
from api.state import claimed, make_first_tokens
from api.tracing.start import tracing
from api.troubles.watch import Watch
from api.tuning import tuned
from api.worker.worker import Worker

_PEER_TIMEOUT_MS: Final = 60_000
_log = structlog.get_logger()


class Server:
    """An HTTP server in a thread of its own."""

    def __init__(self, core: Core, listener: socket.socket) -> None:
        self._core = core
        self._listener = listener
        settings = core.settings
        self._secure = bool(settings.tls_cert)
        config = uvicorn.Config(
            create_app(core),
            # Where no proxy is trusted, nobody may say that he comes from elsewhere.
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=settings.trusted_proxies or None,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=5,
            # Longer than a window, so that agents keep their connection from one to the next.
            timeout_keep_alive=75,
            h11_max_incomplete_event_size=64 * 1024,
        )
        if self._secure:
            config.ssl_context_factory = lambda _config, _default: transport.context(settings)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="nonself-http", daemon=True)

    @property
    def url(self) -> str:
        """Where the service answers."""
        host, port = self._listener.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        return f"{'https' if self._secure else 'http'}://{shown}:{port}"

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the requests at hand and end."""
        self._core.stopping = True
        self._core.end_streams()
        self._server.should_exit = True
        self._thread.join()
        self._listener.close()

    def _run(self) -> None:
        self._server.run(sockets=[self._listener])


@contextmanager
def running(settings: ServiceSettings) -> Iterator[tuple[Core, Server]]:
    """Run a service: migrated, listening, and with a worker, until the block ends.

    Raises:
        StartError: The state folder, the database or the port cannot be used.
    """
    with ExitStack() as stack:
        transport.check(settings)
        oidc.read(settings)
        stack.enter_context(claimed(settings.state_dir))
        listener = listen(settings.host, settings.port)
        stack.callback(listener.close)
        upgrade(settings.url)
        core = Core(settings=settings, store=Store(settings.url))
        stack.callback(core.store.close)
        core.tracer = stack.enter_context(tracing(settings))
        core.store.claim()
        make_first_tokens(core)
        core.falco.check()
        with core.store.write() as session:
            seed(session, read_shipped(), core.clock.now_ms())
            versions.align_all(session, core.clock.now_ms())
        stack.enter_context(asking_kubernetes(core))
        stack.enter_context(core.falco.posting(core.store))
        usage = UsageWriter(core.guard.usage, core.store)
        usage.start()
        stack.callback(usage.stop)
        stack.enter_context(pushing(core))
        worker = Worker(core, chores=(Promoter(core).step,))
        worker.start()
        stack.callback(worker.stop)
        keeper = Keeper(core)
        keeper.start()
        stack.callback(keeper.stop)
        watch = Watch(core)
        watch.start()
        stack.callback(watch.stop)
        stack.enter_context(tuned())
        server = Server(core, listener)
        server.start()
        stack.callback(server.stop)
        _log.info("service_started", url=server.url, state_dir=str(settings.state_dir))
        yield core, server
        _log.info("service_stopping")


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises:
        StartError: Another program has the port, or the address is not this machine's.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.create_server(address[:2], family=family, backlog=1024)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        msg = f"The service cannot listen on {host} port {port}: {reason}. Choose another with --port."
        raise StartError(msg) from error
    # A peer that is gone without a word, or takes nothing, is given up; its stream would stay for minutes.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _PEER_TIMEOUT_MS)
    # asyncio does it only for sockets that name their protocol; without it, the second request of a
    # connection waits 40 ms for an acknowledgement that the client delays.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
