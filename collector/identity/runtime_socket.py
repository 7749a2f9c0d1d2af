"""One runtime's socket: asks CRI and containerd's own API who a container is, and bears their absence."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, cast

import structlog

from collector.identity import describe, protobuf
from collector.identity.files import labels, text
from wire.profile import ContainerRef

_PAUSE_S: Final = 5.0
"""How long a runtime that hangs is left alone; one that is not there costs nothing to ask again."""
_MAX_RECONNECT_MS: Final = 1000
"""A runtime that is back starts containers at once: they should not go without labels for long."""
_CONTAINERS_GET: Final = "/containerd.services.containers.v1.Containers/Get"
_IMAGES_GET: Final = "/containerd.services.images.v1.Images/Get"

_log = structlog.get_logger()


class RuntimeSocket:
    """A connection to one runtime, opened at the first question.

    Safe for several threads. gRPC is imported then too: it takes 17 MB of
    resident memory, which a node without such a runtime does not pay.

    Args:
        path: The unix socket.
        timeout_s: How long one call may take.
        clock: Seconds that never step back.
    """

    def __init__(
        self, path: str, *, timeout_s: float = 2.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._path = path
        self._timeout_s = timeout_s
        self._clock = clock
        self._lock = threading.Lock()
        self._channel: Any = None
        self._quiet_until = 0.0
        self._warned = False
        self._closed = False

    def connect(self) -> None:
        """Connect ahead of the first question, so that a short-lived container can still be asked about."""
        self._open()

    def ask(self, ref: ContainerRef, own_id: str, containerd_namespace: str) -> ContainerRef:
        """Return a container with what the runtime adds: labels, digest, and names that were missing.

        Takes 2 ms, and `timeout_s` at most for each of three calls; an unchanged `ref`
        means that the runtime does not know it or does not answer.

        Args:
            ref: What is known already.
            own_id: The id by which the runtime knows it.
            containerd_namespace: `k8s.io` for CRI; empty where it is not known.
        """
        if self._clock() < self._quiet_until:
            return ref
        if not Path(self._path).is_socket():
            self._fail("there is no such socket")
            return ref
        import grpc  # noqa: PLC0415 - 14 MB, paid at the first question

        answer = ref
        try:
            if containerd_namespace in {"", "k8s.io"}:
                answer = self._ask_cri(ref, own_id)
            if answer is ref and containerd_namespace:
                answer = self._ask_containerd(ref, own_id, containerd_namespace)
        except grpc.RpcError as error:
            # Every error of a unary call is also a grpc.Call, which the stubs cannot say.
            code = cast("grpc.Call", error).code()
            if code not in {grpc.StatusCode.NOT_FOUND, grpc.StatusCode.UNIMPLEMENTED}:
                if code is grpc.StatusCode.DEADLINE_EXCEEDED:
                    self._quiet_until = self._clock() + _PAUSE_S
                self._fail(f"it answered {code.name}")
                return ref
        except ValueError as error:
            self._fail(str(error))
            return ref
        self._recover()
        return answer

    def close(self) -> None:
        """Close the connection, also under a question, whose answer then adds nothing; safe to call twice."""
        with self._lock:
            self._closed = True
            if self._channel is not None:
                self._channel.close()
                self._channel = None

    def _ask_cri(self, ref: ContainerRef, own_id: str) -> ContainerRef:
        import grpc  # noqa: PLC0415 - 14 MB, paid at the first question
        from cri_api.v1 import api_pb2 as cri, api_pb2_grpc  # noqa: PLC0415 - 3 MB, paid at the first question

        runtime: Any = api_pb2_grpc.RuntimeServiceStub(self._open())  # type: ignore[no-untyped-call]
        only_it = cri.ContainerFilter(id=own_id)
        asked = cri.ListContainersRequest(filter=only_it)
        listed = runtime.ListContainers(asked, timeout=self._timeout_s).containers
        sandbox_id = listed[0].pod_sandbox_id if listed else own_id
        pods = runtime.ListPodSandbox(
            cri.ListPodSandboxRequest(filter=cri.PodSandboxFilter(id=sandbox_id)), timeout=self._timeout_s
        ).items
        if not listed and not pods:
            return ref
        pairs = {key: value for pod in pods for key, value in pod.labels.items()}
        for pod in pods:
            ref = replace(
                ref,
                pod=ref.pod or pod.metadata.name,
                namespace=ref.namespace or pod.metadata.namespace,
                pod_uid=ref.pod_uid or pod.metadata.uid,
            )
        if listed:
            request = cri.ContainerStatusRequest(container_id=own_id)
            try:
                status = runtime.ContainerStatus(request, timeout=self._timeout_s).status
            except grpc.RpcError:
                # Removed since it was listed; the list says the same, with the image's id for its digest.
                status = listed[0]
            pairs |= dict(status.labels)
            ref = replace(
                ref,
                name=ref.name or status.metadata.name,
                image=status.image.image or ref.image,
                # "<repository>@<digest>"; the image's id where it was imported without a digest.
                image_digest=status.image_ref.rpartition("@")[2] or ref.image_digest,
            )
        told = describe.telling({key: value for pod in pods for key, value in pod.annotations.items()})
        return replace(ref, labels=labels(pairs.items()), annotations=told or ref.annotations)

    def _ask_containerd(self, ref: ContainerRef, own_id: str, namespace: str) -> ContainerRef:
        container = protobuf.first(self._raw(_CONTAINERS_GET, own_id, namespace), 1)
        if not container:
            return ref
        pairs = [
            (_decoded(protobuf.first(body, 1)), _decoded(protobuf.first(body, 2)))
            for number, body in protobuf.bytes_fields(container)
            if number == 2
        ]
        image = _decoded(protobuf.first(container, 3))
        ref = describe.from_pairs(replace(ref, labels=labels(pairs), image=image or ref.image), dict(pairs))
        return replace(ref, image_digest=self._digest_of(image, namespace)) if image else ref

    def _digest_of(self, image: str, namespace: str) -> str:
        import grpc  # noqa: PLC0415 - 14 MB, paid at the first question

        try:
            return _decoded(protobuf.first(self._raw(_IMAGES_GET, image, namespace), 1, 3, 2))
        except grpc.RpcError:
            return ""  # The image was deleted while its container runs.

    def _raw(self, method: str, name: str, namespace: str) -> bytes:
        call = self._open().unary_unary(method)
        answer: bytes = call(
            protobuf.text_field(1, name),
            timeout=self._timeout_s,
            metadata=(("containerd-namespace", namespace),),
        )
        return answer

    def _open(self) -> Any:  # noqa: ANN401 - grpc is imported late, its types with it
        import grpc  # noqa: PLC0415 - 14 MB, paid at the first question

        with self._lock:
            if self._channel is None:
                # containerd refuses the percent-encoded path that gRPC would send as authority.
                options = [
                    ("grpc.default_authority", "localhost"),
                    ("grpc.max_reconnect_backoff_ms", _MAX_RECONNECT_MS),
                ]
                self._channel = grpc.insecure_channel(f"unix://{self._path}", options=options)
            return self._channel

    def _fail(self, reason: str) -> None:
        if not self._warned and not self._closed:
            self._warned = True
            _log.warning(
                "runtime_socket_unavailable",
                socket=self._path,
                reason=reason,
                effect="New containers have no labels and digests until it answers.",
            )

    def _recover(self) -> None:
        if self._warned:
            self._warned = False
            _log.info("runtime_socket_available", socket=self._path)


def _decoded(body: bytes) -> str:
    return text(body.decode(errors="replace"))
