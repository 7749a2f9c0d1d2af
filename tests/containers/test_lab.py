"""The lab that other tests stand on: real containers, and nothing left when it ends."""

import os
import subprocess
import sys
from pathlib import Path

import lab as lab_package
import pytest
from lab import Lab, StartError, cgroups
from lab.processes import with_argument

pytestmark = pytest.mark.containers


_SLEEP = ["sleep", "60"]
_OWNER = """
import sys, time, pathlib, lab
with lab.Lab(pathlib.Path(sys.argv[1])) as owned:
    pod = owned.pod("shop", "web-0", container="web", image="busybox", command=["sleep", "60"])
    print(pod.cgroup, flush=True)
    time.sleep(60)
"""


def _trace(lab: Lab) -> list[str]:
    """Return whatever of a lab is still on the machine."""
    folder = str(lab.folder)
    found = [str(pid) for pid in with_argument(f"{folder}/containerd.sock")]
    found += [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if folder in line]
    return found + ([folder] if lab.folder.exists() else [])


def _bridges() -> set[str]:
    listing = subprocess.run(["ip", "-br", "link"], capture_output=True, text=True, check=True).stdout
    return {line.split()[0] for line in listing.splitlines() if line.startswith("nslab")}


def _cgroups(path: str) -> list[Path]:
    return [mount / path.strip("/") for mount in cgroups.mounts() if (mount / path.strip("/")).exists()]


def test_a_pod_has_the_cgroup_and_labels_of_a_kubelets():
    """A pod of the lab cannot be told from a kubelet's by its cgroup path."""
    with Lab() as lab:
        pod = lab.pod("shop", "web-0", container="web", image="busybox", host_network=True, command=_SLEEP)

        lines = Path(f"/proc/{pod.container.pid}/cgroup").read_text().splitlines()
        executed = pod.exec(["cat", "/etc/hosts", "/no/such/file"])

    assert f"0::/kubepods/besteffort/pod{pod.uid}/{pod.container.id}" in lines
    assert executed.exit_code == 1
    assert "/no/such/file" in executed.stderr


def test_a_lab_leaves_nothing_behind():
    """Processes, mounts, cgroups, bridge and forwarding are as they were, also when the body fails."""
    forwarding = Path("/proc/sys/net/ipv4/ip_forward").read_text()
    lab = Lab()
    paths: list[str] = []

    def fail() -> None:
        with lab:
            pod = lab.pod("shop", "web-0", container="web", image="busybox", command=_SLEEP)
            box = lab.ctr_run(f"box-{lab.folder.name}", "busybox", _SLEEP)
            paths.extend((pod.cgroup, box.cgroup))
            assert pod.ip.startswith("198.18.")
            assert all(_cgroups(path) for path in paths)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert _trace(lab) == []
    assert [left for path in paths for left in _cgroups(path)] == []
    assert Path("/proc/sys/net/ipv4/ip_forward").read_text() == forwarding
    assert lab.network is not None
    assert lab.network.bridge not in _bridges()


def test_a_lab_whose_owner_was_killed_is_removed_by_the_next_in_its_folder(tmp_path):
    """Nothing of a killed owner's lab survives `clean`, although nobody stopped its containers."""
    folder = Path(f"/run/nonself-lab-{tmp_path.name[-12:]}")
    deploy = str(Path(lab_package.__file__).parents[1])
    with subprocess.Popen(
        [sys.executable, "-c", _OWNER, str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": deploy},
    ) as owner:
        cgroup = str(owner.stdout and owner.stdout.readline()).strip()
        owner.kill()
    assert cgroup.startswith("/kubepods/")
    assert _cgroups(cgroup)

    with Lab(folder) as lab:
        second = lab.pod("shop", "web-0", container="web", image="busybox", command=_SLEEP)
        assert _cgroups(cgroup) == []
        assert second.container.running

    assert _trace(lab) == []


def test_two_labs_run_side_by_side():
    """Two labs have their own bridges, addresses and containers of the same names."""
    with Lab() as one, Lab() as two:
        pods = [
            lab.pod("shop", "web-0", container="web", image="busybox", command=_SLEEP) for lab in (one, two)
        ]
        boxes = [
            lab.ctr_run("box", "busybox", _SLEEP, cgroup=f"/{lab.folder.name}/box") for lab in (one, two)
        ]

        assert pods[0].ip.rpartition(".")[0] != pods[1].ip.rpartition(".")[0]
        assert boxes[0].pid != boxes[1].pid


def test_a_container_that_cannot_start_says_why():
    """The runtime's own sentence reaches the caller."""
    with Lab() as lab, pytest.raises(StartError, match="no-such-program"):
        lab.pod(
            "shop", "web-0", container="web", image="busybox", host_network=True, command=["no-such-program"]
        )
