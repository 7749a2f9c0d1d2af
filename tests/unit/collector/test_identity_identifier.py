"""Who a cgroup is, on nodes built of files: every runtime, both drivers, races and impostors."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from collector.identity import identifier as identifier_module, processes
from tests.unit.collector.identity_node import A, B, Node, write
from tests.unit.collector.identity_runtime import served
from wire.codec import decode_delta, encode_delta
from wire.profile import ContainerKind, ContainerRef, ProfileDelta

_CRI = {
    "io.kubernetes.cri.container-type": "container",
    "io.kubernetes.cri.container-name": "web",
    "io.kubernetes.cri.image-name": "registry.example/web:1",
    "io.kubernetes.cri.sandbox-id": B,
    "io.kubernetes.cri.sandbox-name": "web-0",
    "io.kubernetes.cri.sandbox-namespace": "shop",
    "io.kubernetes.cri.sandbox-uid": "uid-1",
}
_CRIO = {
    "io.container.manager": "cri-o",
    "io.kubernetes.cri-o.ContainerType": "container",
    "io.kubernetes.cri-o.ImageName": "registry.example/web:1",
    "io.kubernetes.cri-o.Labels": '{"app": "shop", "io.kubernetes.container.name": "web"}',
    "io.kubernetes.container.name": "web",
    "io.kubernetes.pod.name": "web-0",
    "io.kubernetes.pod.namespace": "shop",
    "io.kubernetes.pod.uid": "uid-1",
}


@pytest.fixture
def node(tmp_path) -> Node:
    """Return an empty node."""
    return Node(tmp_path)


def _runc_create(node: Node, bundle, name: str, pid: int = 70) -> int:
    """Add `runc create` as a shim runs it, and return its process id."""
    shim = ["/usr/bin/containerd-shim-runc-v2", "-namespace", "k8s.io", "-id", B, "-address", "/run/c.sock"]
    node.process(pid - 1, shim, cwd=bundle.parent / B)
    args = ["runc", "--root", "/run/containerd/runc/k8s.io", "create", "--bundle", str(bundle), name]
    return node.process(pid, args, parent=pid - 1)


def test_a_pod_container_is_known_from_the_runtimes_create(node):
    """The process that makes the cgroup names the bundle, and its annotations name pod and image."""
    path = f"/kubepods/besteffort/poduid-1/{A}"
    pid = _runc_create(node, node.bundle(node.tasks / "k8s.io" / A, path, _CRI), A)

    ref = node.identifier().identify(7, path, pid)

    assert ref == ContainerRef(
        id=A,
        runtime="containerd",
        name="web",
        pod="web-0",
        namespace="shop",
        pod_uid="uid-1",
        image="registry.example/web:1",
        cgroup=path,
    )


def test_a_pause_container_is_a_sandbox(node):
    """The container-type annotation tells a pod's sandbox from its containers."""
    path = f"/kubepods/besteffort/poduid-1/{A}"
    annotations = {**_CRI, "io.kubernetes.cri.container-type": "sandbox"}
    pid = _runc_create(node, node.bundle(node.tasks / "k8s.io" / A, path, annotations), A)

    ref = node.identifier().identify(7, path, pid)

    assert ref is not None
    assert (ref.kind, ref.name, ref.pod) == (ContainerKind.SANDBOX, "", "web-0")


def test_the_systemd_driver_leaves_only_the_state_folder(node):
    """Where systemd made the cgroup, the bundle is found by the id in the path."""
    scope = f"/kubepods.slice/kubepods-poduid_1.slice/cri-containerd-{A}.scope"
    node.bundle(node.tasks / "k8s.io" / A, f"kubepods-poduid_1.slice:cri-containerd:{A}", _CRI)
    node.process(1, ["/sbin/init"])

    ref = node.identifier().identify(7, scope, 1)

    assert ref is not None
    assert (ref.pod, ref.name, ref.cgroup) == ("web-0", "web", scope)


def test_a_plain_container_is_found_though_its_path_follows_no_habit(node):
    """Of `ctr run`'s /<namespace>/<id> the parent is no container; the bundle proves the child to be one."""
    pid = _runc_create(node, node.bundle(node.tasks / "default" / "job", "/default/job"), "job")
    identifier = node.identifier()

    assert identifier.identify(6, "/default", pid) is None
    ref = identifier.identify(7, "/default/job", pid)

    assert ref == ContainerRef(id="job", runtime="containerd", name="job", cgroup="/default/job")


def test_a_plain_container_is_found_after_its_create_has_ended(node):
    """When the runtime's process is gone, the state folder of any containerd namespace knows."""
    node.bundle(node.tasks / "batch" / "job", "/batch/job")

    ref = node.identifier().identify(7, "/batch/job", 4242)

    assert ref is not None
    assert (ref.id, ref.name, ref.runtime) == ("batch/job", "job", "containerd")


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["runc", "run", "-d", "job"], "job"),
        (["crun", "--cgroup-manager", "cgroupfs", "create", "-b", "bundle", "job"], "job"),
        (["/opt/runc-1.2", "--root=/run/x", "run", "--bundle=bundle", "job"], "job"),
        (["runc", "restore", "--bundle", "bundle", "job"], "job"),
    ],
)
def test_a_runtime_alone_is_believed_by_its_bundle(node, args, expected):
    """A runc or crun without an engine is found by its bundle option or working directory."""
    bundle = node.bundle(node.folder / "work" / "bundle", "/x/y")
    cwd = bundle.parent if any("bundle" in arg for arg in args) else bundle
    pid = node.process(70, args, cwd=cwd)
    identifier = node.identifier()

    assert identifier.identify(6, "/x", pid) is None
    ref = identifier.identify(7, "/x/y", pid)

    assert ref == ContainerRef(id=expected, runtime="unknown", name=expected, cgroup="/x/y")


def test_a_bundle_without_cgroups_path_stands_below_the_runtimes_own_cgroup(node):
    """Without `cgroupsPath` runc names the cgroup after the container."""
    pid = node.process(70, ["runc", "run", "job"], cwd=node.bundle(node.folder / "b", None))

    ref = node.identifier().identify(7, "/user/job", pid)

    assert ref is not None
    assert ref.cgroup == "/user/job"


def test_nested_cgroups_belong_to_their_container(node):
    """A cgroup that a container makes below its own is that container, whatever it is named."""
    pid = _runc_create(node, node.bundle(node.tasks / "default" / "job", "/default/job"), "job")
    identifier = node.identifier()
    own = identifier.identify(7, "/default/job", pid)
    inner = node.process(90, ["/lib/systemd/systemd"], cgroup="/default/job/init.scope")

    assert identifier.identify(8, "/default/job/init.scope", inner) is own
    assert identifier.identify(9, f"/default/job/docker/{B}", inner) is own


@pytest.mark.parametrize("claimed", ["/default/job/inner", "/default/job", "inner"])
def test_a_process_inside_a_container_is_not_believed(node, claimed):
    """A container cannot take another one's name by calling its own process a runtime."""
    node.bundle(node.folder / "forged", claimed, _CRI)
    args = ["runc", "create", "--bundle", str(node.folder / "forged"), "job"]
    inside = node.process(90, args, cgroup="/default/job/inner")

    assert node.identifier().identify(7, "/default/job/inner", inside) is None


def test_a_bundle_of_another_cgroup_is_no_proof(node):
    """A command line that leads to somebody else's bundle identifies nothing."""
    pid = _runc_create(node, node.bundle(node.tasks / "default" / "job", "/default/job"), "job")

    assert node.identifier().identify(7, "/default/other", pid) is None


def test_a_path_is_used_again(node):
    """A later container at the same path is not taken for the earlier one."""
    bundle = node.bundle(node.tasks / "default" / "job", "/default/job", {"io.kubernetes.pod.name": "one"})
    identifier = node.identifier()
    first = identifier.identify(7, "/default/job", 0)
    node.bundle(bundle, "/default/job", {"io.kubernetes.pod.name": "two"})

    again, second = identifier.identify(7, "/default/job", 0), identifier.identify(8, "/default/job", 0)

    assert first is not None
    assert second is not None
    assert again is first
    assert (first.pod, second.pod) == ("one", "two")


def test_equal_ids_in_two_namespaces_are_two_containers(node):
    """Ids that people choose are told apart by the containerd namespace they were chosen in."""
    identifier = node.identifier()
    found = set()
    for cgroup_id, namespace in enumerate(("default", "batch", "night"), start=7):
        node.bundle(node.tasks / namespace / "job", f"/{namespace}/job")
        ref = identifier.identify(cgroup_id, f"/{namespace}/job", 0)
        assert ref is not None
        found.add((ref.id, ref.name))

    assert found == {("job", "job"), ("batch/job", "job"), ("night/job", "job")}


def test_a_bundle_that_is_gone_leaves_id_and_runtime(node):
    """When every file is gone, the path alone gives an id and a runtime, and no name."""
    path = f"/kubepods/besteffort/poduid-1/{A}"

    assert node.identifier().identify(7, path, 4242) == ContainerRef(id=A, runtime="containerd", cgroup=path)


@pytest.mark.parametrize(
    "content",
    [
        "[]",
        '{"linux": 7, "annotations": []}',
        '{"linux": {"cgroupsPath": ["/"]}, "annotations": {"io.kubernetes.cri.sandbox-name": 7}}',
        '{"annotations": {"io.kubernetes.cri-o.Labels": "{{{", "io.container.manager": "cri-o"}}',
        '{"annotations": {"io.kubernetes.cri.container-name": "\\ud800"}}',
    ],
)
def test_a_strange_bundle_changes_nothing(node, content):
    """Mistyped or broken bundles never raise and never invent a name that is not text."""
    path = f"/kubepods/besteffort/poduid-1/{A}"
    bundle = node.bundle(node.tasks / "k8s.io" / A, path)
    (bundle / "config.json").write_text(content)

    ref = node.identifier().identify(7, path, 0)

    assert ref is not None
    assert (ref.id, ref.pod) == (A, "")
    ref.name.encode()


def test_docker_says_name_image_and_labels(node):
    """Docker's own record gives name, image, repository digest and labels."""
    node.bundle(node.moby / "moby" / A, f"/docker/{A}")
    record = {
        "ID": A,
        "Name": "/shop-web",
        "Image": "sha256:1111",
        "Driver": "overlay2",
        "Config": {"Image": "web:1", "Labels": {"app": "shop"}},
    }
    write(node.docker / "containers" / A / "config.v2.json", record)
    digests = {"web": {"web:1": "sha256:1111", "web@sha256:2222": "sha256:1111"}}
    write(node.docker / "image/overlay2/repositories.json", {"Repositories": digests})

    ref = node.identifier().identify(7, f"/docker/{A}", 0)

    assert ref == ContainerRef(
        id=A,
        runtime="docker",
        name="shop-web",
        image="web:1",
        image_digest="sha256:2222",
        labels={"app": "shop"},
        cgroup=f"/docker/{A}",
    )


def test_docker_below_a_kubelet_says_the_pod(node):
    """With cri-dockerd the pod stands in docker's labels; the cgroup parent is the kubelet's."""
    path = f"/kubepods/besteffort/poduid-1/{A}"
    node.bundle(node.moby / "moby" / A, path)
    pod = {"io.kubernetes.pod.name": "web-0", "io.kubernetes.pod.namespace": "shop"}
    labels = {**pod, "io.kubernetes.container.name": "POD", "io.kubernetes.docker.type": "podsandbox"}
    write(
        node.docker / "containers" / A / "config.v2.json", {"Name": "/k8s_POD", "Config": {"Labels": labels}}
    )

    ref = node.identifier().identify(7, path, 0)

    assert ref is not None
    assert (ref.runtime, ref.kind, ref.pod, ref.name) == ("docker", ContainerKind.SANDBOX, "web-0", "")


@pytest.mark.parametrize(
    ("path", "cgroups_path"),
    [
        (f"/libpod_parent/libpod-{A}", f"/libpod_parent/libpod-{A}"),
        (f"/machine.slice/libpod-{A}.scope/container", f"machine.slice:libpod:{A}"),
    ],
)
def test_podman_says_name_and_image(node, path, cgroups_path):
    """Podman's storage gives name, image and digest, though its bundle bears annotations of cri-o's name."""
    annotations = {"io.container.manager": "libpod", "io.kubernetes.cri-o.TTY": "false"}
    node.bundle(node.storage / "overlay-containers" / A / "userdata", cgroups_path, annotations)
    record = {"id": A, "names": ["web"], "image": "1111", "metadata": '{"image-name": "localhost/web:1"}'}
    write(node.storage / "overlay-containers/containers.json", [{"id": B}, record])
    write(node.storage / "overlay-images/images.json", [{"id": "1111", "digest": "sha256:2222"}])

    ref = node.identifier().identify(7, path, 0)

    assert ref == ContainerRef(
        id=A,
        runtime="podman",
        name="web",
        image="localhost/web:1",
        image_digest="sha256:2222",
        cgroup=path.removesuffix("/container"),
    )


def test_crio_says_pod_image_and_labels(node):
    """cri-o writes all it knows into the bundle, so its socket need not be asked."""
    path = f"/kubepods.slice/kubepods-poduid_1.slice/crio-{A}.scope"
    bundle = node.storage / "overlay-containers" / A / "userdata"
    node.bundle(bundle, f"kubepods-poduid_1.slice:crio:{A}", _CRIO)

    ref = node.identifier().identify(7, path, 0)

    assert ref == ContainerRef(
        id=A,
        runtime="cri-o",
        name="web",
        pod="web-0",
        namespace="shop",
        pod_uid="uid-1",
        image="registry.example/web:1",
        labels={"app": "shop", "io.kubernetes.container.name": "web"},
        cgroup=path,
    )


def test_services_are_found_only_when_asked_for(node):
    """Host services are containers of kind service, and nothing unless the switch is on."""
    path = "/system.slice/nginx.service"

    assert node.identifier().identify(7, path, 0) is None
    assert node.identifier(host_services=True).identify(7, path, 0) == ContainerRef(
        id="nginx.service",
        runtime="systemd",
        kind=ContainerKind.SERVICE,
        name="nginx.service",
        cgroup=path,
    )
    assert node.identifier(host_services=True).identify(7, "/user.slice", 0) is None


def test_running_containers_are_found_by_their_shims_and_states(node):
    """At start every container cgroup is found, nested ones too, and marked as not seen from its start."""
    job = node.bundle(node.folder / "elsewhere/io.containerd.runtime.v2.task/default/job", "/default/job")
    shim = [
        "/usr/bin/containerd-shim-runc-v2",
        "-namespace",
        "default",
        "-id",
        "job",
        "-address",
        "/run/c.sock",
    ]
    node.process(50, shim, cwd=job)
    node.process(51, ["sleep"], parent=50, cgroup="/default/job")
    alone = node.bundle(node.folder / "alone", "/x/y")
    write(node.runc / "solo" / "state.json", {"config": {"labels": ["k=v", f"bundle={alone}"]}})
    node.process(61, ["sleep"], cgroup="/x/y")
    init = node.process(71, ["/sbin/init"], cgroup=f"/docker/{A}/init.scope")
    node.process(81, ["bash"], cgroup="/user.slice")
    nested = f"/docker/{A}/init.scope"
    ids = {
        node.cgroup("/default/job", 51): "job",
        node.cgroup("/x/y", 61): "solo",
        node.cgroup(nested, init): A,
    }
    node.cgroup("/user.slice", 81)
    node.cgroup(f"/docker/{B}")

    found = node.identifier().running()

    assert {cgroup_id: ref.id for cgroup_id, ref in found} == ids
    assert not any(ref.seen_from_start for _, ref in found)
    assert {ref.runtime for _, ref in found} == {"containerd", "docker", "unknown"}


def test_a_pods_containers_are_found_beside_the_bundle_of_its_shim(node):
    """One shim serves a pod and stays in the sandbox's bundle; its neighbours are found from there."""
    tasks = node.folder / "own/io.containerd.runtime.v2.task/k8s.io"
    paths = {name: f"/kubepods/poduid-1/{name}" for name in (A, B)}
    sandbox = node.bundle(tasks / B, paths[B], {**_CRI, "io.kubernetes.cri.container-type": "sandbox"})
    node.bundle(tasks / A, paths[A], _CRI)
    node.process(50, ["/usr/bin/containerd-shim-runc-v2", "-id", B, "-address", "/run/c.sock"], cwd=sandbox)
    for pid, (name, path) in enumerate(paths.items(), start=51):
        node.process(pid, [name], parent=50, cgroup=path)
        node.cgroup(path, pid)

    found = {ref.id: ref for _, ref in node.identifier().running()}

    assert found[A].name == "web"
    assert found[B].kind is ContainerKind.SANDBOX


def test_a_watched_process_is_enough(node):
    """Where only the process is known, its own cgroup says the path; a process that is gone says nothing."""
    node.bundle(node.tasks / "default" / "job", "/default/job")
    inside = node.process(51, ["sleep"], cgroup="/default/job")
    identifier = node.identifier()

    ref = identifier.identify(7, "", inside)

    assert ref is not None
    assert ref.id == "job"
    assert identifier.identify(8, "", 4242) is None
    assert identifier.identify(1, "/", 1) is None


def test_enriching_without_a_runtime_changes_nothing(node):
    """A stopped or missing runtime leaves a container as it was."""
    ref = ContainerRef(id=A, runtime="containerd", name="web")

    assert node.identifier().enrich(ref) is ref


def test_the_shim_leads_to_the_runtimes_socket(node):
    """Labels come from the containerd that runs the container, though no setting names its socket."""
    socket = node.folder / "own.sock"
    path = f"/kubepods/besteffort/poduid-1/{A}"
    bundle = node.bundle(node.tasks / "k8s.io" / A, path, _CRI)
    node.process(50, ["/usr/bin/containerd-shim-runc-v2", "-id", B, "-address", str(socket)], cwd=bundle)
    identifier = node.identifier()
    ref = identifier.identify(7, path, node.process(51, ["web"], parent=50, cgroup=path))
    assert ref is not None

    with served(socket):
        enriched = identifier.enrich(ref)
    identifier.close()

    assert enriched.labels == {"app": "shop", "tier": "container"}


def test_a_container_cannot_lead_to_a_socket_of_its_own(node):
    """A process inside that calls itself a shim is passed over; the shim outside says whom to ask."""
    path = "/default/job"
    shim = "/usr/bin/containerd-shim-runc-v2"
    bundle = node.bundle(node.tasks / "default" / "job", path)
    node.process(50, [shim, "-id", "job", "-address", "/run/true.sock"], cwd="/elsewhere/job")
    node.process(51, ["runc", "run", "--bundle", str(bundle), "job"], parent=50)
    node.process(52, [shim, "-address", "/run/false.sock"], parent=51, cgroup=path)
    inside = node.process(53, ["sleep"], parent=52, cgroup=f"{path}/inner")
    identifier = node.identifier()

    identifier.identify(7, f"{path}/inner", inside)

    assert identifier._bundles["job"].address == "/run/true.sock"


def test_configured_sockets_are_asked_where_no_shim_was_seen(node):
    """With the systemd driver no shim is seen, and each configured socket that exists is asked in turn."""
    path = f"/kubepods.slice/cri-containerd-{A}.scope"
    node.bundle(node.tasks / "k8s.io" / A, path, _CRI)
    (node.folder / "first.sock").touch()
    identifier = node.identifier(cri_sockets=f"{node.folder}/first.sock,{node.folder}/second.sock")
    ref = identifier.identify(7, path, 1)
    assert ref is not None

    with served(node.folder / "second.sock"):
        assert identifier.running() == []
        enriched = identifier.enrich(ref)
    identifier.close()

    assert enriched.image_digest == "sha256:2222"


def test_runtimes_without_a_socket_are_not_asked(node):
    """Docker, podman and services have told all they know in files."""
    for runtime in ("docker", "podman", "systemd", "unknown"):
        ref = ContainerRef(id=A, runtime=runtime)
        assert node.identifier().enrich(ref) is ref


def test_memory_is_bounded(node, monkeypatch):
    """Only the newest containers are remembered, and a forgotten one is found again by its files."""
    monkeypatch.setattr(identifier_module, "_MAX_REMEMBERED", 2)
    identifier = node.identifier()
    for cgroup_id, name in enumerate("abc"):
        node.bundle(node.tasks / "default" / name, f"/default/{name}")
        identifier.identify(cgroup_id, f"/default/{name}", 0)

    again = identifier.identify(0, "/default/a", 0)

    assert len(identifier._by_path) == len(identifier._bundles) == 2
    assert again is not None
    assert again.id == "a"


def test_a_container_that_is_seen_again_is_not_forgotten_for_its_age(node, monkeypatch):
    """Of those remembered, the one not seen for longest goes first."""
    monkeypatch.setattr(identifier_module, "_MAX_REMEMBERED", 2)
    identifier = node.identifier()
    for cgroup_id, name in enumerate("abac"):
        if not (node.tasks / "default" / name).exists():
            node.bundle(node.tasks / "default" / name, f"/default/{name}")
        identifier.identify(cgroup_id % 2, f"/default/{name}", 0)

    assert list(identifier._by_path) == ["/default/a", "/default/c"]
    assert list(identifier._bundles) == ["a", "c"]


def test_a_crowded_cgroup_is_found_by_some_of_its_processes(node):
    """A list of more processes than are read ends with a whole number, and the container is adopted."""
    node.bundle(node.tasks / "default" / "job", "/default/job")
    members = range(10_000, 30_000)
    node.process(10_000, ["sleep"], cgroup="/default/job")
    cgroup_id = node.cgroup("/default/job", *members)

    read = processes.members(f"{node.mount}/default/job")
    assert 8_000 < len(read) < len(members)
    assert set(read) < set(members)
    assert [(found, ref.id) for found, ref in node.identifier().running()] == [(cgroup_id, "job")]


def test_a_crun_container_is_found_by_its_status(node):
    """The status file of crun names the bundle as runc's state does."""
    write(node.runc / "solo" / "status", {"bundle": str(node.bundle(node.folder / "alone", "/x/y"))})
    write(node.runc / "broken" / "status", {"bundle": "relative/path"})
    node.cgroup("/x/y", node.process(61, ["sleep"], cgroup="/x/y"))

    found = [ref.id for _, ref in node.identifier().running()]

    assert found == ["solo"]


def test_an_id_in_path_and_bundle_is_proof(node):
    """A bundle whose cgroup path says too little is believed where its id stands in the cgroup's path."""
    node.bundle(node.tasks / "k8s.io" / A, "/", _CRI)
    path = f"/kubepods/poduid-1/{A}"

    ref = node.identifier().identify(7, f"{path}/init.scope", 0)

    assert ref is not None
    assert (ref.pod, ref.cgroup) == ("web-0", path)


_ANNOTATION = st.sampled_from([*_CRI, *_CRIO, "nerdctl/name", "io.kubernetes.docker.type"])
_HOSTILE = st.one_of(
    st.text(max_size=5), st.just("x" * 9000), st.just('{"a\\u0000": "\\ud800"}'), st.integers()
)


@settings(max_examples=50)
@given(
    annotations=st.dictionaries(_ANNOTATION, _HOSTILE),
    name=st.text(min_size=1, max_size=20).map(lambda name: name.replace("/", "_").replace("\0", "_")),
)
def test_whatever_a_bundle_says_can_be_sent(annotations, name):
    """No annotation and no folder name makes a container that the wire refuses."""
    with tempfile.TemporaryDirectory() as folder:
        node = Node(Path(folder))
        config = {"linux": {"cgroupsPath": f"/x/{name}"}, "annotations": annotations}
        write(node.folder / "bundle" / "config.json", config)
        pid = node.process(70, ["runc", "run", "job"], cwd=node.folder / "bundle")
        ref = node.identifier().identify(7, f"/x/{name}", pid)
    assert ref is not None
    delta = ProfileDelta(
        node="n", boot_id="b", container=ref, start=0, end=1, arch="x86_64", ngrams=(1,), counts=(1,)
    )

    assert decode_delta(encode_delta(delta)) == delta


def test_a_folder_whose_name_is_no_text_can_be_sent(node):
    """Bytes that are no UTF-8 in a cgroup's path do not reach the wire."""
    ref = node.identifier().identify(7, f"/\udcff\udcfe/{A}", 0)

    assert ref is not None
    assert (ref.id, ref.cgroup) == (A, f"/??/{A}")
