"""What operators do to a healthy service: reloads, changed settings, jobs of the night, restarts.

Each is done the way it is done in production: a signal or a changed file from the host, or a client of the
service.
"""

import os
import random
import re
import signal
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import urllib3
from demo.workloads import Workload

_PATIENCE_S = 120.0


@dataclass(frozen=True)
class Operation:
    """One kind of thing that operators do."""

    name: str
    period_s: float
    """It happens once, at a random time, in each stretch of this length."""
    act: Callable[[Workload, random.Random], None]


def _root(workload: Workload) -> Path:
    """Return the container's file system as the host sees it."""
    return Path(f"/proc/{workload.pod.container.pid}/root")


def _signal(number: signal.Signals) -> Callable[[Workload, random.Random], None]:
    return lambda workload, _: _send(workload, number)


def _send(workload: Workload, number: signal.Signals) -> None:
    pid = workload.pod.container.pid
    if pid <= 0:
        # Of a container that ended; a signal to 0 goes to the whole process group of this script.
        msg = f"The container of {workload.pod.name} has no process."
        raise OSError(msg)
    os.kill(pid, number)


def _restart(workload: Workload, _: random.Random) -> None:
    workload.pod.restart()
    workload.wait_until_served()


def _run(workload: Workload, *command: str) -> None:
    load = workload.lab.load(*command)
    said = load.wait(_PATIENCE_S)
    failed = load.exit_code
    load.stop()
    if failed:
        msg = f"{command[0]}: {said.strip()[-200:]}"
        raise OSError(msg)


def _nginx_settings(workload: Workload, dice: random.Random) -> None:
    path = _root(workload) / "etc/nginx/nginx.conf"
    changed = re.sub(
        r"worker_connections \d+", f"worker_connections {dice.randrange(256, 1024)}", path.read_text()
    )
    path.write_text(changed)
    _send(workload, signal.SIGHUP)


def _nginx_rotate(workload: Workload, _: random.Random) -> None:
    logs = _root(workload) / "var/log/nginx"
    for name in ("access.log", "error.log"):
        (logs / name).rename(logs / f"{name}.1")
    _send(workload, signal.SIGUSR1)


def _redis(*commands: str) -> Callable[[Workload, random.Random], None]:
    def act(workload: Workload, dice: random.Random) -> None:
        _run(workload, "redis-cli", "-h", workload.address, *dice.choice(commands).split())

    return act


def _redis_dump(workload: Workload, _: random.Random) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _run(workload, "redis-cli", "-h", workload.address, "--rdb", f"{folder}/dump.rdb")


def _sql(*statements: str) -> Callable[[Workload, random.Random], None]:
    def act(workload: Workload, dice: random.Random) -> None:
        database = ("-h", workload.address, "-U", "postgres", "-q", "-At")
        each = [word for part in dice.choice(statements).split(";") for word in ("-c", part.strip())]
        _run(workload, "psql", *database, *each, "postgres")

    return act


def _pg_dump(workload: Workload, _: random.Random) -> None:
    _run(workload, "pg_dump", "-h", workload.address, "-U", "postgres", "-f", os.devnull, "postgres")


def _http_get(path: str) -> Callable[[Workload, random.Random], None]:
    def act(workload: Workload, _: random.Random) -> None:
        with urllib3.PoolManager(retries=False, timeout=_PATIENCE_S) as http:
            http.request("GET", f"http://{workload.address}:{workload.port}{path}")

    return act


def _recycle_worker(workload: Workload, dice: random.Random) -> None:
    pid = workload.pod.container.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    os.kill(int(dice.choice(children)), signal.SIGTERM)


OPERATIONS: Mapping[str, Sequence[Operation]] = {
    "shop/web": (
        Operation("reload", 600, _signal(signal.SIGHUP)),
        Operation("changed settings", 900, _nginx_settings),
        Operation("nightly log rotation", 700, _nginx_rotate),
        Operation("restart", 1500, _restart),
    ),
    "shop/cache": (
        Operation(
            "changed settings",
            400,
            _redis(
                "CONFIG SET maxmemory-policy allkeys-lru",
                "CONFIG SET save 60 1000",
                "CONFIG SET save 10 100",
                "CONFIG SET loglevel verbose",
                "CONFIG SET loglevel notice",
                "CONFIG SET hz 20",
                "CONFIG SET hz 10",
            ),
        ),
        Operation("nightly save", 700, _redis("BGSAVE SCHEDULE")),
        Operation("nightly rewrite", 1100, _redis("BGREWRITEAOF")),
        Operation("nightly dump", 900, _redis_dump),
        Operation("scan of keys", 800, _redis("--bigkeys -i 0.001", "INFO", "SLOWLOG GET")),
        Operation("restart", 1500, _restart),
    ),
    "shop/orders": (
        Operation("reload", 600, _signal(signal.SIGHUP)),
        Operation("worker recycled", 500, _recycle_worker),
        Operation("nightly report", 700, _http_get("/report")),
        Operation("restart", 1500, _restart),
    ),
    "data/ledger": (
        Operation("reload", 900, _signal(signal.SIGHUP)),
        Operation(
            "changed settings",
            600,
            _sql(*(f"ALTER SYSTEM SET work_mem='{mib}MB';SELECT pg_reload_conf()" for mib in (2, 4, 8, 16))),
        ),
        Operation("nightly vacuum", 900, _sql("VACUUM (ANALYZE)", "VACUUM (FREEZE, ANALYZE)")),
        Operation("nightly dump", 900, _pg_dump),
        Operation(
            "nightly reindex", 1100, _sql("REINDEX TABLE pgbench_branches;REINDEX TABLE pgbench_accounts")
        ),
        Operation("restart", 1500, _restart),
    ),
}
"""By workload. The periods are short so that hours hold what weeks of production hold."""
