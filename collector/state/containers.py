"""Which container a cgroup is, as rules ask: what the identity knows, and what the bundle says beside it."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from collector.identity.processes import members
from wire.profile import ContainerRef

_AGAIN_S: Final = 2.0
"""A cgroup that was no container may be one whose runtime had not written its files yet."""
_MOST_KNOWN: Final = 16384
_MOST_BYTES: Final = 4 << 20


class Identity(Protocol):
    """What `collector.identity.Identifier` offers here."""

    mount: str
    """Of cgroup2."""

    def identify(self, cgroup_id: int, path: str, pid: int) -> ContainerRef | None:
        """Return the container that a cgroup belongs to."""

    def enrich(self, ref: ContainerRef) -> ContainerRef:
        """Return it with what the runtime knows."""

    def bundle_of(self, id_: str) -> Path | None:
        """Return the folder of a container's bundle."""


@dataclass(frozen=True, slots=True)
class Mount:
    """One mount of a container's bundle."""

    source: str
    dest: str
    mode: str
    writable: bool
    propagation: str = ""


@dataclass(frozen=True, slots=True)
class Container:
    """A container and how it is run."""

    ref: ContainerRef
    privileged: bool | None = None
    """None where its bundle is not known."""
    mounts: tuple[Mount, ...] = ()
    started_ns: int = 0
    """Unix time; 0 where it is not known."""

    @property
    def short_id(self) -> str:
        """The first twelve characters of the id, as runtimes print it."""
        return self.ref.id.rpartition("/")[2][:12]


class ContainerTable:
    """Containers by cgroup.

    Args:
        identity: Finds containers; its answers are remembered here.
        clock: Seconds that never step back.
    """

    def __init__(self, identity: Identity, clock: Callable[[], float] = time.monotonic) -> None:
        self._identity = identity
        self._clock = clock
        self._known: dict[int, Container] = {}
        self._strangers: dict[int, float] = {}
        self.found: Callable[[Container], None] = lambda _: None
        """Called once for each new container."""
        self.absent: Callable[[int, float], None] = lambda *_: None
        """Called with each cgroup that is of no container, and for how many seconds that is believed."""

    def of(self, cgroup: int, pid: int) -> Container | None:
        """Return the container of a process; None for the host's.

        The first question about a cgroup reads files (1 ms); later ones are a lookup.
        """
        known = self._known.get(cgroup)
        if known is not None:
            return known
        now = self._clock()
        asked = self._strangers.get(cgroup)
        if asked is not None and now - asked < _AGAIN_S:
            return None
        ref = self._identity.identify(cgroup, "", pid)
        if ref is None:
            self._remember(self._strangers, cgroup, now)
            self.absent(cgroup, now + _AGAIN_S - self._clock())
            return None
        container = describe(ref, self._identity.bundle_of(ref.id))
        self._remember(self._known, cgroup, container)
        self.found(container)
        return container

    def roots(self, container: Container, pid: int, proc: Path = Path("/proc")) -> Iterator[Path]:
        """Yield where a container's files may be seen: through this process, or another one in it."""
        yield proc / str(pid) / "root"
        for member in members(self._identity.mount + container.ref.cgroup):
            yield proc / str(member) / "root"

    def update(self, ref: ContainerRef) -> None:
        """Take what the runtime has told of a container meanwhile."""
        for cgroup, known in list(self._known.items()):
            if known.ref.id == ref.id:
                self._known[cgroup] = Container(ref, known.privileged, known.mounts, known.started_ns)

    @staticmethod
    def _remember(table: dict[int, Any], key: int, value: object) -> None:
        if len(table) >= _MOST_KNOWN:
            del table[next(iter(table))]
        table[key] = value


def describe(ref: ContainerRef, bundle: Path | None) -> Container:
    """Add what a bundle's `config.json` says; a bundle that is gone says nothing."""
    if bundle is None:
        return Container(ref)
    path = bundle / "config.json"
    try:
        with path.open("rb") as file:
            spec = json.loads(file.read(_MOST_BYTES))
        started = path.stat().st_mtime_ns
    except (OSError, ValueError):
        return Container(ref)
    if not isinstance(spec, dict):
        return Container(ref)
    return Container(ref, is_privileged(spec), tuple(_mounts(spec)), started)


def is_privileged(spec: Mapping[str, Any]) -> bool:
    """Tell whether a runtime specification is that of a privileged container.

    No specification says so; but every engine leaves out for it, and for it alone, the masks over
    procfs, and allows it every device.
    """
    linux = spec.get("linux") or {}
    devices = (linux.get("resources") or {}).get("devices") or []
    every_device = any(
        each.get("allow") and not each.get("type", "a").strip("a") and each.get("major") in (None, -1)
        and "w" in each.get("access", "")
        for each in devices
        if isinstance(each, dict)
    )  # fmt: skip
    return not linux.get("maskedPaths") and every_device


def _mounts(spec: Mapping[str, Any]) -> list[Mount]:
    found = []
    for each in spec.get("mounts") or []:
        options = each.get("options") or []
        # As engines list them: what the user asked for, not procfs and its like.
        if each.get("type") == "bind" or "rbind" in options or "bind" in options:
            propagation = next(
                (word for word in options if word in {"rprivate", "private", "rslave", "rshared"}), ""
            )
            found.append(
                Mount(
                    str(each.get("source", "")),
                    str(each.get("destination", "")),
                    ",".join(options),
                    "ro" not in options,
                    propagation,
                )
            )
    return found
