"""Starts programs of this repository for a section, and ends them."""

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import urllib3

from api.client import Client
from api.connection import Connection, read_token
from bench.loads import free_port

_BIN = Path(sys.executable).parent
_START_S = 30.0
_STOP_S = 15.0


@contextlib.contextmanager
def running(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run one of our commands for the length of a block; what it says goes to a file."""
    with log.open("wb") as sink:
        process = subprocess.Popen([_BIN / command[0], *command[1:]], stdout=sink, stderr=subprocess.STDOUT)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextlib.contextmanager
def service(folder: Path) -> Iterator[tuple[str, str]]:
    """Run `nonself serve` on a fresh database; yield its URL and a token of role ingest.

    Raises:
        RuntimeError: It did not become ready.
    """
    state, port = folder / "state", free_port()
    create = [
        _BIN / "nonself",
        "token",
        "create",
        "bench",
        "--role",
        "ingest",
        "--json",
        "--state-dir",
        state,
    ]
    made = subprocess.run(create, capture_output=True, text=True, check=False, timeout=_START_S)
    if made.returncode:
        msg = f"nonself token create failed: {made.stderr.strip()}"
        raise RuntimeError(msg)
    token, url, log = json.loads(made.stdout)["token"], f"http://127.0.0.1:{port}", folder / "serve.log"
    with running(["nonself", "serve", "--state-dir", str(state), "--port", str(port)], log) as process:
        ready(url, process, log)
        yield url, token


def ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a service answers.

    Raises:
        RuntimeError: It did not become ready.
    """
    wait_for(lambda: _is_ready(url), _START_S, f"nonself serve: {log}", process)


def as_admin(folder: Path, url: str) -> Client:
    """Return a client of a service started here, with its administrator's token."""
    return Client(Connection(url, read_token(folder / "state" / "token")))


@contextlib.contextmanager
def agent_with_rules(folder: Path, url: str, token: str, window_s: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run `nonself-agent run` with the service's rules for the length of a block.

    Raises:
        RuntimeError: It has no rules within two minutes.
    """
    (folder / "agent-token").write_text(token)
    log = folder / "agent.log"
    command = ["nonself-agent", "run", "--url", url, "--window-s", str(window_s)]
    command += ["--token-file", str(folder / "agent-token"), "--state-dir", str(folder / "agent")]
    command += ["--runc-roots", str(folder / "containers/runc")]
    with running(command, log) as process:
        wait_for(lambda: "rules_taken" in log.read_text(), 4 * _START_S, f"its rules: {log}", process)
        yield process


def wait_for(
    holds: Callable[[], bool], seconds: float, what: str, process: subprocess.Popen[bytes] | None = None
) -> None:
    """Wait until a condition holds.

    Raises:
        RuntimeError: It did not in time, or the process ended.
    """
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline or (process is not None and process.poll() is not None):
            msg = f"Waited {seconds:.0f} s in vain for {what}."
            raise RuntimeError(msg)
        time.sleep(0.1)


def _is_ready(url: str) -> bool:
    try:
        return urllib3.request("GET", f"{url}/readyz", retries=False, timeout=2.0).status == 200
    except urllib3.exceptions.HTTPError:
        return False
