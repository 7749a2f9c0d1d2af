"""What runs in a lab: pods through CRI, as a kubelet starts them, and plain containers through `ctr`."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from cri_api.v1 import api_pb2 as cri, api_pb2_grpc

from lab.daemon import Daemon
from lab.errors import StartError
from lab.images import reference

_KUBERNETES = "io.kubernetes."


@dataclass(frozen=True)
class Executed:
    """How a command inside a container ended."""

    exit_code: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Container:
    """One container of a pod."""

    id: str
    name: str
    pod: "Pod"

    @property
    def pid(self) -> int:
        """Process id of its first process, on the host."""
        request = cri.ContainerStatusRequest(container_id=self.id, verbose=True)
        info = self.pod.runtime.ContainerStatus(request).info["info"]
        return int(json.loads(info)["pid"])

    @property
    def running(self) -> bool:
        """Whether its first process lives."""
        request = cri.ContainerStatusRequest(container_id=self.id)
        return bool(self.pod.runtime.ContainerStatus(request).status.state == cri.CONTAINER_RUNNING)

    def exec(self, command: Sequence[str], *, timeout_s: int = 30) -> Executed:
        """Run a command inside it, as `kubectl exec` does, and wait for its end."""
        request = cri.ExecSyncRequest(container_id=self.id, cmd=list(command), timeout=timeout_s)
        done = self.pod.runtime.ExecSync(request)
        return Executed(
            done.exit_code, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        )

    def logs(self) -> str:
        """Return what it printed, in the kubelet's log format."""
        request = cri.ContainerStatusRequest(container_id=self.id)
        path = self.pod.runtime.ContainerStatus(request).status.log_path
        return Path(path).read_text() if path and Path(path).exists() else ""

    def stop(self, *, patience_s: int = 2) -> None:
        """Stop it; the pod stays."""
        self.pod.runtime.StopContainer(cri.StopContainerRequest(container_id=self.id, timeout=patience_s))


class Pod:
    """One pod sandbox with the labels and cgroup names of a kubelet's."""

    def __init__(
        self,
        runtime: api_pb2_grpc.RuntimeServiceStub,
        folder: Path,
        *,
        namespace: str,
        name: str,
        labels: Mapping[str, str],
        host_network: bool,
        privileged: bool = False,
    ) -> None:
        self.runtime = runtime
        self._privileged = privileged
        self.namespace = namespace
        self.name = name
        self.uid = str(uuid.uuid4())
        self.cgroup = f"/kubepods/besteffort/pod{self.uid}"
        own = {"pod.name": name, "pod.namespace": namespace, "pod.uid": self.uid}
        self._own = {_KUBERNETES + key: value for key, value in own.items()}
        network = cri.NODE if host_network else cri.POD
        self._namespaces = cri.NamespaceOption(network=network, pid=cri.CONTAINER, ipc=cri.POD)
        security = cri.LinuxSandboxSecurityContext(namespace_options=self._namespaces, privileged=privileged)
        self._config = cri.PodSandboxConfig(
            metadata=cri.PodSandboxMetadata(name=name, uid=self.uid, namespace=namespace, attempt=0),
            # runc refuses a hostname where there is no UTS namespace of the pod's own.
            hostname="" if host_network else name,
            log_directory=str(folder / "logs" / f"{namespace}_{name}_{self.uid}"),
            labels={**labels, **self._own},
            linux=cri.LinuxPodSandboxConfig(cgroup_parent=self.cgroup, security_context=security),
        )
        self.sandbox_id = ""
        self.containers: list[Container] = []
        self._configs: dict[str, cri.ContainerConfig] = {}

    @property
    def container(self) -> Container:
        """The pod's first container."""
        return self.containers[0]

    @property
    def ip(self) -> str:
        """The pod's address; loopback for a pod in the host's network."""
        status = self.runtime.PodSandboxStatus(
            cri.PodSandboxStatusRequest(pod_sandbox_id=self.sandbox_id)
        ).status
        return str(status.network.ip) or "127.0.0.1"

    def start(self) -> None:
        """Start the sandbox.

        Raises:
            StartError: The runtime refused; the message holds its reason.
        """
        Path(self._config.log_directory).mkdir(parents=True, exist_ok=True)
        made = _ask(self.runtime.RunPodSandbox, cri.RunPodSandboxRequest(config=self._config))
        self.sandbox_id = made.pod_sandbox_id

    def run(
        self,
        name: str,
        image: str,
        *,
        command: Sequence[str] = (),
        arguments: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        volumes: Mapping[str, Path] | None = None,
        seccomp: Path | None = None,
    ) -> Container:
        """Start one more container in this pod, from an image that the lab has imported.

        Args:
            name: The container's name.
            image: One of `images.RECIPES`.
            command: In place of the image's entrypoint.
            arguments: After the entrypoint.
            env: Environment beside the image's.
            volumes: Folders of this machine, by where the container sees them.
            seccomp: A profile of this machine, which the runtime enforces.
        """
        mounts = (volumes or {}).items()
        filtered = {} if seccomp is None else {"seccomp": _localhost(seccomp)}
        config = cri.ContainerConfig(
            metadata=cri.ContainerMetadata(name=name, attempt=0),
            image=cri.ImageSpec(image=reference(image)),
            command=list(command),
            args=list(arguments),
            envs=[cri.KeyValue(key=key, value=value) for key, value in (env or {}).items()],
            labels={**self._own, f"{_KUBERNETES}container.name": name},
            log_path=f"{name}.log",
            mounts=[cri.Mount(container_path=at, host_path=str(folder)) for at, folder in mounts],
            linux=cri.LinuxContainerConfig(
                security_context=cri.LinuxContainerSecurityContext(
                    namespace_options=self._namespaces, privileged=self._privileged, **filtered
                )
            ),
        )
        container = self._begin(config)
        self.containers.append(container)
        return container

    def restart(self, *, patience_s: int = 10) -> Container:
        """Replace the pod's first container by a new one, as a kubelet does where it has ended."""
        old = self.container
        old.stop(patience_s=patience_s)
        self.runtime.RemoveContainer(cri.RemoveContainerRequest(container_id=old.id))
        config = self._configs[old.name]
        config.metadata.attempt += 1
        self.containers[0] = self._begin(config)
        return self.container

    def _begin(self, config: cri.ContainerConfig) -> Container:
        self._configs[config.metadata.name] = config
        request = cri.CreateContainerRequest(
            pod_sandbox_id=self.sandbox_id, config=config, sandbox_config=self._config
        )
        id_ = _ask(self.runtime.CreateContainer, request).container_id
        _ask(self.runtime.StartContainer, cri.StartContainerRequest(container_id=id_))
        return Container(id_, config.metadata.name, self)

    def exec(self, command: Sequence[str], *, timeout_s: int = 30) -> Executed:
        """Run a command inside the pod's first container and wait for its end."""
        return self.container.exec(command, timeout_s=timeout_s)

    def remove(self) -> None:
        """Stop and delete the pod with all its containers."""
        if self.sandbox_id:
            self.runtime.StopPodSandbox(cri.StopPodSandboxRequest(pod_sandbox_id=self.sandbox_id))
            self.runtime.RemovePodSandbox(cri.RemovePodSandboxRequest(pod_sandbox_id=self.sandbox_id))
            self.sandbox_id = ""


@dataclass(frozen=True)
class PlainContainer:
    """One container started with `ctr run --detach`, outside Kubernetes."""

    id: str
    namespace: str
    cgroup: str
    daemon: Daemon
    fifos: Path

    @property
    def pid(self) -> int:
        """Process id of its first process, on the host."""
        for line in self.daemon.ctr("tasks", "list", namespace=self.namespace).splitlines():
            fields = line.split()
            if fields[0] == self.id:
                return int(fields[1])
        msg = f"Container {self.id} has no running task."
        raise StartError(msg)

    def exec(self, command: Sequence[str], *, timeout_s: float = 30.0) -> str:
        """Run a command inside it with `ctr task exec`; return what it printed."""
        run = ("task", "exec", "--exec-id", uuid.uuid4().hex[:12], "--fifo-dir", str(self.fifos), self.id)
        return self.daemon.ctr(*run, *command, namespace=self.namespace, timeout_s=timeout_s)

    def remove(self) -> None:
        """Kill and delete it."""
        self.daemon.ctr("task", "delete", "--force", self.id, namespace=self.namespace)
        self.daemon.ctr("container", "delete", self.id, namespace=self.namespace)


def _localhost(profile: Path) -> cri.SecurityProfile:
    return cri.SecurityProfile(profile_type=cri.SecurityProfile.Localhost, localhost_ref=str(profile))


def _ask(call: Any, request: Any) -> Any:
    try:
        return call(request, timeout=60)
    except grpc.RpcError as error:
        msg = f"The container runtime refused: {error.details()}"
        raise StartError(msg) from error
