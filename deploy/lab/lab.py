"""One lab: a containerd, its network, and everything started in it, gone when the `with` block ends."""

import contextlib
import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import grpc
from cri_api.v1 import api_pb2_grpc

from lab import cgroups, daemon, images, network
from lab.containers import PlainContainer, Pod
from lab.errors import LabError
from lab.load import Load
from lab.requirements import BASE, require

_REPOSITORY = Path(__file__).parents[2]
_CNI = ("ip", "/usr/lib/cni/bridge", "/usr/lib/cni/host-local", "/usr/lib/cni/loopback")


class Lab:
    """Real containers for as long as a `with` block lasts; several labs may run at the same time.

    Args:
        folder: A folder of this lab's own, deleted at the end; `/run/nonself-lab-<pid>-…` where None.
            Short, because the path of a Unix socket has at most 107 bytes.
        cache: Where image archives are kept for the next lab; `build/lab` of the repository where None.
    """

    def __init__(self, folder: Path | None = None, *, cache: Path | None = None) -> None:
        self.folder = folder or Path(f"/run/nonself-lab-{os.getpid()}-{uuid.uuid4().hex[:4]}")
        self.daemon = daemon.Daemon(self.folder)
        self._cache = cache or _REPOSITORY / "build" / "lab"
        self._stack = ExitStack()
        self._imported: set[tuple[str, str]] = set()
        self.network: network.Network | None = None
        """Made with the first pod that is not in the host's network."""
        self._channel: grpc.Channel | None = None

    @property
    def socket(self) -> Path:
        """The runtime's socket: CRI and containerd's own API."""
        return self.daemon.socket

    @property
    def state(self) -> Path:
        """Containerd's state folder, below which the bundles lie."""
        return self.daemon.state

    def __enter__(self) -> Self:
        require(BASE)
        clean(self.folder)
        self.folder.mkdir(parents=True, mode=0o755)
        self._stack.callback(self._remove_cgroups_and_folder)
        try:
            self.daemon.start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def image(self, name: str, *, namespace: str = "k8s.io") -> str:
        """Make an image known to the runtime, built first where need be; return its reference."""
        if (name, namespace) not in self._imported:
            archive = images.build(name, self._cache)
            # So that the reference which CRI reports holds the manifest's digest, as after a pull.
            arguments = ("images", "import", "--digests", "--base-name", f"lab.local/{name}", str(archive))
            self.daemon.ctr(*arguments, namespace=namespace)
            self._imported.add((name, namespace))
        return images.reference(name)

    def pod(
        self,
        namespace: str,
        name: str,
        *,
        container: str,
        image: str,
        labels: Mapping[str, str] | None = None,
        host_network: bool = False,
        privileged: bool = False,
        command: Sequence[str] = (),
        arguments: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        volumes: Mapping[str, Path] | None = None,
        seccomp: Path | None = None,
    ) -> Pod:
        """Start a pod with one container, as a kubelet does.

        Args:
            namespace: Kubernetes namespace.
            name: The pod's name.
            container: The container's name.
            image: One of `images.RECIPES`.
            labels: The pod's labels beside those that a kubelet adds.
            host_network: Share the host's network; needs no bridge and starts sooner.
            privileged: With every capability and device, and nothing of procfs masked.
            command: In place of the image's entrypoint.
            arguments: After the entrypoint.
            env: Environment beside the image's.
            volumes: Folders of this machine, by where the container sees them.
            seccomp: A profile of this machine, which the runtime enforces.
        """
        self.image("pause")
        self.image(image)
        if not host_network and self.network is None:
            require(_CNI)
            self.network = network.Network.create(self.folder)
            self._stack.callback(self.network.remove)
        pod = Pod(
            self._runtime(),
            self.folder,
            namespace=namespace,
            name=name,
            labels=labels or {},
            host_network=host_network,
            privileged=privileged,
        )
        self._remember(pod.cgroup)
        pod.start()
        self._stack.callback(_quietly, pod.remove)
        pod.run(
            container,
            image,
            command=command,
            arguments=arguments,
            env=env,
            volumes=volumes,
            seccomp=seccomp,
        )
        return pod

    def ctr_run(
        self,
        name: str,
        image: str,
        command: Sequence[str] = (),
        *,
        namespace: str = "default",
        cgroup: str = "",
        labels: Mapping[str, str] | None = None,
    ) -> PlainContainer:
        """Start a container with `ctr run --detach`."""
        path = cgroup or f"/{namespace}/{name}"
        run = self._ctr_run(namespace, path, labels or {}, "--detach")
        self.daemon.ctr(*run, self.image(image, namespace=namespace), name, *command, namespace=namespace)
        container = PlainContainer(name, namespace, path, self.daemon, self.folder / "fifo")
        self._stack.callback(_quietly, container.remove)
        return container

    def ctr_once(
        self,
        name: str,
        image: str,
        command: Sequence[str],
        *,
        namespace: str = "default",
        cgroup: str = "",
        labels: Mapping[str, str] | None = None,
    ) -> str:
        """Run a container with `ctr run --rm` until it ends by itself; return what it printed."""
        run = self._ctr_run(namespace, cgroup or f"/{namespace}/{name}", labels or {}, "--rm")
        return self.daemon.ctr(
            *run, self.image(image, namespace=namespace), name, *command, namespace=namespace
        )

    def load(self, *command: str) -> Load:
        """Start a program on the host, such as a load generator; it is stopped with the lab at the latest."""
        load = Load(command)
        self._stack.callback(load.stop)
        return load

    def _ctr_run(self, namespace: str, cgroup: str, labels: Mapping[str, str], how: str) -> list[str]:
        self._remember(cgroup)
        named = [word for key, value in labels.items() for word in ("--label", f"{key}={value}")]
        private = ["--runc-root", f"{self.folder}/runc/{namespace}", "--fifo-dir", f"{self.folder}/fifo"]
        return ["run", how, "--cgroup", cgroup, *private, *named]

    def _runtime(self) -> api_pb2_grpc.RuntimeServiceStub:
        if self._channel is None:
            options = [("grpc.default_authority", "localhost")]
            self._channel = grpc.insecure_channel(f"unix://{self.socket}", options=options)
            self._stack.callback(self._channel.close)
        return api_pb2_grpc.RuntimeServiceStub(self._channel)  # type: ignore[no-untyped-call]  # generated without types

    def _remember(self, cgroup: str) -> None:
        with (self.folder / "cgroups").open("a") as file:
            file.write(f"{cgroup}\n")

    def _remove_cgroups_and_folder(self) -> None:
        paths = _remembered(self.folder)
        self.daemon.stop()
        for path in paths:
            cgroups.remove(path)


def clean(folder: Path) -> None:
    """Remove all that a lab left behind whose owner was killed; nothing where there is nothing."""
    if not folder.exists():
        return
    paths = _remembered(folder)
    network.remove_left_behind(folder)
    daemon.remove(folder)
    for path in paths:
        cgroups.remove(path)


def _remembered(folder: Path) -> list[str]:
    file = folder / "cgroups"
    return file.read_text().splitlines() if file.exists() else []


@contextlib.contextmanager
def _suppressed() -> Iterator[None]:
    # What a polite removal could not remove, the end of the daemon removes with force.
    with contextlib.suppress(LabError, grpc.RpcError):
        yield


def _quietly(remove: object) -> None:
    with _suppressed():
        remove()  # type: ignore[operator]
