"""Real receivers as programs of the operating system, started for one test."""

import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.waiting import wait_for


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def running(command: Sequence[str], port: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program until the block ends; begin once it listens."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is missing: deploy/install.sh lab")
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out) as program:
        try:
            wait_for(lambda: listens(port), said=log.read_text)
            yield program
        finally:
            program.kill()


def listens(port: int) -> bool:
    """Tell whether somebody listens on loopback."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
