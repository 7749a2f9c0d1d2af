"""Real programs as workloads: redis, nginx, find and a compiler, each in a container's cgroup on CPU 0."""

import itertools
import re
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from bench.workload import remove_cgroups

_SERVER_CPU, _CLIENT_CPU = "0", "1"
_START_S = 10.0
_RUN_S = 300.0
_FUNCTIONS = "".join(
    f"int f{each}(int a, const char *s) {{ for (int i = 0; i < a; i++) a ^= s[i] * {each}; return a; }}\n"
    for each in range(40)
)


@dataclass(frozen=True, slots=True)
class Run:
    """One run: what the workload's cgroup used, and how long its user waited, both for one unit of work."""

    cpu_us: float
    wall_us: float


class Load:
    """A program to run again and again."""

    name = ""

    def __init__(self, work: Path, folder: Path, cgroups: Path) -> None:
        self._work, self._folder, self._cgroups = work, folder / self.name, cgroups / self.name
        self.wrapper: list[str] = []
        """Put before the command of a program that ends by itself."""
        self._folder.mkdir()
        self._cgroups.mkdir(parents=True)

    def run(self) -> Run:
        """Do one run's worth of work."""
        raise NotImplementedError

    def pids(self) -> list[int]:
        """Return the processes of a server; a program that ends by itself has none between runs."""
        return []

    def close(self) -> None:
        """End the program and remove its cgroups."""
        remove_cgroups(self._cgroups)

    def _enter(self, cgroup: Path) -> list[str]:
        return [str(self._work), "enter", str(cgroup / "cgroup.procs"), _SERVER_CPU]


class Server(Load):
    """A program that answers a client on the other CPU."""

    def __init__(self, work: Path, folder: Path, cgroups: Path) -> None:
        super().__init__(work, folder, cgroups)
        self.port = free_port()
        # The program runs as root below a folder only root can enter, so it needs no user of its own.
        self._process = subprocess.Popen(
            [*self._enter(self._cgroups), *self.command()],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _wait_for(self.port, self._process)

    def command(self) -> list[str]:
        """Return the server's command line."""
        raise NotImplementedError

    def client(self) -> tuple[list[str], re.Pattern[str], int | None]:
        """Return the client's command, a pattern that finds its count of requests, or that count itself."""
        raise NotImplementedError

    def run(self) -> Run:
        command, pattern, requests = self.client()
        before, begin = _cpu_us(self._cgroups), time.monotonic()
        done = subprocess.run(
            ["taskset", "-c", _CLIENT_CPU, *command],
            capture_output=True,
            text=True,
            check=True,
            timeout=_RUN_S,
        )
        wall, used = time.monotonic() - begin, _cpu_us(self._cgroups) - before
        count = requests or int(pattern.search(done.stdout).group(1))
        return Run(used / count, wall * 1e6 / count)

    def pids(self) -> list[int]:
        return [int(pid) for pid in (self._cgroups / "cgroup.procs").read_text().split()]

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        super().close()


class Redis(Server):
    """GET over 50 connections, unpipelined."""

    name = "redis"

    def command(self) -> list[str]:
        where = ["--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self._folder)]
        return ["redis-server", *where, "--save", "", "--appendonly", "no"]

    def client(self) -> tuple[list[str], re.Pattern[str], int | None]:
        requests = 30_000
        command = [
            "redis-benchmark",
            "-p",
            str(self.port),
            "-t",
            "get",
            "-n",
            str(requests),
            "-c",
            "50",
            "-q",
        ]
        return command, re.compile(""), requests


class Nginx(Server):
    """A 1 KiB file over 32 kept-alive connections."""

    name = "nginx"

    def command(self) -> list[str]:
        (self._folder / "index.html").write_text("x" * 1024)
        (self._folder / "logs").mkdir()
        (self._folder / "nginx.conf").write_text(
            f"user root; daemon off; master_process off; pid {self._folder}/pid;\n"
            f"error_log {self._folder}/error.log;\n"
            "events { worker_connections 256; }\n"
            f"http {{ access_log off; server {{ listen 127.0.0.1:{self.port}; root {self._folder};"
            f" client_body_temp_path {self._folder}/body; proxy_temp_path {self._folder}/proxy;"
            f" fastcgi_temp_path {self._folder}/fcgi; uwsgi_temp_path {self._folder}/uwsgi;"
            f" scgi_temp_path {self._folder}/scgi; }} }}\n"
        )
        return ["nginx", "-p", str(self._folder), "-c", str(self._folder / "nginx.conf")]

    def client(self) -> tuple[list[str], re.Pattern[str], int | None]:
        command = ["wrk", "-t1", "-c32", "-d1s", f"http://127.0.0.1:{self.port}/index.html"]
        return command, re.compile(r"(\d+) requests in"), None


class Batch(Load):
    """A program that ends by itself; each run is a container of its own."""

    def __init__(self, work: Path, folder: Path, cgroups: Path) -> None:
        super().__init__(work, folder, cgroups)
        self._numbers = itertools.count()
        self.run()

    def command(self) -> list[str]:
        """Return the command line."""
        raise NotImplementedError

    def run(self) -> Run:
        cgroup = self._cgroups / str(next(self._numbers))
        cgroup.mkdir()
        begin = time.monotonic()
        subprocess.run(
            [*self.wrapper, *self._enter(cgroup), *self.command()],
            stdout=subprocess.DEVNULL,
            check=True,
            timeout=_RUN_S,
        )
        run = Run(_cpu_us(cgroup), (time.monotonic() - begin) * 1e6)
        cgroup.rmdir()
        return run


class Find(Batch):
    """A walk that asks for the size of every file of a tree of the host."""

    name = "find"

    def command(self) -> list[str]:
        return ["find", "/usr/share", "/usr/lib", "-xdev", "-size", "+1000000k"]


class Compile(Batch):
    """gcc over a few generated files."""

    name = "compile"

    def __init__(self, work: Path, folder: Path, cgroups: Path) -> None:
        self._sources = []
        place = folder / "sources"
        place.mkdir()
        for number in range(8):
            source = place / f"part{number}.c"
            source.write_text("#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n" + _FUNCTIONS)
            self._sources.append(str(source))
        super().__init__(work, folder, cgroups)

    def command(self) -> list[str]:
        # One driver per file, as a build tool would start them.
        script = 'cd "$0" && for each; do gcc -O1 -c "$each" -o out.o || exit 1; done'
        return ["sh", "-c", script, str(self._folder), *self._sources]


LOADS = (Redis, Nginx, Find, Compile)


def _cpu_us(cgroup: Path) -> int:
    return int((cgroup / "cpu.stat").read_text().split()[1])


def free_port() -> int:
    """Return a TCP port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    msg = f"{' '.join(map(str, process.args[4:6]))} did not answer on port {port} within {_START_S:.0f} s."
    raise RuntimeError(msg)
