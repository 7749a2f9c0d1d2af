"""Cgroup paths of every supported runtime and layout, and what is no container."""

import pytest
from hypothesis import given, strategies as st

from collector.identity.cgroups import prefixes
from collector.identity.paths import PathMatch, match_container, match_service
from tests.unit.collector.identity_node import A, B

_POD = "pod1b4e28ba-2fa1-11d2-883f-0016d3cca427"
_POD_SLICE = "kubepods-burstable-pod1b4e28ba_2fa1_11d2_883f_0016d3cca427.slice"
_SLICES = f"/kubepods.slice/kubepods-burstable.slice/{_POD_SLICE}"
_USER = "/user.slice/user-1000.slice/user@1000.service/user.slice"

CONTAINERS = [
    # path of the container's own cgroup, id, runtime
    (f"/kubepods/besteffort/{_POD}/{A}", A, "containerd"),
    (f"/kubepods/{_POD}/{A}", A, "containerd"),
    (f"{_SLICES}/cri-containerd-{A}.scope", A, "containerd"),
    (f"/system.slice/containerd.service/{_POD_SLICE}:cri-containerd:{A}", A, "containerd"),
    (f"/{_POD_SLICE}:cri-containerd:{A}", A, "containerd"),
    (f"/k8s.io/{A}", A, "containerd"),
    (f"/system.slice/nerdctl-{A}.scope", A, "containerd"),
    (f"/default/{A}", A, "unknown"),
    (f"/docker/{A}", A, "docker"),
    (f"/system.slice/docker-{A}.scope", A, "docker"),
    (f"/batch.slice/docker-{A}.scope", A, "docker"),
    (f"/batch/jobs/{A}", A, "unknown"),
    (f"/system.slice:docker:{A}", A, "docker"),
    ("/docker/buildkit/mzxw6ytboi2dknrvgy3tqojqg", "mzxw6ytboi2dknrvgy3tqojqg", "docker"),
    (f"{_SLICES}/docker-{A}.scope", A, "docker"),
    (f"/libpod_parent/libpod-{A}", A, "podman"),
    (f"/libpod_parent/{B}/libpod-{A}", A, "podman"),
    (f"/machine.slice/libpod-{A}.scope", A, "podman"),
    (f"/machine.slice/machine-libpod_pod_{B}.slice/libpod-{A}.scope", A, "podman"),
    (f"{_USER}/libpod-{A}.scope", A, "podman"),
    (f"{_SLICES}/crio-{A}.scope", A, "cri-o"),
    (f"/kubepods/burstable/{_POD}/crio-{A}", A, "cri-o"),
]
NO_CONTAINERS = [
    "/",
    "/kubepods",
    f"/kubepods/besteffort/{_POD}",
    _SLICES,
    "/system.slice/containerd.service",
    "/system.slice/docker.service",
    "/docker",
    "/docker/buildkit",
    "/libpod_parent",
    "/libpod_parent/conmon",
    f"/libpod_parent/{B}",
    f"/machine.slice/libpod-conmon-{A}.scope",
    f"/libpod_parent/libpod-conmon-{A}",
    f"{_SLICES}/crio-conmon-{A}.scope",
    f"/kubepods/burstable/{_POD}/crio-conmon-{A}",
    "/user.slice/user-1000.slice/session-3.scope",
    "/init.scope",
    f"/system.slice/run-r{A[:32]}.scope",
    f"/default/{A[:63]}",
    f"/default/{A.upper()}",
]


@pytest.mark.parametrize(("path", "container_id", "runtime"), CONTAINERS)
@pytest.mark.parametrize(
    "nested", ["", "/init.scope", "/container", "/system.slice/a.service", f"/docker/{B}"]
)
def test_a_path_names_its_container(path, container_id, runtime, nested):
    """A container's own cgroup and every cgroup below it belong to the outermost container."""
    assert match_container(path + nested) == PathMatch(container_id, runtime, path)


@pytest.mark.parametrize("path", NO_CONTAINERS)
def test_a_path_of_no_container(path):
    """Pods, slices, services and the cgroups of monitors are no containers."""
    assert match_container(path) is None


def test_a_service_is_the_unit_below_system_slice():
    """Only systemd units below system.slice are host services; what they nest is theirs."""
    nested = "/system.slice/system-getty.slice/getty@tty1.service/payload"

    assert match_service(nested) == PathMatch(
        "getty@tty1.service", "systemd", "/system.slice/system-getty.slice/getty@tty1.service"
    )
    assert match_service("/system.slice/tmp.mount") is None
    assert match_service("/user.slice/user-0.slice/user@0.service") is None
    assert match_service("/kubepods/system.slice/a.service") is None


@given(st.lists(st.text(min_size=1, max_size=80), max_size=8).map(lambda parts: "/" + "/".join(parts)))
def test_any_path_is_read_without_an_error(path):
    """Whatever a cgroup is called, matching gives an answer whose root is a part of the path."""
    for match in (match_container(path), match_service(path)):
        assert match is None or (path + "/").startswith(match.root + "/")


@given(st.lists(st.text("abc", min_size=1), min_size=1))
def test_prefixes_grow_by_one_component(parts):
    """The prefixes of a path are its ancestors in order, and at last the path itself."""
    path = "/" + "/".join(parts)

    found = prefixes(path)

    assert found[-1] == path
    assert [each.count("/") for each in found] == list(range(1, len(parts) + 1))
