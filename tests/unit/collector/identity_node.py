"""A node in a folder: processes, bundles and cgroups as plain files, for identity tests without root."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from collector.identity.identifier import Identifier
from collector.identity.settings import IdentitySettings

A = "a" * 64
B = "b" * 64


class Node:
    """Builds the files that identity reads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.proc = folder / "proc"
        self.mount = folder / "cgroup"
        self.tasks = folder / "run/containerd/io.containerd.runtime.v2.task"
        self.moby = folder / "run/docker/io.containerd.runtime.v2.task"
        self.storage = folder / "storage"
        self.runc = folder / "run/runc"
        self.docker = folder / "docker"
        for each in (self.proc, self.mount):
            each.mkdir()

    def identifier(self, **changes: object) -> Identifier:
        """Return an identifier that sees this node alone."""
        settings = {
            "cri_sockets": str(self.folder / "runtime.sock"),
            "bundle_roots": f"{self.tasks}, {self.moby}, {self.storage}/overlay-containers",
            "runc_roots": str(self.runc),
            "docker_root": str(self.docker),
            "podman_root": str(self.storage),
        }
        return Identifier(
            IdentitySettings(**{**settings, **changes}), mount=str(self.mount), proc=str(self.proc)
        )

    def process(
        self, pid: int, args: Sequence[str], *, cwd: Path | str = "/", parent: int = 1, cgroup: str = "/"
    ) -> int:
        """Add a process and return its id."""
        directory = self.proc / str(pid)
        directory.mkdir()
        (directory / "cmdline").write_bytes(b"\0".join(arg.encode() for arg in args) + b"\0")
        (directory / "cwd").symlink_to(cwd)
        (directory / "stat").write_text(f"{pid} (a ) strange name) S {parent} 0 0")
        (directory / "cgroup").write_text(f"4:memory:/elsewhere\n0::{cgroup}\n")
        return pid

    def bundle(
        self, directory: Path, cgroups_path: str | None, annotations: Mapping[str, str] | None = None
    ) -> Path:
        """Write a bundle and return its folder."""
        linux = {} if cgroups_path is None else {"cgroupsPath": cgroups_path}
        config = {"ociVersion": "1.0.2", "linux": linux, "annotations": dict(annotations or {})}
        write(directory / "config.json", config)
        return directory

    def cgroup(self, path: str, *pids: int) -> int:
        """Make a cgroup with processes in it and return its id."""
        directory = self.mount / path.strip("/")
        directory.mkdir(parents=True)
        (directory / "cgroup.procs").write_text("".join(f"{pid}\n" for pid in pids))
        return directory.stat().st_ino


def write(file: Path, value: object) -> None:
    """Write a JSON file, with its folder."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(value))
