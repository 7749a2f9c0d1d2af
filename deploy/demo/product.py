"""Nonself as a user runs it: `nonself up` in a folder of its own, known by its REST API alone."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode

import urllib3

from demo.errors import ProductError, RefusedError

_START_S = 60.0
_STOP_S = 20.0
_BIN = Path(sys.executable).parent

Json = dict[str, Any]


class Product:
    """Service, worker and agent, for as long as a `with` block lasts.

    Args:
        window_s: Length of a window in seconds.
        budget_per_week: False alerts accepted per workload and week.
        options: More options of `nonself up`.
        keep: Leave the state folder, with the log in it, when the block ends.
    """

    def __init__(
        self, *, window_s: int, budget_per_week: float, keep: bool = False, options: Sequence[str] = ()
    ) -> None:
        self.window_s = window_s
        self._budget_per_week = budget_per_week
        self._options = options
        self.state = Path(tempfile.mkdtemp(prefix="nonself-demo-"))
        self._keep = keep
        self._http = urllib3.PoolManager(retries=False, timeout=10.0)
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"http://127.0.0.1:{_free_port()}"

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(timeout=_STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._http.clear()
        if not self._keep:
            shutil.rmtree(self.state, ignore_errors=True)

    def get(self, path: str, **query: object) -> Json:
        """Return the answer to a GET.

        Raises:
            RefusedError: The service answered with a problem.
            ProductError: It does not answer any more.
        """
        return self._ask("GET", path + ("?" + urlencode(query) if query else ""))

    def put(self, path: str, body: Json) -> Json:
        """Return the answer to a PUT of JSON; raises as `get` does."""
        return self._ask("PUT", path, json.dumps(body).encode())

    def post(self, path: str, body: Json) -> Json:
        """Return the answer to a POST of JSON; raises as `get` does."""
        return self._ask("POST", path, json.dumps(body).encode())

    def items(self, path: str, **query: object) -> list[Json]:
        """Return all entries of a list, page by page."""
        found: list[Json] = []
        page = self.get(path, limit=1000, **query)
        while page["items"]:
            found += page["items"]
            page = self.get(path, limit=1000, cursor=page["next_cursor"], **query)
        return found

    def log(self) -> str:
        """Return the end of what the product printed."""
        path = self.state / "log"
        return path.read_text(errors="replace")[-2000:].strip() if path.exists() else ""

    def _start(self) -> None:
        missing = _missing()
        if missing:
            msg = f"The agent cannot run here. {missing}"
            raise ProductError(msg)
        port = self.url.rpartition(":")[2]
        options = ("--port", port, "--state-dir", str(self.state / "var"), "--window-s", str(self.window_s))
        budget = ("--budget-per-week", str(self._budget_per_week))
        with (self.state / "log").open("wb") as output:
            self._process = subprocess.Popen(
                [str(_BIN / "nonself"), "up", *options, *budget, *self._options],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is for the demo, which stops the product last.
            )
        deadline = time.monotonic() + _START_S
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                msg = f"`nonself up` is not ready; it said: {self.log()}"
                raise ProductError(msg)
            time.sleep(0.1)

    def _ready(self) -> bool:
        try:
            return bool(self._request("GET", "/readyz").status == 200 and self.get("/v1/nodes")["items"])
        except (urllib3.exceptions.HTTPError, RefusedError, ProductError, OSError):
            return False

    def _ask(self, method: str, path: str, body: bytes | None = None) -> Json:
        try:
            answer = self._request(method, path, body)
        except urllib3.exceptions.HTTPError as error:
            msg = f"The service does not answer {method} {path}: {error}. It said: {self.log()}"
            raise ProductError(msg) from error
        if answer.status >= 400:
            msg = f"{method} {path}: {answer.status} {answer.data.decode(errors='replace')}"
            raise RefusedError(msg)
        return dict(answer.json())

    def _request(self, method: str, path: str, body: bytes | None = None) -> urllib3.BaseHTTPResponse:
        token = (self.state / "var" / "token").read_text().strip()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        return self._http.request(method, self.url + path, body=body, headers=headers)


def _missing() -> str:
    """Return what the agent lacks on this machine, empty where nothing that is required."""
    # Its token is made only when the product starts.
    check = subprocess.run(
        [str(_BIN / "nonself-agent"), "check", "--dry-run"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return "" if check.returncode == 0 else (check.stdout + check.stderr).strip()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
