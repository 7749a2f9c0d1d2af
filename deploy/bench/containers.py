"""Real containers, each started by runc from one static program, without an image or a network."""

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.workload import cgroup2_mount

_RUN_S = 60.0
_LIFE_S = 900
"""A container ends by itself after this long, should the benchmark be killed."""


def pace(calls_per_s: int, seed: int) -> list[str]:
    """Return the command that makes 256 distinct n-grams at a steady rate."""
    return ["pace", str(calls_per_s), str(seed), str(_LIFE_S)]


def opens(calls_per_s: int, path: str) -> list[str]:
    """Return the command that opens a file over and over."""
    return ["opens", str(calls_per_s), path, str(_LIFE_S)]


@contextlib.contextmanager
def containers(work: Path, folder: Path, commands: Sequence[Sequence[str]]) -> Iterator[list[str]]:
    """Run a container for each command of `work.c`, for the length of a block; yield their names.

    Args:
        work: The compiled program.
        folder: A folder to make.
        commands: As `pace` and `opens` return them.

    Raises:
        RuntimeError: runc is missing or could not start one.
    """
    if shutil.which("runc") is None:
        msg = "Real containers need runc: apt-get install runc."
        raise RuntimeError(msg)
    folder.mkdir()
    state = folder / "runc"
    rootfs = folder / "rootfs"
    for place in ("proc", "dev", "etc"):
        (rootfs / place).mkdir(parents=True)
    (rootfs / "etc/shadow").touch()
    shutil.copy(work, rootfs / "work")
    names = [f"bench-{os.getpid()}-{len(commands)}-{index}" for index in range(len(commands))]
    try:
        for name, command in zip(names, commands, strict=True):
            bundle = folder / name
            bundle.mkdir()
            spec = _spec(rootfs, name, ["/work", *command])
            (bundle / "config.json").write_text(json.dumps(spec))
            _runc(state, "run", "--detach", "--bundle", str(bundle), name)
        yield names
    finally:
        for name in names:
            with contextlib.suppress(RuntimeError):
                _runc(state, "delete", "--force", name)
        _remove_cgroups()


def pids(names: Sequence[str]) -> list[int]:
    """Return the processes of some containers."""
    found: list[int] = []
    for name in names:
        text = (cgroup2_mount() / _parent() / name / "cgroup.procs").read_text()
        found += map(int, text.split())
    return found


def _runc(state: Path, *arguments: str) -> None:
    command = ["runc", "--root", str(state), *arguments]
    # A detached container keeps the descriptors it is given, so it is given none that somebody waits for.
    with (state.parent / "said").open("w+") as said:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, check=False, timeout=_RUN_S
        )
        if done.returncode:
            said.seek(0)
            msg = f"runc {arguments[0]} failed: {said.read()[-300:].strip()}"
            raise RuntimeError(msg)


def _remove_cgroups() -> None:
    """Remove the parents that runc made for its containers' cgroups, in every hierarchy."""
    for parent in (*Path("/sys/fs/cgroup").glob(f"*/{_parent()}"), Path("/sys/fs/cgroup") / _parent()):
        with contextlib.suppress(OSError):
            parent.rmdir()


def _parent() -> str:
    return f"nonself-bench-{os.getpid()}-runc"


def _spec(rootfs: Path, name: str, arguments: list[str]) -> dict[str, object]:
    return {
        "ociVersion": "1.0.2",
        "process": {
            "terminal": False,
            "user": {"uid": 0, "gid": 0},
            "args": arguments,
            "env": ["PATH=/"],
            "cwd": "/",
            "noNewPrivileges": True,
        },
        "root": {"path": str(rootfs), "readonly": True},
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
        "linux": {
            "cgroupsPath": f"/{_parent()}/{name}",
            "namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount")],
        },
    }
