"""Where container runtimes keep their sockets and state on this node."""

from dataclasses import dataclass

from wire.settings import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentitySettings:
    """Settings of container identity; lists have commas, and what does not exist is passed over."""

    cri_sockets: str = setting(
        "/run/containerd/containerd.sock,/run/crio/crio.sock,/run/k3s/containerd/containerd.sock",
        "Runtime sockets to ask for labels and digests, beside those found from running shims.",
    )
    bundle_roots: str = setting(
        "/run/containerd/io.containerd.runtime.v2.task,"
        "/run/k3s/containerd/io.containerd.runtime.v2.task,"
        "/run/docker/containerd/daemon/io.containerd.runtime.v2.task,"
        "/var/run/docker/containerd/daemon/io.containerd.runtime.v2.task,"
        "/run/containers/storage/overlay-containers,"
        "/var/lib/containers/storage/overlay-containers",
        "Folders in which runtimes keep one bundle (config.json) for each container.",
    )
    runc_roots: str = setting(
        "/run/runc,/run/crun", "State folders of runc and crun started without a container engine."
    )
    docker_root: str = setting("/var/lib/docker", "Docker's data folder, for names, images and labels.")
    podman_root: str = setting(
        "/var/lib/containers/storage", "Podman's storage folder, for names and images."
    )
    host_services: bool = setting(
        default=False, help="Also profile host services (systemd units below system.slice)."
    )


def listed(text: str) -> tuple[str, ...]:
    """Split a list setting.

    Examples:
        >>> listed("/run/a.sock, /run/b.sock,")
        ('/run/a.sock', '/run/b.sock')
    """
    return tuple(part.strip() for part in text.split(",") if part.strip())
