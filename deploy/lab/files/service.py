"""A small HTTP service, as many are run: a few worker processes, each taking one request at a time.

`/ping` passes its parameter to a shell unchecked (CWE-78): the lab intrudes through it.
"""

import contextlib
import gzip
import hashlib
import json
import logging
import os
import signal
import subprocess
import tempfile
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

WORKERS: set[int] = set()
STORE = Path(tempfile.mkdtemp(prefix="orders-"))
LOG = logging.getLogger("service")
logging.basicConfig(filename="/var/log/app/service.log", level=logging.INFO, format="%(asctime)s %(message)s")


class Handler(BaseHTTPRequestHandler):
    """Orders are put and read; `/digest` works the processor; `/ping` is the hole."""

    protocol_version = "HTTP/1.0"  # The connection ends with the answer, so that no client keeps a worker.
    wbufsize = -1

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        if url.path == "/ping":
            command = "echo pong " + query.get("host", "")
            self._reply(200, subprocess.run(command, shell=True, capture_output=True, check=False).stdout)
        elif url.path.startswith("/orders/"):
            file = STORE / hashlib.md5(url.path.encode()).hexdigest()
            self._reply(200, file.read_bytes()) if file.exists() else self._reply(404, b"{}")
        elif url.path == "/report":
            self._reply(200, report())
        elif url.path == "/digest":
            self._reply(
                200, json.dumps({"sha256": hashlib.sha256(url.query.encode() * 500).hexdigest()}).encode()
            )
        else:
            self._reply(200, b'{"status": "ok"}')

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        name = hashlib.md5(urlsplit(self.path).path.encode()).hexdigest()
        (STORE / name).write_bytes(body)
        LOG.info("stored %s", name)
        self._reply(201, b"{}")

    def _reply(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep the standard log quiet."""


def report() -> bytes:
    """Gather all orders into one compressed file, as a nightly job does, and return its size."""
    target = STORE / "report.gz"
    with gzip.open(target, "wt") as out:
        for file in sorted(STORE.iterdir()):
            if file != target:
                out.write(file.read_text(errors="replace") + "\n")
    return json.dumps({"bytes": target.stat().st_size}).encode()


def reload(*_: object) -> None:
    """Let new workers take the place of the old ones, as application servers do at SIGHUP."""
    for pid in WORKERS:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


def stop(*_: object) -> None:
    """End at SIGTERM, which the first process of a container would ignore otherwise."""
    raise SystemExit(0)


class Server(HTTPServer):
    """One request at a time; its workers share the socket."""

    allow_reuse_address = True
    request_queue_size = 128


def main() -> None:
    """Fork the workers, and a new one for each that ends."""
    server = Server(("0.0.0.0", 8000), Handler)
    signal.signal(signal.SIGHUP, reload)
    signal.signal(signal.SIGTERM, stop)
    while True:
        while len(WORKERS) < 4:
            pid = os.fork()
            if pid == 0:
                signal.signal(signal.SIGHUP, signal.SIG_IGN)
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                server.serve_forever()
            WORKERS.add(pid)
        WORKERS.discard(os.wait()[0])


main()
