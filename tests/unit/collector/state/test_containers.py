"""Containers by cgroup, with what their bundles say."""

import json
from pathlib import Path

from collector.state.containers import ContainerTable, Mount, describe, is_privileged
from wire.profile import ContainerRef

REF = ContainerRef(id="4f" * 32, runtime="containerd", cgroup="/pod/x")
PRIVILEGED = {
    "linux": {"resources": {"devices": [{"allow": False, "access": "rwm"}, {"allow": True, "access": "rwm"}]}}
}


class Identity:
    """Knows the cgroups that it is given."""

    mount = "/nowhere"

    def __init__(self, known: dict[int, ContainerRef], bundle: Path | None = None) -> None:
        self.known, self.bundle, self.asked = known, bundle, 0

    def identify(self, cgroup_id: int, path: str, pid: int) -> ContainerRef | None:
        """Count, and look up."""
        assert path == ""
        assert pid
        self.asked += 1
        return self.known.get(cgroup_id)

    def enrich(self, ref: ContainerRef) -> ContainerRef:
        """Know nothing more."""
        return ref

    def bundle_of(self, id_: str) -> Path | None:
        """Return the bundle given."""
        assert id_
        return self.bundle


def test_a_cgroup_is_asked_about_once(tmp_path: Path) -> None:
    """Later events cost a lookup; the host's cgroups are asked about again after a while."""
    (tmp_path / "config.json").write_text(json.dumps(PRIVILEGED))
    now = [0.0]
    identity = Identity({5: REF}, tmp_path)
    table = ContainerTable(identity, lambda: now[0])
    found = []
    table.found = found.append

    assert table.of(5, 100) is table.of(5, 101)
    assert table.of(1, 1) is None
    assert table.of(1, 1) is None
    assert identity.asked == 2
    assert found[0].privileged is True
    assert found[0].short_id == "4f4f4f4f4f4f"

    now[0] = 3.0
    table.of(1, 1)
    assert identity.asked == 3


def test_a_cgroup_of_the_host_is_told_for_as_long_as_it_is_believed() -> None:
    """Never longer: when it is told no more, it is asked about again, and may have become a container."""
    now = [100.0]
    identity = Identity({})
    table = ContainerTable(identity, lambda: now[0])
    told: list[tuple[float, int, float]] = []
    table.absent = lambda cgroup, seconds: told.append((now[0], cgroup, seconds))

    for now[0] in (100.0, 101.0, 101.9, 102.1, 103.0):
        assert table.of(7, 1) is None
    ends = [(at, cgroup, at + seconds) for at, cgroup, seconds in told]
    assert ends == [(100.0, 7, 102.0), (102.1, 7, 104.1)]
    assert identity.asked == len(told)
    now[0], identity.known[7] = 104.1, REF
    found = table.of(7, 1)
    assert found is not None
    assert len(told) == 2


def test_what_the_runtime_tells_later_is_taken_up() -> None:
    """Labels come from the socket after the first events."""
    table = ContainerTable(Identity({5: REF}))
    table.of(5, 100)

    table.update(ContainerRef(id=REF.id, runtime="containerd", name="web"))

    assert table.of(5, 100).ref.name == "web"


def test_a_container_with_masks_or_few_devices_is_not_privileged() -> None:
    """Both signs are needed."""
    masked = {"linux": {**PRIVILEGED["linux"], "maskedPaths": ["/proc/kcore"]}}

    assert is_privileged(PRIVILEGED)
    assert not is_privileged(masked)
    assert not is_privileged(
        {"linux": {"resources": {"devices": [{"allow": True, "type": "c", "major": 1, "access": "rwm"}]}}}
    )
    assert not is_privileged({})


def test_bind_mounts_are_mounts(tmp_path: Path) -> None:
    """Procfs and its like are not what a user asked for."""
    mounts = [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/data", "type": "bind", "source": "/srv", "options": ["rbind", "ro", "rslave"]},
    ]
    (tmp_path / "config.json").write_text(json.dumps({"mounts": mounts}))

    assert describe(REF, tmp_path).mounts == (
        Mount("/srv", "/data", "rbind,ro,rslave", writable=False, propagation="rslave"),
    )


def test_a_bundle_that_cannot_be_read_says_nothing(tmp_path: Path) -> None:
    """Not known is not the same as not privileged."""
    (tmp_path / "config.json").write_text("[")

    assert describe(REF, tmp_path).privileged is None
    assert describe(REF, tmp_path / "gone").privileged is None
    assert describe(REF, None).privileged is None
