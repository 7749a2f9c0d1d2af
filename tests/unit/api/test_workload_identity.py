"""Which workload a container belongs to."""

from typing import Any

import pytest

from api.workloads.identity import Source, identify
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
