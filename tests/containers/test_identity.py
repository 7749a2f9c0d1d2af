"""Identity of real containers on containerd: pods, plain containers, nested cgroups, a stopped runtime."""

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from lab import Lab, Pod, cgroups
from structlog.testing import capture_logs

from collector.identity.cgroups import path_of
from collector.identity.identifier import Identifier
from collector.identity.settings import IdentitySettings
from wire.profile import ContainerKind, ContainerRef

pytestmark = pytest.mark.containers

_SLEEP = ["sleep", "600"]


def _found(identifier: Identifier) -> dict[str, ContainerRef]:
    return {ref.id: ref for _, ref in identifier.running()}


def _answers(pod: Pod) -> bool:
    # For an instant after its start containerd listens, and knows of nothing yet.
    try:
        return pod.container.running
    except grpc.RpcError:
        return False


def test_a_running_pod_is_named_with_its_labels(shared_lab, identifier):
    """Pod, container, image, repository digest and the labels of both are found for a pod that ran before."""
    pod = shared_lab.pod(
        "shop",
        "web-0",
        container="web",
        image="busybox",
        labels={"app": "shop"},
        host_network=True,
        command=_SLEEP,
    )
    listing = shared_lab.daemon.ctr("images", "list", namespace="k8s.io")
    digest = next(line.split()[2] for line in listing.splitlines() if line.startswith("lab.local/busybox:1"))

    found = _found(identifier)
    bare, ref = found[pod.container.id], identifier.enrich(found[pod.container.id])
    sandbox = identifier.enrich(found[pod.sandbox_id])
    pod.remove()

    assert bare == ContainerRef(
        id=pod.container.id,
        runtime="containerd",
        name="web",
        pod="web-0",
        namespace="shop",
        pod_uid=pod.uid,
        image="lab.local/busybox:1",
        cgroup=f"{pod.cgroup}/{pod.container.id}",
        seen_from_start=False,
    )
    assert replace(ref, labels={}) == replace(bare, image_digest=digest)
    assert ref.labels["app"] == "shop"
    assert ref.labels["io.kubernetes.container.name"] == "web"
    assert (sandbox.kind, sandbox.pod, sandbox.labels["app"]) == (ContainerKind.SANDBOX, "web-0", "shop")


@pytest.mark.parametrize(
    ("name", "namespace", "cgroup"),
    [
        ("job", "default", ""),
        ("job", "batch", ""),
        ("deep", "default", "/one/two/three"),
        ("scoped", "default", "/kubepods.slice/kubepods-podA_B.slice/cri-containerd-scoped.scope"),
    ],
)
def test_a_plain_container_has_its_image_from_containerd(shared_lab, identifier, name, namespace, cgroup):
    """Containers of `ctr run` are found whatever their cgroup, with image, digest and labels."""
    container = shared_lab.ctr_run(
        name, "busybox", _SLEEP, namespace=namespace, cgroup=cgroup, labels={"team": "shop"}
    )

    bare = _found(identifier)[name if namespace == "default" else f"{namespace}/{name}"]
    ref = identifier.enrich(bare)
    container.remove()

    assert (bare.name, bare.runtime, bare.seen_from_start) == (name, "containerd", False)
    assert bare.cgroup == (cgroup or f"/{namespace}/{name}")
    assert ref.image == "lab.local/busybox:1"
    assert ref.image_digest.startswith("sha256:")
    assert ref.labels["team"] == "shop"


def test_a_cgroup_made_inside_a_container_is_the_container(shared_lab, identifier):
    """A cgroup below a container's, with a process in it, is found as that container."""
    container = shared_lab.ctr_run("outer", "busybox", ["sh", "-c", "sleep 600 & sleep 600"])
    nested = Path(f"{identifier.mount}{container.cgroup}/inner")
    nested.mkdir()
    child = Path(f"/proc/{container.pid}/task/{container.pid}/children").read_text().split()[0]
    (nested / "cgroup.procs").write_text(child)
    cgroup_id = nested.stat().st_ino

    by_scan = dict(identifier.running())[cgroup_id]
    by_path = identifier.identify(cgroup_id, f"{container.cgroup}/inner", int(child))
    container.remove()

    assert by_path == by_scan
    assert (by_scan.id, by_scan.cgroup) == ("outer", "/default/outer")


def test_a_cgroup_id_leads_to_its_path_and_back(shared_lab, identifier):
    """The kernel's id of a cgroup gives its path while it lives, and nothing afterwards."""
    container = shared_lab.ctr_run("pathed", "busybox", _SLEEP)
    cgroup_id = Path(f"{identifier.mount}{container.cgroup}").stat().st_ino

    alive = path_of(cgroup_id, identifier.mount)
    container.remove()
    cgroups.remove(container.cgroup)

    assert alive == container.cgroup
    assert path_of(cgroup_id, identifier.mount) is None
    assert identifier.identify(cgroup_id, "", 0) is None


def test_a_node_without_cgroup2_is_told_so():
    """Where no cgroup2 tree is mounted, as on a v1-only node, one sentence says so and names the cure."""
    code = "from collector.identity.cgroups import find_cgroup2_mount; find_cgroup2_mount()"
    script = f"umount -R -l /sys/fs/cgroup; exec {sys.executable} -c '{code}'"
    private = ["unshare", "-m", "--propagation", "private", "sh", "-c", script]

    done = subprocess.run(private, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "CgroupMountError: Expected a cgroup2 mount; this node has cgroup v1 only" in done.stderr


def test_a_stopped_containerd_leaves_names_and_one_warning(tmp_path):
    """With containerd stopped its containers are still named; an agent started later gets the labels."""
    settings = IdentitySettings(cri_sockets="", bundle_roots="", podman_root=str(tmp_path))
    stopped = Identifier(settings)
    with Lab() as lab:
        pod = lab.pod("shop", "web-0", container="web", image="busybox", host_network=True, command=_SLEEP)
        lab.daemon._stop_process()

        with capture_logs() as logs:
            refs = [ref for ref in _found(stopped).values() if ref.pod_uid == pod.uid]
            unchanged = [stopped.enrich(ref) for ref in refs]
        lab.daemon.restart()
        deadline = time.monotonic() + 30
        while not _answers(pod):
            if time.monotonic() > deadline:
                pytest.fail("The restarted containerd does not answer within 30 s.")
            time.sleep(0.05)
        later = Identifier(settings)
        ref = later.enrich(_found(later)[pod.container.id])
    stopped.close()
    later.close()

    assert unchanged == refs
    assert sorted(each.name for each in refs) == ["", "web"]
    assert [line["event"] for line in logs] == ["runtime_socket_unavailable"]
    assert ref.labels["io.kubernetes.pod.uid"] == pod.uid
