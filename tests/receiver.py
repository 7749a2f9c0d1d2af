"""A service reduced to its promise: it keeps each delta once, and answers as it is told."""

import hashlib
import json
import ssl
import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from wire.codec import SIGNATURE_HEADER, decode_batch, encode_delta, signing_key, verify
from wire.profile import Batch, ProfileDelta

TOKEN = "a-token-for-tests"

Identity = tuple[str, str, str, int]


class Receiver:
    """Listens on loopback. Answers queued in `script` come first; then batches are taken.

    A script's item is (status, headers, body), or None for a connection closed after the batch was kept.
    """

    def __init__(self, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self.deltas: dict[Identity, ProfileDelta] = {}
        self.batches: list[Batch] = []
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.conflicts: list[Identity] = []
        self.script: deque[tuple[int, dict[str, str], bytes] | None] = deque()
        self.changed = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body in one segment: in two, each answer would wait for a delayed ACK

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = receiver.answer(dict(self.headers), body)
                if answer is None:
                    self.close_connection = True
                    return
                status, headers, plain = answer
                self.send_response(status)
                for name, value in (headers | {"Content-Length": str(len(plain))}).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(plain)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *_: object) -> None:
                """A sender that was killed in the middle is part of the test."""

        self._server = Server(("127.0.0.1", port), Handler)
        self.port = self._server.server_port
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes] | None:
        """Take one request."""
        with self.changed:
            try:
                self.requests.append((headers, body))
                if not self.script:
                    return self._take(headers, body)
                answer = self.script.popleft()
                if answer is None:
                    self._take(headers, body)
                return answer
            finally:
                self.changed.notify_all()

    def wait(self, what, timeout_s: float = 10.0) -> bool:
        """Wait until a condition on this receiver holds."""
        with self.changed:
            return self.changed.wait_for(what, timeout_s)

    def _take(self, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        signed = verify(body, headers.get(SIGNATURE_HEADER, ""), signing_key(TOKEN))
        if headers.get("Authorization") != f"Bearer {TOKEN}" or not signed:
            return problem(401, "unauthenticated", "Who are you?")
        batch = decode_batch(body)
        self.batches.append(batch)
        fresh = 0
        for delta in batch.deltas:
            identity = (delta.node, delta.boot_id, delta.container.id, delta.start)
            known = self.deltas.setdefault(identity, delta)
            fresh += known is delta
            if encode_delta(known) != encode_delta(delta):
                self.conflicts.append(identity)
        if batch.deltas and not fresh:
            return problem(409, "replayed", "All of it is known.")
        return 200, {}, json.dumps({"accepted": fresh}).encode()


def problem(status: int, slug: str, detail: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Return an answer in the form of RFC 9457."""
    plain = {"type": f"/problems/{slug}", "title": slug, "status": status, "detail": detail}
    return status, {"Content-Type": "application/problem+json"} | headers, json.dumps(plain).encode()


def digest(body: bytes) -> str:
    """Return a short name for a body."""
    return hashlib.sha256(body).hexdigest()[:12]
