"""What a runtime's socket adds, and how its absence is borne; against a real gRPC server on a real socket."""

import socket as socket_module
import threading
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from collector.identity.runtime_socket import RuntimeSocket
from tests.unit.collector.identity_node import A, B
from tests.unit.collector.identity_runtime import Containerd, Garbage, Hanging, Removing, served
from wire.profile import ContainerRef

_REF = ContainerRef(id=A, runtime="containerd", cgroup=f"/k8s.io/{A}")


@pytest.fixture
def path(tmp_path) -> Path:
    """Return where the socket lies."""
    return tmp_path / "runtime.sock"


def test_cri_adds_labels_of_pod_and_container(path):
    """Labels of both are merged, the container's own winning, and the digest is the repository's."""
    socket = RuntimeSocket(str(path))
    with served(path):
        ref = socket.ask(_REF, A, "k8s.io")
    socket.close()

    assert ref.labels == {"app": "shop", "tier": "container"}
    assert (ref.name, ref.pod, ref.namespace, ref.pod_uid) == ("web", "web-0", "shop", "uid-1")
    assert (ref.image, ref.image_digest) == ("registry.example/web:1", "sha256:2222")


def test_annotations_that_tell_no_workload_stay_on_the_node(path):
    """Of a pod's annotations only those that say what it is are taken; others may hold secrets."""
    socket = RuntimeSocket(str(path))
    with served(path):
        ref = socket.ask(_REF, A, "k8s.io")
    socket.close()

    assert ref.annotations == {"kubernetes.io/config.source": "file"}


def test_cri_knows_sandboxes_too(path):
    """The pause container gets its pod's labels."""
    socket = RuntimeSocket(str(path))
    with served(path):
        ref = socket.ask(ContainerRef(id=B, runtime="containerd"), B, "")
    socket.close()

    assert (ref.pod, ref.labels) == ("web-0", {"app": "shop", "tier": "pod"})


def test_containerd_adds_labels_and_image_of_plain_containers(path):
    """A container outside Kubernetes is known to containerd's own API alone."""
    socket = RuntimeSocket(str(path))
    with served(path, None):
        ref = socket.ask(_REF, A, "default")
        unknown = socket.ask(_REF, A, "other")
    socket.close()

    assert (ref.labels, ref.image, ref.image_digest) == ({"team": "shop"}, "web:1", "sha256:3333")
    assert unknown is _REF


def test_a_deleted_image_costs_no_more_than_its_digest(path):
    """A container whose image was deleted meanwhile still has its labels and the image's name."""
    socket = RuntimeSocket(str(path))
    with served(path, None, Containerd(with_image=False)):
        ref = socket.ask(_REF, A, "default")
    socket.close()

    assert (ref.labels, ref.image, ref.image_digest) == ({"team": "shop"}, "web:1", "")


def test_an_answer_that_is_no_message_is_borne(path):
    """A runtime that answers with garbage costs a warning, not an error."""
    socket = RuntimeSocket(str(path))
    with served(path, None, Garbage()), capture_logs() as logs:
        assert socket.ask(_REF, A, "default") is _REF
    socket.close()
    socket.close()

    assert [line["event"] for line in logs] == ["runtime_socket_unavailable"]


def test_a_runtime_without_these_interfaces_is_no_fault(path):
    """A runtime that does not serve CRI, or does not know the container, is not complained about."""
    socket = RuntimeSocket(str(path))
    with served(path, None, None), capture_logs() as logs:
        assert socket.ask(_REF, A, "") is _REF
    socket.close()

    assert logs == []


def test_a_stopped_runtime_is_told_once_and_forgiven(path):
    """However many containers ask, an outage has one warning at its start and one line at its end."""
    socket = RuntimeSocket(str(path))
    with capture_logs() as logs:
        for _ in range(50):
            assert socket.ask(_REF, A, "k8s.io") is _REF
        with served(path):
            assert socket.ask(_REF, A, "k8s.io").name == "web"
    socket.close()

    assert [line["event"] for line in logs] == ["runtime_socket_unavailable", "runtime_socket_available"]
    assert logs[0]["socket"] == str(path)


def test_a_runtime_that_hangs_is_left_alone_for_a_while(path):
    """A call ends at its timeout; the next one is tried after a pause, not for every container."""
    now, runtime = [100.0], Hanging()
    socket = RuntimeSocket(str(path), timeout_s=0.3, clock=lambda: now[0])
    with served(path, runtime), capture_logs() as logs:
        for step_s in (0.0, 1.0, 3.0, 2.0):
            now[0] += step_s
            assert socket.ask(_REF, A, "k8s.io") is _REF
        runtime.ended.set()
    socket.close()

    assert runtime.calls == 2
    assert [line["event"] for line in logs] == ["runtime_socket_unavailable"]


def test_an_end_in_the_middle_of_a_question_is_no_outage(path):
    """An agent that stops closes the connection: the question ends at once, unanswered and unwarned."""
    runtime, answers = Hanging(), []
    socket = RuntimeSocket(str(path), timeout_s=10.0)
    asking = threading.Thread(target=lambda: answers.append(socket.ask(_REF, A, "k8s.io")))
    with served(path, runtime), capture_logs() as logs:
        asking.start()
        assert runtime.asked.wait(10)
        socket.close()
        asking.join(5)
        runtime.ended.set()

    assert answers == [_REF]
    assert logs == []


def test_a_container_removed_while_it_is_asked_about_keeps_what_was_said(path):
    """A container that is gone between two questions still gets the labels of the first answer."""
    socket = RuntimeSocket(str(path))
    with served(path, Removing()):
        ref = socket.ask(_REF, A, "k8s.io")
    socket.close()

    assert (ref.pod, ref.labels, ref.image_digest) == (
        "web-0",
        {"app": "shop", "tier": "listed"},
        "sha256:4444",
    )


def test_a_socket_without_a_listener_is_borne(path):
    """A socket file left behind by a killed runtime costs a warning, not an error."""
    left_behind = socket_module.socket(socket_module.AF_UNIX)
    left_behind.bind(str(path))
    left_behind.close()
    socket = RuntimeSocket(str(path))
    with capture_logs() as logs:
        assert socket.ask(_REF, A, "k8s.io") is _REF
    socket.close()

    assert [line["event"] for line in logs] == ["runtime_socket_unavailable"]
