"""What the lab needs of the machine, and the one command that brings it."""

import os
import shutil
from collections.abc import Iterable

from lab.errors import MissingRequirementError

PACKAGES = {
    "containerd": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    "/bin/busybox": "busybox-static",
    "ip": "iproute2",
    "/usr/sbin/nginx": "nginx-light",
    "/usr/bin/redis-server": "redis-server",
    "redis-benchmark": "redis-tools",
    "/usr/bin/python3.11": "python3",
    "/usr/lib/postgresql/15/bin/postgres": "postgresql-15",
    "pgbench": "postgresql-client-15",
    "psql": "postgresql-client-15",
    "wrk": "wrk",
    "nsenter": "util-linux",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
    "/usr/lib/cni/host-local": "containernetworking-plugins",
    "/usr/lib/cni/loopback": "containernetworking-plugins",
}
"""Program -> the Debian 12 package that has it."""

BASE = ("containerd", "ctr", "runc", "/bin/busybox")
"""What every lab needs, whatever it starts."""


def find(program: str) -> str | None:
    """Return the path of a program, also where the caller's PATH lacks `sbin`; None where it is absent."""
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"))
    return shutil.which(program, path=path)


def require(programs: Iterable[str] = BASE) -> None:
    """Check that we are root and that these programs are installed.

    Raises:
        MissingRequirementError: With one sentence that names the cure.
    """
    if os.geteuid() != 0:
        msg = f"Starting containers needs root; this process runs as uid {os.geteuid()}."
        raise MissingRequirementError(msg)
    if packages := missing_packages(programs):
        wanted = " ".join(packages)
        msg = f"Not installed: {', '.join(packages)}; apt-get install -y --no-install-recommends {wanted}"
        raise MissingRequirementError(msg)


def missing_packages(programs: Iterable[str] = BASE) -> list[str]:
    """Return the Debian packages that have to be installed for these programs, sorted."""
    return sorted({PACKAGES.get(program, program) for program in programs if find(program) is None})
