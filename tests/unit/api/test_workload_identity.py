"""Which workload a container belongs to."""

from typing import Any

import pytest

from api.owners import ContainerRole, Owner
from api.workloads.identity import Source, earlier_keys, identify
from tests.service import a_container
from wire.profile import ContainerKind

APP = {"app.kubernetes.io/name": "cart"}
NOT_A_POD: dict[str, Any] = {"pod": "", "namespace": ""}


@pytest.mark.parametrize(
    ("pod", "labels", "owner", "source"),
    [
        ("anything-at-all", APP, "cart", Source.LABEL),
        ("x", {"app": "b", "k8s-app": "a"}, "a", Source.LABEL),
        ("cart-6d4cf56db6-x7k2p", {}, "cart", Source.POD_NAME),
        ("cart-api-6d4cf56db6-x7k2p", {"pod-template-hash": "6d4cf56db6"}, "cart-api", Source.POD_NAME),
        ("cart-0", {"statefulset.kubernetes.io/pod-name": "cart-0"}, "cart", Source.POD_NAME),
        ("db-12", {}, "db", Source.POD_NAME),
        ("fluentd-zzzzz", {"controller-revision-hash": "7b"}, "fluentd", Source.POD_NAME),
        ("node-exporter-x7k2p", {}, "node-exporter", Source.POD_NAME),
        ("report-28391040-x7k2p", {}, "report", Source.POD_NAME),
        ("report-28391040-x7k2p", {"job-name": "report-28391040"}, "report", Source.LABEL),
        ("db-mysql", {}, "db-mysql", Source.POD_NAME),
        ("kube-apiserver", {}, "kube-apiserver", Source.POD_NAME),
    ],
)
def test_a_pod_belongs_to_its_owner(pod: str, labels: dict[str, str], owner: str, source: Source) -> None:
    """Labels win; otherwise what controllers append to a pod's name is taken off, and nothing else."""
    key, found = identify(a_container(pod=pod, labels=labels), "")

    assert (key.kind, key.namespace, key.name, key.container) == ("pod", "shop", owner, "web")
    assert found is source


def test_two_replicas_and_a_new_release_are_one_workload() -> None:
    """Another replica set, pod and image give the same key."""
    first, _ = identify(a_container(), "eu")
    second, _ = identify(a_container(id="d", pod="cart-7c9d8f4b55-bbbbb", image="cart:2"), "eu")

    assert first == second


@pytest.mark.parametrize(
    ("changes", "kind", "namespace", "name", "source"),
    [
        (
            {"labels": {"com.docker.compose.project": "shop", "com.docker.compose.service": "cart"}},
            "compose",
            "shop",
            "cart",
            Source.COMPOSE,
        ),
        ({"name": "cart"}, "container", "", "cart", Source.CONTAINER_NAME),
        ({"name": "c" * 64, "image": "r:5000/cart:1@sha256:0"}, "container", "", "r:5000/cart", Source.IMAGE),
        ({"name": "eager_morse"}, "container", "", "registry.local/shop/cart", Source.IMAGE),
        ({"name": "eager_morse7"}, "container", "", "registry.local/shop/cart", Source.IMAGE),
        ({"name": "cart-ccccc"}, "container", "", "registry.local/shop/cart", Source.IMAGE),
        ({"name": "cart-ddddd"}, "container", "", "cart-ddddd", Source.CONTAINER_NAME),
        ({"name": "eager_morse", "image": ""}, "container", "", "eager_morse", Source.CONTAINER_NAME),
        (
            {"labels": {"io.podman.compose.project": "shop", "io.podman.compose.service": "cart"}},
            "compose",
            "shop",
            "cart",
            Source.COMPOSE,
        ),
        (
            {"labels": {"com.docker.stack.namespace": "shop", "com.docker.swarm.service.name": "shop_cart"}},
            "compose",
            "shop",
            "cart",
            Source.COMPOSE,
        ),
        ({"labels": {"PODMAN_SYSTEMD_UNIT": "cart.service"}}, "container", "", "cart", Source.UNIT),
        (
            {"name": "systemd-cart", "cgroup": "/system.slice/cart.service/libpod-payload-" + "c" * 64},
            "container",
            "",
            "cart",
            Source.UNIT,
        ),
        ({"name": "0123456789ab"}, "container", "", "registry.local/shop/cart", Source.IMAGE),
        ({"name": "0123456789ab", "image": ""}, "container", "", "0123456789ab", Source.CONTAINER_NAME),
        ({"name": "", "image": ""}, "unidentified", "", "unidentified", Source.NONE),
        (
            {"kind": ContainerKind.SERVICE, "name": "nginx.service"},
            "service",
            "",
            "nginx.service",
            Source.UNIT,
        ),
    ],
)
def test_outside_kubernetes_the_runtime_names_it(
    changes: dict[str, Any], kind: str, namespace: str, name: str, source: Source
) -> None:
    """Compose project and service, a chosen name, the image, or the unit, in this order."""
    key, found = identify(a_container(**NOT_A_POD, **changes), "")

    assert (key.kind, key.namespace, key.name) == (kind, namespace, name)
    assert found is source


def test_a_cluster_is_part_of_the_identity() -> None:
    """The same names in two clusters are two workloads."""
    assert identify(a_container(), "eu")[0] != identify(a_container(), "us")[0]


def test_what_the_cluster_says_wins_over_labels() -> None:
    """Kind and name of the owner; a label that says otherwise is no matter."""
    ref = a_container(labels=APP)

    key, source = identify(ref, "", owner=Owner(kind="StatefulSet", name="cart-db"))

    assert (key.kind, key.namespace, key.name, key.container) == ("statefulset", "shop", "cart-db", "web")
    assert source is Source.OWNER


@pytest.mark.parametrize(
    ("annotations", "name"),
    [
        ({"nonself.io/workload": "cart"}, "cart"),
        ({"openshift.io/deployment-config.name": "cart"}, "cart"),
        ({"kubernetes.io/config.source": "file"}, "etcd"),
    ],
)
def test_annotations_win_over_labels(annotations: dict[str, str], name: str) -> None:
    """A chosen name, a deployment config, and a static pod, which ends with its node's name."""
    ref = a_container(pod="etcd-node-a", labels={"app": "other"}, annotations=annotations)

    key, source = identify(ref, "", node="node-a")

    assert (key.name, source) == (name, Source.ANNOTATION)


def test_a_pod_from_the_api_server_is_no_static_pod() -> None:
    """Its name may end like the node's by chance."""
    ref = a_container(pod="etcd-node-a", annotations={"kubernetes.io/config.source": "api"})

    assert identify(ref, "", node="node-a")[1] is Source.POD_NAME


@pytest.mark.parametrize("owner", [None, Owner(kind="Deployment", name="cart", role=ContainerRole.EPHEMERAL)])
def test_debuggers_of_a_workload_are_one(owner: Owner | None) -> None:
    """The five letters that `kubectl debug` makes up are taken off."""
    key, _ = identify(a_container(name="debugger-x7k2p"), "", owner=owner)

    assert key.container == "debugger"


def test_a_main_container_may_be_called_like_a_debugger() -> None:
    """Where the cluster says that it is none, its name is kept."""
    owner = Owner(kind="Deployment", name="cart", role=ContainerRole.MAIN)

    assert identify(a_container(name="debugger-x7k2p"), "", owner=owner)[0].container == "debugger-x7k2p"


def test_what_the_last_release_called_a_container_is_among_its_earlier_keys() -> None:
    """Baselines that were learned under these are found."""
    owner = Owner(kind="Deployment", name="cart-api")
    static = a_container(pod="etcd-node-a", annotations={"kubernetes.io/config.source": "file"})
    nobody = a_container(name="eager_morse", pod="", namespace="")

    def names(ref: Any, owner: Owner | None = None) -> list[tuple[str, str]]:
        return [(key.kind, key.name) for key in earlier_keys(ref, "", node="node-a", owner=owner)]

    assert names(a_container(labels=APP), owner) == [("pod", "cart")]
    assert names(static) == [("pod", "etcd-node-a")]
    assert names(nobody) == [("container", "eager_morse")]
    assert names(a_container(labels=APP)) == []
