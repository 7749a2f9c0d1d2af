"""Identity of real containers of other engines: runc alone, podman and docker."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab import cgroups, images

from collector.containers import Containers
from collector.identity.cgroups import is_empty, path_of
from collector.identity.identifier import Identifier
from collector.identity.settings import IdentitySettings
from collector.probe import Probe
from collector.sensor import SensorSettings, open_sensor
from tests.containers.births import births
from wire.profile import ContainerRef

pytestmark = pytest.mark.containers

_SLEEP = ["sleep", "600"]


@pytest.fixture
def busybox(tmp_path) -> Path:
    """Give a root filesystem with busybox in it."""
    rootfs = tmp_path / "rootfs"
    (rootfs / "bin").mkdir(parents=True)
    shutil.copy("/bin/busybox", rootfs / "bin/busybox")
    (rootfs / "bin/sleep").symlink_to("busybox")
    return rootfs


def hear(probe: Probe, containers: Containers) -> None:
    """Let the book of cgroups hear all that has happened."""
    while events := probe.events(0.5):
        for event in events:
            containers.hear(event)


def _found(identifier: Identifier) -> dict[str, ContainerRef]:
    return {ref.id: ref for _, ref in identifier.running()}


def _runc_bundle(folder: Path, args: list[str], cgroups_path: str) -> None:
    subprocess.run(["runc", "spec"], cwd=folder, check=True)
    config = json.loads((folder / "config.json").read_text())
    config["process"] |= {"terminal": False, "args": args}
    config["linux"] |= {"cgroupsPath": cgroups_path} if cgroups_path else {}
    (folder / "config.json").write_text(json.dumps(config))


def _runc(folder: Path, *args: str) -> None:
    with (folder / "out").open("ab") as out:
        command = ["runc", "--root", str(folder / "runc"), *args]
        subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out, check=True)


@pytest.mark.parametrize("cgroups_path", ["/nonself-identity/own/place", ""])
@pytest.mark.usefixtures("busybox")
def test_runc_alone_is_found_by_its_state(tmp_path, cgroups_path):
    """A container of runc without any engine is found by the state that runc keeps."""
    name = f"alone-{os.getpid()}"
    _runc_bundle(tmp_path, _SLEEP, cgroups_path)
    try:
        _runc(tmp_path, "run", "-d", name)

        ref = _found(Identifier(IdentitySettings(runc_roots=str(tmp_path / "runc"))))[name]
    finally:
        _runc(tmp_path, "delete", "-f", name)
        cgroups.remove(cgroups_path or f"/{name}")

    assert (ref.runtime, ref.name, ref.seen_from_start) == ("unknown", name, False)
    assert ref.cgroup == (cgroups_path or f"/{name}")


@pytest.mark.kernel
@pytest.mark.usefixtures("busybox")
def test_runc_alone_is_found_at_its_birth(tmp_path):
    """The working directory of `runc run` is proof enough, though the container lives for an instant."""
    _runc_bundle(tmp_path, ["busybox", "true"], "/nonself-identity/brief")
    try:
        with births(Identifier(IdentitySettings())) as born:
            _runc(tmp_path, "run", "brief")
    finally:
        cgroups.remove("/nonself-identity/brief")

    assert born["/nonself-identity"] is None
    assert born["/nonself-identity/brief"] == ContainerRef(
        id="brief", runtime="unknown", name="brief", cgroup="/nonself-identity/brief"
    )


@pytest.fixture
def podman() -> Iterator[list[str]]:
    """Give a podman of our own with an image loaded, or skip."""
    if not shutil.which("podman"):
        pytest.skip("needs podman")
    # Podman refuses a run folder whose path is longer than 50 bytes.
    folder = Path(f"/run/nonself-podman-{os.getpid()}")
    folder.mkdir()
    settings = folder / "containers.conf"
    settings.write_text(
        '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n'
        '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n'
    )
    os.environ["CONTAINERS_CONF"] = str(settings)
    folders = ["--root", f"{folder}/storage", "--runroot", f"{folder}/run", "--tmpdir", f"{folder}/tmp"]
    command = ["podman", *folders]
    archive = images.build("busybox", Path(__file__).parents[2] / "build" / "lab")
    subprocess.run([*command, "load", "-i", str(archive)], check=True, capture_output=True)
    yield command
    subprocess.run([*command, "rm", "-af", "-t", "0"], check=True, capture_output=True)
    subprocess.run([*command, "rmi", "-af"], check=True, capture_output=True)
    del os.environ["CONTAINERS_CONF"]
    subprocess.run(["umount", "-l", f"{folder}/storage/overlay"], check=False, capture_output=True)
    shutil.rmtree(folder)
    cgroups.remove("/libpod_parent")


def test_a_podman_container_has_name_image_and_digest(podman):
    """Podman's own files name the container, its image and the image's digest."""
    run = ["run", "-d", "--network", "none", "--name", "shop-web", "--entrypoint", "sleep"]
    done = subprocess.run(
        [*podman, *run, "lab.local/busybox:1", "600"], check=True, capture_output=True, text=True
    )
    container_id = done.stdout.strip()

    found = [each for each in Identifier(IdentitySettings()).running() if each[1].id == container_id]

    _, ref = found[0]
    assert len(found) == 1
    assert (ref.runtime, ref.name, ref.image) == ("podman", "shop-web", "lab.local/busybox:1")
    assert ref.image_digest.startswith("sha256:")
    assert ref.cgroup == f"/libpod_parent/libpod-{container_id}"


@pytest.mark.kernel
def test_a_podman_container_is_found_at_its_birth(podman):
    """The container, and neither its monitor nor its parent cgroup, is found while podman still makes it."""
    run = ["run", "--rm", "--network", "none", "--name", "brief", "--entrypoint", "true"]
    with births(Identifier(IdentitySettings())) as born:
        subprocess.run([*podman, *run, "lab.local/busybox:1"], check=True, capture_output=True)

    refs = [ref for path, ref in born.items() if path.startswith("/libpod_parent") and ref]
    assert [(ref.name, ref.image, ref.runtime) for ref in refs] == [
        ("brief", "lab.local/busybox:1", "podman")
    ]


@pytest.mark.kernel
@pytest.mark.parametrize("how", [["restart", "-t", "1"], ["kill"], ["stop", "-t", "1"]])
def test_a_podman_container_that_ended_is_known_to_have(podman, how):
    """Restarted under its id it has ended once; before, it has not."""
    identifier = Identifier(IdentitySettings())
    containers = Containers(
        identifier,
        lambda cgroup_id: path_of(cgroup_id, identifier.mount),
        is_empty=lambda path: is_empty(path, identifier.mount),
    )
    run = ["run", "-d", "--network", "none", "--name", "ending", "--entrypoint", "sleep"]
    with open_sensor(SensorSettings(memory_bytes=1 << 20)) as probe:
        done = subprocess.run(
            [*podman, *run, "lab.local/busybox:1", "600"], check=True, capture_output=True, text=True
        )
        hear(probe, containers)
        before = containers.take_ended()
        subprocess.run([*podman, *how, "ending"], check=True, capture_output=True)
        hear(probe, containers)
        ended = containers.take_ended()
        running = how[0] == "restart" and done.stdout.strip() in containers.take_ended()

    assert done.stdout.strip() not in before
    assert done.stdout.strip() in ended
    assert not running


@pytest.fixture
def docker(shared_lab, busybox, tmp_path) -> Iterator[list[str]]:
    """Give a docker engine of our own on the lab's containerd, or skip."""
    daemon, client = shutil.which("dockerd"), Path("/usr/bin/docker")
    if not daemon or not client.exists():
        pytest.skip("needs docker.io")
    socket = shared_lab.folder / "docker.sock"
    folders = ["--data-root", str(tmp_path / "docker"), "--exec-root", str(shared_lab.folder / "docker")]
    network = ["--iptables=false", "--ip6tables=false", "--bridge=none"]
    runtime = ["--containerd", str(shared_lab.socket), "-p", str(tmp_path / "docker.pid")]
    with (tmp_path / "docker.log").open("wb") as log:
        engine = subprocess.Popen(
            [daemon, *folders, *network, *runtime, "-H", f"unix://{socket}"], stdout=log, stderr=log
        )
    command = [str(client), "-H", f"unix://{socket}"]
    try:
        for _ in range(200):
            if engine.poll() is not None:
                pytest.fail((tmp_path / "docker.log").read_text()[-500:])
            if not subprocess.run([*command, "version"], capture_output=True, check=False).returncode:
                break
            time.sleep(0.05)
        layer = subprocess.run(["tar", "-C", str(busybox), "-c", "."], capture_output=True, check=True).stdout
        subprocess.run([*command, "import", "-", "shop/web:1"], input=layer, capture_output=True, check=True)
        yield command
    finally:
        engine.terminate()
        engine.wait(30)
        cgroups.remove("/docker")


def test_a_docker_container_has_name_image_and_labels(docker, tmp_path):
    """Docker's own record names the container, its image and its labels."""
    run = ["run", "-d", "--network", "host", "--name", "shop-web", "--label", "app=shop", "shop/web:1"]
    done = subprocess.run([*docker, *run, *_SLEEP], check=True, capture_output=True, text=True)
    container_id = done.stdout.strip()

    ref = _found(Identifier(IdentitySettings(docker_root=str(tmp_path / "docker"))))[container_id]
    subprocess.run([*docker, "rm", "-f", container_id], check=True, capture_output=True)

    assert (ref.runtime, ref.name, ref.image) == ("docker", "shop-web", "shop/web:1")
    assert ref.image_digest.startswith("sha256:")
    assert ref.labels == {"app": "shop"}
    assert ref.cgroup == f"/docker/{container_id}"


@pytest.mark.kernel
def test_a_docker_container_is_found_at_its_birth(docker, tmp_path):
    """Name, image and labels are known while docker still makes the container."""
    run = ["run", "--rm", "--network", "host", "--name", "brief", "--label", "app=shop", "shop/web:1"]
    with births(Identifier(IdentitySettings(docker_root=str(tmp_path / "docker")))) as born:
        subprocess.run([*docker, *run, "sleep", "0"], check=True, capture_output=True)

    refs = [ref for path, ref in born.items() if path.startswith("/docker/") and ref]
    assert [(ref.name, ref.image, ref.labels) for ref in refs] == [("brief", "shop/web:1", {"app": "shop"})]
