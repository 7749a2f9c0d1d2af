"""Tells which container a cgroup is: at once from files, later with what the runtime's socket adds."""

import threading
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from typing import Final

from collector.identity import describe
from collector.identity.bundle import Bundle, BundleFinder, Scan
from collector.identity.cgroups import find_cgroup2_mount, path_of, prefixes, walk
from collector.identity.files import text
from collector.identity.paths import match_container, match_service
from collector.identity.processes import cgroup_of, members
from collector.identity.runtime_socket import RuntimeSocket
from collector.identity.settings import IdentitySettings, listed
from wire.profile import ContainerKind, ContainerRef

_MAX_REMEMBERED: Final = 16384
"""Containers remembered for their nested cgroups and sockets; the one longest unseen goes first."""
ASKED_RUNTIMES: Final = frozenset({"containerd", "cri-o"})
"""Runtimes with a socket that is asked; the others have told all they know in files."""


class Identifier:
    """Container identity on one node.

    Safe for several threads: no lock is held while files are read or a socket is
    asked, so a birth waits neither for a scan nor for a runtime.

    Args:
        settings: Where runtimes keep their sockets and state.
        mount: The cgroup2 mount; found where it is not given.
        proc: Where procfs is mounted.

    Raises:
        CgroupMountError: The node has no cgroup2 tree.
    """

    def __init__(self, settings: IdentitySettings, *, mount: str | None = None, proc: str = "/proc") -> None:
        self.mount = find_cgroup2_mount() if mount is None else mount
        self._settings = settings
        self._proc = proc
        self._finder = BundleFinder(listed(settings.bundle_roots), listed(settings.runc_roots), proc)
        self._sockets = {path: RuntimeSocket(path) for path in listed(settings.cri_sockets)}
        self._by_path: OrderedDict[str, tuple[int, ContainerRef]] = OrderedDict()
        self._bundles: OrderedDict[str, Bundle] = OrderedDict()
        self._lock = threading.Lock()

    def identify(self, cgroup_id: int, path: str, pid: int) -> ContainerRef | None:
        """Return the container that a cgroup belongs to, or None where it is none.

        Called while the runtime still creates the container; takes about 1 ms.
        A container whose runtime files are gone already has an id and a runtime, and no name.

        Args:
            cgroup_id: Inode number of the cgroup's directory.
            path: Its path below the mount; empty where only a process in it is known.
            pid: The process that made the cgroup, or one in it; 0 where none is known.
        """
        watched = not path
        path = path or path_of(cgroup_id, self.mount) or cgroup_of(pid, self._proc)
        if not path or path == "/":
            return None
        if known := self._known(cgroup_id, path):
            return known
        return self._resolve(cgroup_id, path, pid, Scan() if watched else None)

    def running(self) -> list[tuple[int, ContainerRef]]:
        """Return (cgroup id, container) of every container cgroup that exists now, nested ones included.

        The configured sockets that exist are connected first, so that those born next can be asked about.
        """
        # gRPC takes 0.1 s to import: paid here, where births are heard meanwhile, and not between
        # the sensor's start and the first of them.
        for socket in self._present_sockets():
            socket.connect()
        found, scan = [], Scan()
        for cgroup_id, path in walk(self.mount):
            if not (ref := self._known(cgroup_id, path)):
                pid = self._member(path)
                if not pid:
                    continue
                ref = self._resolve(cgroup_id, path, pid, scan, seen_from_start=False)
            if ref:
                found.append((cgroup_id, ref))
        return found

    def enrich(self, ref: ContainerRef) -> ContainerRef:
        """Return a container with labels, digest and names from its runtime's socket.

        Takes some milliseconds, and seconds where a runtime hangs; never raises.
        An unchanged `ref` means that nobody knew more.
        """
        if ref.runtime not in ASKED_RUNTIMES:
            return ref
        with self._lock:
            bundle = self._bundles.get(ref.id)
        namespace = bundle.containerd_namespace if bundle else ""
        address = bundle.address if bundle else ""
        for socket in [self._socket(address)] if address else self._present_sockets():
            answer = socket.ask(ref, bundle.id if bundle else ref.id, namespace)
            if answer is not ref:
                return answer
        return ref

    def bundle_of(self, id_: str) -> Path | None:
        """Return the folder of a known container's bundle; None where it has none or was forgotten."""
        with self._lock:
            bundle = self._bundles.get(id_)
        return bundle.directory if bundle else None

    def close(self) -> None:
        """Close the runtimes' connections."""
        with self._lock:
            sockets = list(self._sockets.values())
        for socket in sockets:
            socket.close()

    def _resolve(
        self, cgroup_id: int, path: str, pid: int, scan: Scan | None, *, seen_from_start: bool = True
    ) -> ContainerRef | None:
        match = match_container(path)
        bundle = self._finder.find(path, pid, match.id if match else "", scan)
        if bundle:
            ref = self._described(bundle, match.runtime if match else "unknown")
        elif match:
            ref = ContainerRef(id=match.id, runtime=match.runtime, cgroup=match.root)
            ref = self._from_records(ref, None)
        else:
            return self._service(path, seen_from_start=seen_from_start)
        ref = replace(_sendable(ref), seen_from_start=seen_from_start)
        self._remember(ref, cgroup_id if ref.cgroup == path else 0, bundle)
        return ref

    def _described(self, bundle: Bundle, runtime: str) -> ContainerRef:
        if bundle.runtime != "unknown":
            runtime = bundle.runtime
        ref = ContainerRef(id=bundle.unique_id, runtime=runtime, cgroup=bundle.root)
        ref = self._from_records(describe.from_bundle(ref, bundle), bundle.directory)
        if not ref.name and not ref.pod and ref.kind is not ContainerKind.SANDBOX:
            ref = replace(ref, name=bundle.id)
        return ref

    def _from_records(self, ref: ContainerRef, directory: Path | None) -> ContainerRef:
        if ref.runtime == "docker":
            return describe.from_docker(ref, self._settings.docker_root)
        if ref.runtime in {"podman", "cri-o"}:
            return describe.from_podman(ref, directory, self._settings.podman_root)
        return ref

    def _service(self, path: str, *, seen_from_start: bool) -> ContainerRef | None:
        match = match_service(path) if self._settings.host_services else None
        if match is None:
            return None
        ref = ContainerRef(
            id=match.id,
            runtime=match.runtime,
            kind=ContainerKind.SERVICE,
            name=match.id,
            cgroup=match.root,
            seen_from_start=seen_from_start,
        )
        return _sendable(ref)

    def _known(self, cgroup_id: int, path: str) -> ContainerRef | None:
        """Return the container of this very cgroup, or of one around it."""
        for each in prefixes(path):
            with self._lock:
                known = self._by_path.get(each)
            if known:
                known_id, ref = known
                # A later container may have the path of an earlier one, but never its cgroup id.
                if each != path or known_id == cgroup_id:
                    self._refresh(each, ref.id)
                    return ref
        return None

    def _refresh(self, root: str, id_: str) -> None:
        """Put a container behind those that were not seen since."""
        with self._lock:
            if root in self._by_path:
                self._by_path.move_to_end(root)
            if id_ in self._bundles:
                self._bundles.move_to_end(id_)

    def _remember(self, ref: ContainerRef, cgroup_id: int, bundle: Bundle | None) -> None:
        with self._lock:
            self._by_path[ref.cgroup] = (cgroup_id, ref)
            if bundle:
                self._bundles[ref.id] = bundle
            for table in (self._by_path, self._bundles):
                while len(table) > _MAX_REMEMBERED:
                    table.popitem(last=False)

    def _member(self, path: str) -> int:
        return min(members(self.mount + path), default=0)

    def _socket(self, address: str) -> RuntimeSocket:
        with self._lock:
            if address not in self._sockets:
                self._sockets[address] = RuntimeSocket(address)
            return self._sockets[address]

    def _present_sockets(self) -> list[RuntimeSocket]:
        with self._lock:
            return [socket for path, socket in self._sockets.items() if Path(path).is_socket()]


def _sendable(ref: ContainerRef) -> ContainerRef:
    """Return a container whose path can be sent; folders may have names that are no text."""
    return replace(ref, id=text(ref.id), name=text(ref.name), cgroup=text(ref.cgroup))
