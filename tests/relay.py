"""Stands between an agent and a service: keeps what the agent sent, and loses answers now and then."""

import random
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Final, Self

import urllib3

INGEST: Final = "/v1/ingest/profiles"
_PASSED: Final = ("Authorization", "Content-Type", "Content-Encoding", "X-Nonself-Signature")


class Relay:
    """Listens on loopback and passes every request on.

    Args:
        target: URL of the service.
        dice: Decides which answers to batches are lost: the service has them, and the agent sends again.
        lost: Share of answers that are lost.
    """

    def __init__(self, target: str, dice: random.Random, lost: float) -> None:
        self.sent: list[bytes] = []
        """Bodies of batches, each once, in the order in which the service first knew them."""
        self.sent_again = 0
        """Batches that came although the service knew them."""
        self.refused: list[str] = []
        """Answers to batches other than that they are known or that the service is not there."""
        self._known: set[bytes] = set()
        self._http = urllib3.PoolManager(retries=False, timeout=20)
        self._lock = threading.Lock()
        relay = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def do_GET(self) -> None:
                self._answer(*relay._pass_on("GET", self.path, dict(self.headers), None))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, type_, plain = relay._pass_on("POST", self.path, dict(self.headers), body)
                if self.path == INGEST:
                    relay._note(status, body, plain)
                    if dice.random() < lost:
                        status, plain = 503, b"{}"
                self._answer(status, type_, plain)

            def _answer(self, status: int, type_: str, plain: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", type_)
                self.send_header("Content-Length", str(len(plain)))
                self.end_headers()
                self.wfile.write(plain)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._target = target
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads, self._server.block_on_close = True, False
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._http.clear()

    def _pass_on(
        self, method: str, path: str, headers: dict[str, str], body: bytes | None
    ) -> tuple[int, str, bytes]:
        passed = {name: headers[name] for name in _PASSED if name in headers}
        try:
            answer = self._http.request(method, self._target + path, body=body, headers=passed)
        except urllib3.exceptions.HTTPError:
            return 503, "application/json", b"{}"
        return answer.status, answer.headers.get("Content-Type", "application/json"), answer.data

    def _note(self, status: int, body: bytes, plain: bytes) -> None:
        with self._lock:
            taken = status == 200 or (status == 409 and b"/problems/replayed" in plain)
            if not taken:
                if status != 503:
                    self.refused.append(f"{status} {plain!r}")
            elif body in self._known:
                self.sent_again += 1
            else:
                self._known.add(body)
                self.sent.append(body)
