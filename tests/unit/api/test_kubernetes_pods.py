"""Who keeps a pod, read from the API's objects."""

from typing import Any

import pytest

from api.kubernetes.pods import Controller, Parent, owner_of, read_parent, read_pod
from api.owners import ContainerRole
from tests.kube_apiserver import a_pod, an_object, reference

PARENTS = {
    "cart-6d4cf56db6": an_object("cart-6d4cf56db6", reference("Deployment", "cart")),
    "web-5b5d": an_object("web-5b5d", reference("Rollout", "web", api="argoproj.io/v1alpha1")),
    "lone-rs": an_object("lone-rs"),
    "report-28391040": an_object("report-28391040", reference("CronJob", "report", api="batch/v1")),
    "migrate": an_object("migrate"),
    "build-x7k2p": an_object("build-x7k2p", generateName="build-"),
}


def chase(controller: Controller, _namespace: str) -> Parent | None:
    """Answer from a table, as the API does."""
    plain = PARENTS.get(controller.name)
    return read_parent(plain) if plain else None


@pytest.mark.parametrize(
    ("pod", "kind", "name"),
    [
        (a_pod("cart-6d4cf56db6-x7k2p", reference("ReplicaSet", "cart-6d4cf56db6")), "Deployment", "cart"),
        (a_pod("web-5b5d-x7k2p", reference("ReplicaSet", "web-5b5d")), "Rollout.argoproj.io", "web"),
        (a_pod("lone-rs-x7k2p", reference("ReplicaSet", "lone-rs")), "ReplicaSet", "lone-rs"),
        (
            a_pod("report-28391040-x7k2p", reference("Job", "report-28391040", api="batch/v1")),
            "CronJob",
            "report",
        ),
        (a_pod("migrate-x7k2p", reference("Job", "migrate", api="batch/v1")), "Job", "migrate"),
        (a_pod("build-x7k2p-abcde", reference("Job", "build-x7k2p", api="batch/v1")), "Job", "build"),
        (a_pod("db-0", reference("StatefulSet", "db")), "StatefulSet", "db"),
        (a_pod("fluentd-x7k2p", reference("DaemonSet", "fluentd")), "DaemonSet", "fluentd"),
        (a_pod("shell"), "BarePod", "shell"),
        (
            a_pod("etcd-node-a", reference("Node", "node-a", api="v1")),
            "StaticPod",
            "etcd",
        ),
        (
            a_pod("kafka-0", reference("StrimziPodSet", "kafka", api="core.strimzi.io/v1beta2")),
            "StrimziPodSet.core.strimzi.io",
            "kafka",
        ),
    ],
)
def test_a_pod_belongs_to_what_outlives_its_releases(pod: dict[str, Any], kind: str, name: str) -> None:
    """Replica sets and jobs are looked through; any other controller, also a custom one, is the owner."""
    owner = owner_of(read_pod(pod), chase)

    assert owner
    assert (owner.kind, owner.name) == (kind, name)


def test_a_replica_set_that_is_gone_tells_nothing() -> None:
    """Nothing is guessed in the cluster's name."""
    assert owner_of(read_pod(a_pod("x-1-2", reference("ReplicaSet", "x-1"))), chase) is None


def test_a_pod_that_a_program_named_is_called_after_the_program() -> None:
    """What the API made up is taken off a bare pod's name."""
    pod = a_pod("runner-x7k2p")
    pod["metadata"]["generateName"] = "runner-"

    owner = owner_of(read_pod(pod), chase)

    assert owner
    assert owner.name == "runner"


def test_an_owner_reference_that_is_no_controller_is_no_owner() -> None:
    """Garbage collection alone makes nobody a keeper."""
    references = reference("ConfigMap", "settings", api="v1")
    references[0]["controller"] = False

    owner = owner_of(read_pod(a_pod("shell", references)), chase)

    assert owner
    assert owner.kind == "BarePod"


def test_containers_of_a_pod_have_roles() -> None:
    """Init, sidecar, main and ephemeral containers are told apart."""
    pod = read_pod(
        a_pod(
            "cart-0",
            initContainers=[{"name": "migrate"}, {"name": "mesh", "restartPolicy": "Always"}],
            ephemeralContainers=[{"name": "debugger-x7k2p"}],
        )
    )

    assert pod.roles == {
        "migrate": ContainerRole.INIT,
        "mesh": ContainerRole.SIDECAR,
        "web": ContainerRole.MAIN,
        "debugger-x7k2p": ContainerRole.EPHEMERAL,
    }


@pytest.mark.parametrize(
    "plain", [{}, {"metadata": []}, {"metadata": {"ownerReferences": [7]}, "spec": None}]
)
def test_an_object_of_another_shape_is_no_trouble(plain: dict[str, Any]) -> None:
    """What is missing is empty."""
    assert read_pod(plain).controller is None
