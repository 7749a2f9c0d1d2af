"""The four workloads of the demo and of recordings, and the load, of changing intensity, on each of them."""

import os
import random
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lab import Lab, Pod, StartError

_FILES = Path(__file__).parent / "files"
_LEVELS = (0.25, 0.5, 1.0, 2.0)
"""Intensities that learning meets."""
_CHANGED_LEVELS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0)
"""Intensities afterwards: also less and more than learning ever met."""
_SCALE = 4
"""Of pgbench: at least the number of clients, as its manual asks, or they wait for each other."""
_BURST_S = 60.0
_ATTEMPTS, _PAUSE_S = 900, 0.2
"""Three minutes: on a busy machine making a database cluster takes one."""

Commands = Callable[[str, random.Random, float], Sequence[Sequence[str]]]
"""Given address, dice and intensity: the commands of one burst, one after the other."""


@dataclass
class Workload:
    """One pod, and the load on it."""

    name: str
    pod: Pod
    bursts: Commands
    lab: Lab
    seed: int
    levels: Sequence[float] = _LEVELS
    """Intensities that a burst is drawn from; none is an idle stretch."""
    address: str = field(init=False)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    failures: list[str] = field(default_factory=list)
    done: int = 0
    """Commands of load that ran to their end."""

    def __post_init__(self) -> None:
        self.address = self.pod.ip

    def start_load(self) -> None:
        """Begin to send bursts of load until `stop_load`."""
        self._thread = threading.Thread(target=self._run, name=f"load-{self.name}", daemon=True)
        self._thread.start()

    def change_load(self) -> None:
        """From the next burst on use intensities outside of what learning met, too."""
        self.levels = _CHANGED_LEVELS

    @property
    def port(self) -> int:
        """The port that it serves on."""
        return _KINDS[self.name].port

    def wait_until_served(self) -> None:
        """Wait until it takes connections, for example after a restart.

        Raises:
            StartError: It does not.
        """
        _wait_for_port(self.pod, self.port)

    def stop_load(self) -> None:
        """End the load."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        dice = random.Random(self.seed)
        while not self._stop.is_set():
            levels = self.levels
            commands = self.bursts(self.address, dice, dice.choice(levels)) if levels else ()
            for command in commands:
                load = self.lab.load(*command)
                deadline = time.monotonic() + _BURST_S
                # A client whose server was restarted under it may wait for ever.
                while load.running and time.monotonic() < deadline and not self._stop.wait(0.05):
                    pass
                said = load.output()
                if load.exit_code and not self._stop.is_set():
                    self.failures.append(f"{command[0]}: {said.strip()[-200:]}")
                self.done += not load.running
                load.stop()
                if self._stop.is_set():
                    return
            self._stop.wait(dice.uniform(0, 1))


@dataclass(frozen=True)
class _Kind:
    container: str
    image: str
    port: int
    bursts: Commands
    prepare: Callable[[Lab, Pod], None] = lambda _lab, _pod: None
    keeps: str = ""
    """The folder whose files outlive the container, where it has one."""
    user: int = 0


def start(
    lab: Lab,
    names: Sequence[str],
    report: Callable[[str], None],
    *,
    prefix: str = "",
    replicas: int = 1,
    labels: Mapping[str, str] | None = None,
    image: str = "",
    first: int = 0,
) -> list[Workload]:
    """Start workloads, out of `NAMES`, and wait until each serves.

    Args:
        lab: Where they run.
        names: Which of them.
        report: Takes one line for each.
        prefix: Before the namespaces, so that two runs on one node are not taken for one workload.
        replicas: Pods of each.
        labels: On every pod.
        image: In place of the usual one.
        first: Number of the first pod of each.

    Raises:
        StartError: One does not serve.
    """
    workloads = []
    for full_name, replica in (
        (name, replica) for name in names for replica in range(first, first + replicas)
    ):
        kind = _KINDS[full_name]
        namespace, name = full_name.split("/")
        pod = lab.pod(
            prefix + namespace,
            f"{name}-{replica}",
            container=kind.container,
            image=image or kind.image,
            labels={"app.kubernetes.io/name": name} | dict(labels or {}),
            volumes=_volumes(lab, kind, f"{name}-{replica}"),
        )
        workloads.append(Workload(full_name, pod, kind.bursts, lab, len(workloads)))
        report(f"{full_name}: {image or kind.image} at {pod.ip}:{kind.port}")
    for workload in workloads:
        workload.wait_until_served()
        _KINDS[workload.name].prepare(lab, workload.pod)
    return workloads


def _volumes(lab: Lab, kind: _Kind, pod: str) -> Mapping[str, Path]:
    if not kind.keeps:
        return {}
    folder = lab.folder / "volumes" / pod
    folder.mkdir(parents=True)
    folder.chmod(0o700)
    os.chown(folder, kind.user, kind.user)
    return {kind.keeps: folder}


def _wait_for_port(pod: Pod, port: int) -> None:
    for _ in range(_ATTEMPTS):
        try:
            socket.create_connection((pod.ip, port), timeout=1.0).close()
        except OSError:
            time.sleep(_PAUSE_S)
        else:
            return
    msg = f"{pod.name} does not listen on port {port}: {pod.container.logs()[-400:]}"
    raise StartError(msg)


def _fill_database(lab: Lab, pod: Pod) -> None:
    fill = (*_pgbench(pod.ip), "-i", "-q", "-s", str(_SCALE))
    # A database in use has its pages in memory; one that still reads each for the first time does something
    # new for minutes.
    warm = _psql(pod.ip, "SELECT count(*) FROM pgbench_accounts")
    for command in (fill, warm):
        _run_until_it_works(lab, pod, command)


def _run_until_it_works(lab: Lab, pod: Pod, command: Sequence[str]) -> None:
    said = ""
    # The port opens a moment before the server takes queries.
    for _ in range(_ATTEMPTS):
        load = lab.load(*command)
        said = load.wait()
        failed = load.exit_code
        load.stop()
        if not failed:
            return
        time.sleep(_PAUSE_S)
    msg = f"{pod.name} takes no queries: {said.strip()[-400:]}"
    raise StartError(msg)


def _nginx(address: str, dice: random.Random, level: float) -> Sequence[Sequence[str]]:
    return [_wrk(f"http://{address}:8080/", "nginx.lua", dice, level)]


def _orders(address: str, dice: random.Random, level: float) -> Sequence[Sequence[str]]:
    return [_wrk(f"http://{address}:8000/", "orders.lua", dice, level)]


def _wrk(url: str, script: str, dice: random.Random, level: float) -> Sequence[str]:
    connections = max(1, round(4 * level))
    think_ms = round(20 / level)
    seconds = dice.choice((1, 2, 3))
    seed = str(dice.randrange(1 << 30))
    run = ("wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(_FILES / script), url, "--")
    return (*run, seed, str(think_ms))


def _redis(address: str, dice: random.Random, level: float) -> Sequence[Sequence[str]]:
    tests = dice.sample(
        ("set", "get", "incr", "lpush", "lpop", "sadd", "hset", "zadd", "lrange_100", "mset"), 3
    )
    clients = str(max(1, round(8 * level)))
    run = ("redis-benchmark", "-h", address, "-q", "-r", "1000", "-c", clients)
    pipeline = ("-P", str(dice.choice((1, 1, 4, 16))))
    # A multiple of the pipeline's depth: otherwise redis-benchmark may overshoot and call it an error.
    requests = str(16 * round(50 * level))
    return [(*run, *pipeline, "-n", requests, "-t", test) for test in tests]


def _postgres(address: str, dice: random.Random, level: float) -> Sequence[Sequence[str]]:
    # As from pools of connections: their number does not follow the rate.
    clients = str(dice.choice((1, 2, 4)))
    rate = str(round(100 * level))
    mix = ("-b", "tpcb-like@2", "-b", "simple-update@2", "-b", "select-only@3")
    run = (*_pgbench(address), "-n", "-c", clients, "-R", rate, "-T", str(dice.choice((1, 2))), *mix)
    jobs = ((*_pgbench(address), "-i", "-I", "v", "-q"), _psql(address, "CHECKPOINT"))
    return [run, dice.choice(jobs)] if dice.random() < 0.3 else [run]


def _pgbench(address: str) -> Sequence[str]:
    return ("pgbench", "-h", address, "-U", "postgres", "-d", "postgres")


def _psql(address: str, sql: str) -> Sequence[str]:
    return ("psql", "-h", address, "-U", "postgres", "-q", "-At", "-c", sql, "postgres")


_KINDS: Mapping[str, _Kind] = {
    "shop/web": _Kind("nginx", "nginx", 8080, _nginx),
    "shop/cache": _Kind("redis", "redis", 6379, _redis, keeps="/data", user=110),
    "shop/orders": _Kind("service", "python", 8000, _orders),
    "data/ledger": _Kind("postgres", "postgres", 5432, _postgres, _fill_database, "/var/lib/postgresql", 111),
}
NAMES = tuple(_KINDS)
"""The workloads, as namespace and name."""
