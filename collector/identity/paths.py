"""What a cgroup's path says by itself: container id and runtime, by the naming habits of each runtime."""

import re
from dataclasses import dataclass
from typing import Final

from collector.identity.cgroups import prefixes

_HEX: Final = r"[0-9a-f]{64}"
_NAMED: Final = tuple(
    (re.compile(pattern), runtime)
    for pattern, runtime in (
        (r"cri-containerd-([\w.-]+)\.scope", "containerd"),
        (rf"nerdctl-({_HEX})\.scope", "containerd"),
        (rf"docker-({_HEX})\.scope", "docker"),
        (rf"libpod-({_HEX})(?:\.scope)?", "podman"),
        (rf"crio-({_HEX})(?:\.scope)?", "cri-o"),
        # "slice:prefix:name" taken literally: the engine writes for systemd, the runtime uses cgroupfs.
        (r"[^:]*:cri-containerd:([\w.-]+)", "containerd"),
        (rf"[^:]*:docker:({_HEX})", "docker"),
        (rf"[^:]*:libpod:({_HEX})", "podman"),
        (rf"[^:]*:crio:({_HEX})", "cri-o"),
    )
)
_BARE: Final = re.compile(_HEX)
_SERVICE: Final = re.compile(r"/system\.slice/(?:[^/]+\.slice/)*([^/]+\.service)(?=/|$)")


@dataclass(frozen=True, slots=True)
class PathMatch:
    """What a path says; `runtime` is `unknown` where the habit is shared by several."""

    id: str
    runtime: str
    root: str
    """Path of the container's own cgroup; cgroups below it belong to the container."""


def match_container(path: str) -> PathMatch | None:
    """Read container id and runtime from a path; None where it follows no habit of a runtime.

    The outermost container wins: what a container makes below its own cgroup stays its own,
    whatever it is named.

    Examples:
        >>> match_container("/system.slice/docker-" + "a" * 64 + ".scope/init").runtime
        'docker'
        >>> match_container("/system.slice/ssh.service")
    """
    parent = ""
    for root in prefixes(path):
        name = root.rpartition("/")[2]
        if found := _match_name(name, parent, root):
            return found
        parent = name
    return None


def match_service(path: str) -> PathMatch | None:
    """Read the systemd unit from a path below `system.slice`.

    Examples:
        >>> match_service("/system.slice/system-getty.slice/getty@tty1.service").id
        'getty@tty1.service'
    """
    found = _SERVICE.match(path)
    return PathMatch(found[1], "systemd", path[: found.end()]) if found else None


def _match_name(name: str, parent: str, root: str) -> PathMatch | None:
    for pattern, runtime in _NAMED:
        if found := pattern.fullmatch(name):
            return PathMatch(found[1], runtime, root)
    if parent == "buildkit":
        return PathMatch(name, "docker", root)
    # A bare id below libpod_parent is a podman pod, which holds containers and is none.
    if _BARE.fullmatch(name) and parent != "libpod_parent":
        return PathMatch(name, _runtime_around(root), root)
    return None


def _runtime_around(root: str) -> str:
    if "/docker/" in root:
        return "docker"
    return "containerd" if root.startswith(("/kubepods", "/k8s.io/")) else "unknown"
