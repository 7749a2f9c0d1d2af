"""Runtimes on real sockets, served by gRPC: CRI and containerd's own API."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import grpc
from cri_api.v1 import api_pb2 as cri, api_pb2_grpc

from collector.identity.protobuf import text_field
from tests.unit.collector.identity_node import A, B


class Runtime(api_pb2_grpc.RuntimeServiceServicer):
    """A CRI runtime with one pod and one container in it."""

    def ListContainers(self, request, _context):  # noqa: N802 - CRI's name
        own = cri.Container(id=A, pod_sandbox_id=B, image_ref="sha256:4444", labels={"tier": "listed"})
        return cri.ListContainersResponse(containers=[own] if request.filter.id == A else [])

    def ListPodSandbox(self, request, _context):  # noqa: N802 - CRI's name
        metadata = cri.PodSandboxMetadata(name="web-0", uid="uid-1", namespace="shop")
        annotations = {"kubernetes.io/config.source": "file", "vault.io/secret": "hunter2"}
        labels = {"app": "shop", "tier": "pod"}
        own = cri.PodSandbox(id=B, metadata=metadata, labels=labels, annotations=annotations)
        return cri.ListPodSandboxResponse(items=[own] if request.filter.id == B else [])

    def ContainerStatus(self, _request, _context):  # noqa: N802 - CRI's name
        status = cri.ContainerStatus(
            id=A,
            metadata=cri.ContainerMetadata(name="web"),
            image=cri.ImageSpec(image="registry.example/web:1"),
            image_ref="registry.example/web@sha256:2222",
            labels={"tier": "container"},
        )
        return cri.ContainerStatusResponse(status=status)


class Hanging(Runtime):
    """A CRI runtime that does not answer until it is told to."""

    def __init__(self) -> None:
        self.calls = 0
        self.asked = threading.Event()
        self.ended = threading.Event()

    def ListContainers(self, request, context):  # noqa: N802 - CRI's name
        self.calls += 1
        self.asked.set()
        self.ended.wait(10)
        return super().ListContainers(request, context)


class Removing(Runtime):
    """A CRI runtime whose container is removed after it was listed."""

    def ContainerStatus(self, _request, context):  # noqa: N802 - CRI's name
        context.abort(grpc.StatusCode.NOT_FOUND, "no such container")


def _message(number: int, body: bytes) -> bytes:
    return bytes([number << 3 | 2, len(body)]) + body


class Containerd(grpc.GenericRpcHandler):
    """Containerd's own API, with one container in namespace `default`, and maybe its image."""

    def __init__(self, *, with_image: bool = True) -> None:
        self._with_image = with_image

    def service(self, call):
        answers = {
            "/containerd.services.containers.v1.Containers/Get": self._container,
            "/containerd.services.images.v1.Images/Get": self._image,
        }
        answer = answers.get(call.method)
        return answer and grpc.unary_unary_rpc_method_handler(answer)

    def _container(self, request, context):
        if (
            request != text_field(1, A)
            or dict(context.invocation_metadata())["containerd-namespace"] != "default"
        ):
            context.abort(grpc.StatusCode.NOT_FOUND, "no such container")
        label = _message(2, text_field(1, "team") + text_field(2, "shop"))
        return _message(1, text_field(1, A) + label + text_field(3, "web:1"))

    def _image(self, _request, context):
        if not self._with_image:
            context.abort(grpc.StatusCode.NOT_FOUND, "no such image")
        target = text_field(1, "application/vnd.oci.image.manifest.v1+json") + text_field(2, "sha256:3333")
        return _message(1, text_field(1, "web:1") + _message(3, target))


class Garbage(Containerd):
    """Something that answers, but not in protobuf."""

    def service(self, _call):
        return grpc.unary_unary_rpc_method_handler(lambda _request, _context: b"\xff" * 40)


_RUNTIME, _CONTAINERD = Runtime(), Containerd()


@contextmanager
def served(
    path: Path, cri_runtime: Runtime | None = _RUNTIME, containerd: Containerd | None = _CONTAINERD
) -> Iterator[None]:
    """Serve what a runtime serves, on a unix socket, while the block lasts."""
    server = grpc.server(ThreadPoolExecutor(2))
    if cri_runtime:
        api_pb2_grpc.add_RuntimeServiceServicer_to_server(cri_runtime, server)
    if containerd:
        server.add_generic_rpc_handlers((containerd,))
    server.add_insecure_port(f"unix:{path}")
    server.start()
    try:
        yield
    finally:
        server.stop(None).wait()
