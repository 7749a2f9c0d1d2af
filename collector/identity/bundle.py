"""The OCI bundle of a container: where runtimes keep it, and the proof that it belongs to a cgroup.

A runtime's `create` is running while its cgroup is born, and names its bundle
on its command line. The bundle in turn names its cgroup (`linux.cgroupsPath`),
so no process name has to be trusted, and containers whose cgroup follows no
naming habit are found as well.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from collector.identity.cgroups import prefixes
from collector.identity.files import mapping, read_json, text, texts
from collector.identity.processes import Process, lineage

_RUN_VERBS: Final = {"create", "run", "restore"}
_CONTAINERD_TASKS: Final = "io.containerd.runtime.v"
_USERDATA: Final = "userdata"
# Ids of CRI and docker are random; in containerd's other namespaces people choose them. Most use `default`.
_UNIQUE_IN: Final = {"", "default", "k8s.io", "moby"}
# podman writes annotations of cri-o's name too; only this one tells them apart.
_MANAGERS: Final = {"libpod": "podman", "cri-o": "cri-o"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """One `config.json`, and what the way to it tells."""

    directory: Path
    id: str
    root: str
    """Path of the container's own cgroup."""
    annotations: Mapping[str, str] = field(default_factory=dict)
    address: str = ""
    """Socket of the containerd that runs it; empty where it is not known, and for other runtimes."""

    @property
    def containerd_namespace(self) -> str:
        """The namespace within containerd, `k8s.io` for CRI; empty for other runtimes."""
        return self.directory.parent.name if _of_containerd(self.directory) else ""

    @property
    def unique_id(self) -> str:
        """The id with its containerd namespace, where ids need not be unique without it."""
        namespace = self.containerd_namespace
        return self.id if namespace in _UNIQUE_IN else f"{namespace}/{self.id}"

    @property
    def runtime(self) -> str:
        """The runtime whose folder or annotation the bundle shows, or `unknown`."""
        if namespace := self.containerd_namespace:
            return "docker" if namespace == "moby" else "containerd"
        return _MANAGERS.get(self.annotations.get("io.container.manager", ""), "unknown")


@dataclass(frozen=True, slots=True)
class _Place:
    """A folder that may be the bundle looked for."""

    directory: Path
    id: str = ""
    told_from: str = ""
    """Cgroup of the process that named it; empty where no process did."""


@dataclass(slots=True)
class Scan:
    """What was read for one cgroup and holds for the next ones of the same scan."""

    processes: dict[int, Process] = field(default_factory=dict)
    states: list[_Place] | None = None


class BundleFinder:
    """Finds the bundle of a container from the processes that made it, or from the runtimes' folders.

    Args:
        roots: Folders that hold one bundle for each container, below or without a namespace folder.
        runc_roots: State folders of runc and crun.
        proc: Where procfs is mounted.
    """

    def __init__(self, roots: Sequence[str], runc_roots: Sequence[str], proc: str = "/proc") -> None:
        self._roots = [Path(root) for root in roots]
        self._runc_roots = [Path(root) for root in runc_roots]
        self._proc = proc

    def find(self, path: str, pid: int, container_id: str, scan: Scan | None = None) -> Bundle | None:
        """Return the bundle of the container that a cgroup belongs to.

        Args:
            path: The cgroup, or one below the container's own.
            pid: A process that made the cgroup or is in it.
            container_id: As the path names it; empty where it does not.
            scan: Given, the state files of runc and crun are read too where the path names nobody
                (0.5 ms for each container they run), once for all cgroups of the scan.
        """
        processes = list(lineage(pid, self._proc, scan.processes if scan else {}))
        for place in self._places(path, processes, container_id, scan):
            bundle = _read(place, path, container_id)
            # A process inside the container is not believed: it may call itself anything.
            if bundle and not _inside(place.told_from, bundle.root):
                return replace(bundle, address=_address(processes, bundle.root))
        return None

    def _places(
        self, path: str, processes: Sequence[Process], container_id: str, scan: Scan | None
    ) -> Iterator[_Place]:
        name = container_id or path.rpartition("/")[2]
        for process in processes:
            yield from _told_by(process, name)
        for root in self._roots:
            if _of_containerd(root):
                yield from (_Place(namespace / name, name) for namespace in _listed(root))
            else:
                yield _Place(root / name / _USERDATA, name)
        if scan and not container_id:
            if scan.states is None:
                folders = [each for root in self._runc_roots for each in _listed(root)]
                scan.states = [place for folder in folders for place in _told_by_state(folder)]
            yield from scan.states


def _told_by(process: Process, name: str) -> Iterator[_Place]:
    args, cwd = process.args, Path(process.cwd)
    if _is_shim(process):
        # One shim serves a whole pod, and stays in the bundle of the pod's first container.
        yield _Place(cwd.parent / name, name, process.cgroup)
        yield _Place(cwd, cwd.name, process.cgroup)
        return
    named = _option(args, "--bundle", "-b")
    runs = not _RUN_VERBS.isdisjoint(args[:-1])
    if named is not None or runs:
        yield _Place(cwd / (named or ""), args[-1] if runs else "", process.cgroup)


def _address(processes: Iterable[Process], root: str) -> str:
    """Return the socket that the nearest shim outside a container's cgroup serves."""
    # runc knows the bundle, and the shim above it whom to ask about it. As with bundles, no process inside
    # the container is believed: it would send the agent to a socket of its own.
    for each in processes:
        if _is_shim(each) and each.cgroup and not _inside(each.cgroup, root):
            return (_option(each.args, "-address") or "").removeprefix("unix://")
    return ""


def _is_shim(process: Process) -> bool:
    return Path(process.args[0]).name.startswith("containerd-shim")


def _told_by_state(state: Path) -> Iterator[_Place]:
    of_runc = mapping((read_json(state / "state.json") or {}).get("config")).get("labels")
    for label in of_runc if isinstance(of_runc, list) else ():
        key, _, directory = text(label).partition("=")
        if key == "bundle":
            yield _Place(Path(directory), state.name)
    if of_crun := read_json(state / "status"):
        yield _Place(Path(text(of_crun.get("bundle"))), state.name)


def _read(place: _Place, path: str, container_id: str) -> Bundle | None:
    directory = place.directory
    config = read_json(directory / "config.json") if directory.is_absolute() else None
    if config is None:
        return None
    if directory.name == _USERDATA:
        id_ = directory.parent.name
    else:
        id_ = directory.name if _of_containerd(directory) else place.id or directory.name
    root = _root_of(path, text(mapping(config.get("linux")).get("cgroupsPath")) or id_)
    if not root and container_id == id_:
        # The engine was given a parent that the bundle does not spell out; the id in both is proof enough.
        root = next((each for each in prefixes(path) if container_id in each), "")
    if not root:
        return None
    annotations = texts(config.get("annotations"))
    return Bundle(directory=directory, id=id_, root=root, annotations=annotations)


def _root_of(path: str, cgroups_path: str) -> str:
    """Return the part of a path that a bundle's `cgroupsPath` names, or an empty text."""
    endings = ["/" + cgroups_path.strip("/")]
    if cgroups_path.count(":") == 2:
        # systemd's form "slice:prefix:name" stands for .../slice/prefix-name.scope.
        _, prefix, name = cgroups_path.split(":")
        endings.append("/" + (name if name.endswith(".slice") else f"{prefix}-{name}.scope".lstrip("-")))
    if "/" in endings:
        return ""
    return next((each for each in prefixes(path) if each.endswith(tuple(endings))), "")


def _of_containerd(directory: Path) -> bool:
    return any(part.startswith(_CONTAINERD_TASKS) for part in directory.parts)


def _inside(cgroup: str, root: str) -> bool:
    return cgroup == root or cgroup.startswith(root + "/")


def _option(args: Sequence[str], *names: str) -> str | None:
    for index, arg in enumerate(args):
        key, equals, value = arg.partition("=")
        if key in names:
            return value if equals else "".join(args[index + 1 : index + 2])
    return None


def _listed(directory: Path) -> list[Path]:
    try:
        return sorted(directory.iterdir())
    except OSError:
        return []
