"""Pods' owners, asked of a server that speaks the Kubernetes API over TLS."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from api.db.access_tables import AuditRow
from api.errors import StartError
from api.kubernetes.cluster import Cluster
from api.kubernetes.directory import Directory
from api.kubernetes.start import asking_kubernetes
from api.metrics import Metrics
from api.owners import ContainerRole, Owner
from tests.kube_apiserver import KubeAPIServer, a_pod, an_object, reference, serving_kubernetes
from tests.service import Service, a_container, a_delta
from tests.waiting import until
from wire.profile import ContainerRef

pytest.importorskip("kubernetes")

CART = a_pod("cart-6d4cf56db6-x7k2p", reference("ReplicaSet", "cart-6d4cf56db6"))


@pytest.fixture
def kube(tmp_path: Path) -> Iterator[KubeAPIServer]:
    """A cluster with a deployment of one pod."""
    with serving_kubernetes(tmp_path, page=2) as server:
        server.put("replicasets", an_object("cart-6d4cf56db6", reference("Deployment", "cart")))
        server.put("pods", CART)
        yield server


@pytest.fixture
def directory(kube: KubeAPIServer) -> Iterator[Directory]:
    """What follows it; its pauses are a hundred times shorter."""
    directory = a_directory(kube)
    assert directory.wait_synced(10)
    yield directory
    directory.stop()


def a_directory(kube: KubeAPIServer) -> Directory:
    """Return a running directory."""

    def wait(pause_s: float) -> bool:
        time.sleep(pause_s / 100)
        return False

    directory = Directory(Cluster(str(kube.kubeconfig())), Metrics(), wait=wait)
    directory.start()
    return directory


def a_ref(pod: str, name: str = "web") -> ContainerRef:
    """Return a container of a pod of the test's cluster."""
    return a_container(pod=pod, pod_uid=f"uid-{pod}", name=name)


def test_the_owner_of_a_pod_is_known(kube: KubeAPIServer, directory: Directory) -> None:
    """Deployment and role come from the API, over TLS and with a token, page by page."""
    assert directory.find(a_ref("cart-6d4cf56db6-x7k2p")) == Owner(
        kind="Deployment", name="cart", role=ContainerRole.MAIN
    )
    assert kube.denied == []


def test_pages_are_read_to_the_end(tmp_path: Path) -> None:
    """Seven pods in pages of two are all known."""
    with serving_kubernetes(tmp_path, page=2) as kube:
        for index in range(7):
            kube.put("pods", a_pod(f"db-{index}", reference("StatefulSet", "db")))
        directory = a_directory(kube)

        assert directory.wait_synced(10)
        assert all(directory.find(a_ref(f"db-{index}")) for index in range(7))
        directory.stop()


def test_a_page_that_grew_too_old_begins_the_list_anew(tmp_path: Path) -> None:
    """410 between two pages is no failure."""
    with serving_kubernetes(tmp_path, page=2) as kube:
        for index in range(5):
            kube.put("pods", a_pod(f"db-{index}", reference("StatefulSet", "db")))
        kube.expire_continue = True
        directory = a_directory(kube)

        assert directory.wait_synced(10)
        assert all(directory.find(a_ref(f"db-{index}")) for index in range(5))
        directory.stop()


def test_a_new_pod_is_known_from_the_watch(kube: KubeAPIServer, directory: Directory) -> None:
    """A replica set that appeared after the list is asked for by itself."""
    kube.put("replicasets", an_object("api-77", reference("Deployment", "api")))
    kube.put("pods", a_pod("api-77-abcde", reference("ReplicaSet", "api-77")))

    owner = until(lambda: directory.find(a_ref("api-77-abcde")))

    assert (owner.kind, owner.name) == ("Deployment", "api")
    assert kube.requests.count("list pods") == 1


def test_an_ephemeral_container_is_known_from_the_watch(kube: KubeAPIServer, directory: Directory) -> None:
    """`kubectl debug` changes the pod; the new container has its role."""
    changed = a_pod("cart-6d4cf56db6-x7k2p", reference("ReplicaSet", "cart-6d4cf56db6"))
    changed["spec"]["ephemeralContainers"] = [{"name": "debugger-x7k2p"}]
    kube.put("pods", changed)
    ref = a_ref("cart-6d4cf56db6-x7k2p", "debugger-x7k2p")

    assert until(lambda: (found := directory.find(ref)) and found.role is ContainerRole.EPHEMERAL)


def test_a_pod_that_ended_is_remembered(kube: KubeAPIServer, directory: Directory) -> None:
    """Its last windows may still lie in a node's spool."""
    kube.delete("pods", "shop", "cart-6d4cf56db6-x7k2p")
    kube.put("pods", a_pod("after"))

    assert until(lambda: directory.find(a_ref("after")))
    assert directory.find(a_ref("cart-6d4cf56db6-x7k2p"))


def test_a_uid_under_another_name_is_not_believed(directory: Directory) -> None:
    """The name that a node reports has to be the cluster's."""
    lying = a_container(pod="other", pod_uid="uid-cart-6d4cf56db6-x7k2p")

    assert directory.find(lying) is None


def test_a_cut_watch_is_taken_up_where_it_was(kube: KubeAPIServer, directory: Directory) -> None:
    """Half an event is no event; what happened meanwhile comes once, without listing anew."""
    assert kube.wait_watched(1)
    kube.cut_after = 0
    kube.put("pods", a_pod("one"))
    kube.put("pods", a_pod("two"))

    assert until(lambda: directory.find(a_ref("one")) and directory.find(a_ref("two")))
    assert kube.requests.count("watch pods") >= 2
    assert kube.requests.count("list pods") == 1


def test_an_event_whose_controller_cannot_be_asked_comes_again(
    kube: KubeAPIServer, directory: Directory
) -> None:
    """A pod is not lost because its replica set was not told at once."""
    assert kube.wait_watched(1)
    kube.allow_all_but = {"get replicasets"}
    kube.put("replicasets", an_object("api-77", reference("Deployment", "api")))
    kube.put("pods", a_pod("api-77-abcde", reference("ReplicaSet", "api-77")))
    assert until(lambda: "get replicasets" in kube.denied)
    assert directory.find(a_ref("api-77-abcde")) is None

    kube.allow_all_but = set()

    assert until(lambda: directory.find(a_ref("api-77-abcde")))
    assert kube.requests.count("list pods") == 1


def test_a_forgotten_version_lists_anew(kube: KubeAPIServer, directory: Directory) -> None:
    """After 410 Gone a pod that came and one that went meanwhile are both known."""
    assert kube.wait_watched(1)
    kube.compact()
    kube.put("pods", a_pod("late"))

    assert until(lambda: directory.find(a_ref("late")))
    assert until(lambda: kube.requests.count("list pods") == 2)


def test_a_role_that_is_too_small_is_asked_again(tmp_path: Path) -> None:
    """Without leave to list pods nothing is known; once it is given, everything is."""
    with serving_kubernetes(tmp_path) as kube:
        kube.put("pods", a_pod("shell"))
        kube.allow_all_but = {"list pods"}
        directory = a_directory(kube)
        assert until(lambda: kube.denied)
        assert directory.find(a_ref("shell")) is None

        kube.allow_all_but = set()

        assert until(lambda: directory.find(a_ref("shell")))
        directory.stop()


def test_a_refused_token_is_no_end(tmp_path: Path) -> None:
    """401 is tried again with growing pauses, until the token is good."""
    with serving_kubernetes(tmp_path) as kube:
        kube.put("pods", a_pod("shell"))
        kube.token = "another"
        directory = a_directory(kube)
        assert not directory.wait_synced(0.3)

        kube.token = "eyJhbGciOi.service.account"

        assert directory.wait_synced(10)
        directory.stop()


def test_a_kubeconfig_that_is_none_is_one_sentence(tmp_path: Path) -> None:
    """It names the file."""
    path = tmp_path / "kubeconfig"
    path.write_text("nothing: here\n")

    with pytest.raises(StartError, match=r"kubeconfig .* cannot be used"):
        Cluster(str(path))


@pytest.fixture
def told(open_service: Callable[..., Service], kube: KubeAPIServer) -> Iterator[Service]:
    """A service that asks the cluster."""
    service = open_service(kubernetes=str(kube.kubeconfig()))
    with asking_kubernetes(service.core):
        yield service


def workloads(service: Service) -> list[dict[str, Any]]:
    """Return all workloads."""
    items: list[dict[str, Any]] = service.get("/v1/workloads").json()["items"]
    return items


def test_a_workload_is_named_after_its_owner(told: Service) -> None:
    """REST shows owner, role and where the name was found."""
    told.learn(1, container=a_ref("cart-6d4cf56db6-x7k2p"))

    (found,) = workloads(told)
    assert (found["kind"], found["name"], found["identity_source"]) == ("deployment", "cart", "owner")
    assert found["owner"] == {"kind": "Deployment", "name": "cart"}
    assert found["role"] == "main"


def test_a_redeploy_is_the_same_workload(told: Service, kube: KubeAPIServer) -> None:
    """Another replica set, pod, uid and image go on with the same baseline."""
    told.learn(3, container=a_ref("cart-6d4cf56db6-x7k2p"))
    kube.put("replicasets", an_object("cart-77", reference("Deployment", "cart")))
    kube.put("pods", a_pod("cart-77-abcde", reference("ReplicaSet", "cart-77")))
    ref = a_container(id="d" * 64, pod="cart-77-abcde", pod_uid="uid-cart-77-abcde", image="cart:2")
    assert until(lambda: told.core.owner_of(ref))

    told.learn(3, first=3, container=ref)

    (found,) = workloads(told)
    assert found["windows"] == 6


def test_what_was_learned_before_the_cluster_was_asked_is_kept(
    open_service: Callable[..., Service], kube: KubeAPIServer
) -> None:
    """The same row, baseline and mode go on; the step is in the audit record, and taken once."""
    service = open_service(kubernetes=str(kube.kubeconfig()))
    ref = a_ref("cart-6d4cf56db6-x7k2p")
    service.learn(3, container=ref)
    (before,) = workloads(service)
    assert (before["kind"], before["identity_source"], before["owner"]) == ("pod", "pod_name", None)

    with asking_kubernetes(service.core):
        service.learn(3, first=3, container=ref)
        service.learn(3, first=6, container=a_container(id="e" * 64, pod=ref.pod, pod_uid=ref.pod_uid))

    (after,) = workloads(service)
    assert after["id"] == before["id"]
    assert (after["identity_source"], after["owner"]["kind"], after["windows"]) == ("owner", "Deployment", 9)
    with service.core.store.read() as session:
        steps = session.scalars(select(AuditRow).where(AuditRow.action == "workload.identity")).all()
        assert [(each.target, each.detail["from"], each.detail["to"]) for each in steps] == [
            (str(before["id"]), "pod:shop/cart/web", "deployment:shop/cart/web")
        ]


def test_while_the_cluster_is_silent_a_workload_stays_itself(told: Service) -> None:
    """A new pod that only its labels name joins the workload that the cluster had told of."""
    told.learn(2, container=a_ref("cart-6d4cf56db6-x7k2p"))

    told.learn(2, first=2, container=a_container(id="f" * 64, pod="cart-6d4cf56db6-zzzz9", pod_uid="unknown"))

    (found,) = workloads(told)
    assert (found["windows"], found["identity_source"]) == (4, "owner")


def test_a_known_container_never_becomes_less_known(told: Service) -> None:
    """Where its owner cannot be told any more, and its labels say otherwise, it stays."""
    ref = a_ref("cart-6d4cf56db6-x7k2p")
    told.learn(1, container=ref)
    told.core.owner_of = lambda _ref: None

    told.learn(1, first=1, container=a_container(id=ref.id, pod=ref.pod, labels={"app": "other"}))

    (found,) = workloads(told)
    assert found["windows"] == 2


def test_two_owners_with_one_label_are_two_workloads(told: Service, kube: KubeAPIServer) -> None:
    """A label that fits both names neither while the cluster is silent."""
    kube.put("pods", a_pod("db-0", reference("StatefulSet", "db")))
    kube.put("pods", a_pod("db-ro-0", reference("StatefulSet", "db-ro")))
    labels = {"app": "db"}
    refs = [
        a_container(id=name * 8, pod=name, pod_uid=f"uid-{name}", labels=labels)
        for name in ("db-0", "db-ro-0")
    ]
    assert until(lambda: all(told.core.owner_of(ref) for ref in refs))
    for index, ref in enumerate(refs):
        told.learn(1, first=index, container=ref)

    told.learn(1, first=2, container=a_container(id="9" * 64, pod="db-9", pod_uid="unknown", labels=labels))

    assert [(each["kind"], each["name"], each["identity_source"]) for each in workloads(told)] == [
        ("statefulset", "db", "owner"),
        ("statefulset", "db-ro", "owner"),
        ("pod", "db", "label"),
    ]


def test_a_deployment_and_a_stateful_set_of_one_name_are_two(told: Service, kube: KubeAPIServer) -> None:
    """The owner's kind is part of the identity."""
    kube.put("pods", a_pod("cart-0", reference("StatefulSet", "cart")))
    ref = a_container(id="5" * 64, pod="cart-0", pod_uid="uid-cart-0")
    assert until(lambda: told.core.owner_of(ref))

    told.learn(1, container=a_ref("cart-6d4cf56db6-x7k2p"))
    told.learn(1, first=1, container=ref)

    assert [each["kind"] for each in workloads(told)] == ["deployment", "statefulset"]


def test_a_match_belongs_to_the_same_workload_as_its_container(told: Service) -> None:
    """Windows and matches are named by one rule."""
    from tests.service import a_match  # noqa: PLC0415 - beside its only use

    ref = a_ref("cart-6d4cf56db6-x7k2p")
    assert told.match(a_match(container=ref)).status_code == 200
    told.worker.drain()
    assert told.send(a_delta(container=ref)).status_code == 200
    told.worker.drain()

    (found,) = workloads(told)
    assert (found["kind"], found["open_alerts"]) == ("deployment", 1)


def test_docker_names_that_nobody_chose_keep_their_baseline(service: Service) -> None:
    """What an earlier release learned as `eager_morse` goes on as the image's workload."""
    from api.worker import repository  # noqa: PLC0415 - as above
    from api.workloads.identity import Source, WorkloadKey  # noqa: PLC0415 - as above

    key = WorkloadKey(kind="container", cluster="", namespace="", name="eager_morse", container="eager_morse")
    with service.core.store.write() as session:
        earlier = repository.add_workload(session, key, Source.CONTAINER_NAME, "learning", 1).id

    nobody = {"pod": "", "namespace": "", "runtime": "docker"}
    service.learn(1, container=a_container(name="eager_morse", **nobody))
    service.learn(1, first=1, container=a_container(id="d" * 64, name="happy_hopper", **nobody))

    (found,) = workloads(service)
    assert (found["id"], found["windows"], found["identity_source"]) == (earlier, 2, "image")
