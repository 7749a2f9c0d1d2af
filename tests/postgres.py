"""A PostgreSQL of the tests' own: Debian's programs, a cluster in a temporary folder, a free port."""

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg

from tests.waiting import wait_for

OLDEST = 15
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
"""For tests that start anew after a power cut."""
_VERSIONS = Path("/usr/lib/postgresql")
_USER = "postgres"


def find_programs() -> Path | None:
    """Return the folder of the newest server that Debian installed; what is in the PATH is not asked."""
    found = [
        (int(each.parent.name), each)
        for each in _VERSIONS.glob("*/bin")
        if re.fullmatch("[0-9]+", each.parent.name) and (each / "initdb").exists()
    ]
    version, folder = max(found, default=(0, None))
    return folder if version >= OLDEST else None


class Cluster:
    """A server with its data, which can be killed and started again."""

    def __init__(self, folder: Path, programs: Path, options: Sequence[str] = ()) -> None:
        self._folder, self._programs = folder, programs
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port: int = listener.getsockname()[1]

    def init(self) -> None:
        """Make the data folder."""
        who = ("-U", "nonself", "-A", "trust")
        self._run("initdb", "-D", self.data, *who, "-E", "UTF8", "--locale=C.UTF-8", "-N")

    @property
    def data(self) -> str:
        """The data folder."""
        return str(self._folder / "data")

    def start(self) -> None:
        """Start the server and wait until it lets clients in."""
        command = [str(self._programs / "postgres"), "-D", self.data]
        command += ["-p", str(self.port), "-k", str(self._folder)]
        for option in ("listen_addresses=127.0.0.1", *self._options):
            command += ["-c", option]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(_as_user(command), stdout=log, stderr=log, cwd="/")
        wait_for(self._answers, 60, 0.05, said=lambda: (self._folder / "log").read_text()[-2000:])

    def kill(self) -> None:
        """Kill the server and all its processes at once, as when the machine stops."""
        assert self._process is not None
        children = [
            int(each.parent.name)
            for each in Path("/proc").glob("[0-9]*/stat")
            if _parent_of(each) == self._process.pid
        ]
        self._process.kill()
        self._process.wait()
        for each in children:
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        wait_for(lambda: not any(Path(f"/proc/{each}").exists() for each in children))

    def stop(self) -> None:
        """Stop the server, cutting all clients."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(60)

    def url(self, database: str = "postgres") -> str:
        """Return the URL of a database."""
        return f"postgresql://nonself@127.0.0.1:{self.port}/{database}"

    def connect(self, database: str = "postgres") -> "psycopg.Connection[Any]":
        """Return a connection that commits each statement."""
        return psycopg.connect(self.url(database), autocommit=True, connect_timeout=5)

    def create(self, database: str, template: str = "template1") -> str:
        """Make a database as a copy of another; return its URL."""
        with self.connect() as connection:
            connection.execute(f"CREATE DATABASE {database} TEMPLATE {template} STRATEGY file_copy")
        return self.url(database)

    def drop(self, database: str) -> None:
        """Delete a database, whoever is connected."""
        with self.connect() as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "The server ended."
        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, program: str, *arguments: str) -> None:
        command = _as_user([str(self._programs / program), *arguments])
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
        assert done.returncode == 0, done.stderr


def _parent_of(stat: Path) -> int:
    try:
        # The name of a program, in brackets, may hold anything.
        return int(stat.read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _as_user(command: list[str]) -> list[str]:
    """Return a command that does not run as root, which PostgreSQL refuses."""
    if os.geteuid() != 0:
        return command
    return ["setpriv", f"--reuid={_USER}", f"--regid={_USER}", "--clear-groups", *command]


@contextmanager
def running(options: Sequence[str] = FAST) -> Iterator[Cluster]:
    """Run a fresh server until the block ends; nothing of it stays."""
    programs = find_programs()
    assert programs is not None
    # Not in a folder of pytest's: the server's user may not look into them. Sockets need a short path.
    folder = Path(tempfile.mkdtemp(prefix="nonself-pg-"))
    if os.geteuid() == 0:
        shutil.chown(folder, _USER, _USER)
    cluster = Cluster(folder, programs, options)
    try:
        cluster.init()
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)
