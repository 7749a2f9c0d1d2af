"""Finding the cgroup2 mount, and what is said where there is none."""

from pathlib import Path

import pytest

from collector.errors import CgroupMountError
from collector.identity.cgroups import find_cgroup2_mount, is_empty, path_of, walk

_V1 = "31 25 0:27 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory\n"
_HYBRID = "42 25 0:39 / /sys/fs/cgroup/unified rw,relatime shared:20 - cgroup2 cgroup2 rw\n"
_PURE = "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 master:1 - cgroup2 cgroup2 rw,nsdelegate\n"
_PART = "30 24 0:26 /docker/abc /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw\n"


@pytest.mark.parametrize(
    ("mounts", "expected"),
    [
        (_PURE, "/sys/fs/cgroup"),
        (_V1 + _HYBRID, "/sys/fs/cgroup/unified"),
        (_PART + _PURE, "/sys/fs/cgroup"),
        (_PURE.replace("/sys/fs/cgroup", r"/mnt/c\040group"), "/mnt/c group"),
    ],
)
def test_the_whole_tree_is_found(tmp_path, mounts, expected):
    """The cgroup2 tree is found on pure and hybrid nodes, and a mount of a part of it is passed over."""
    (tmp_path / "mountinfo").write_text(mounts)

    assert find_cgroup2_mount(str(tmp_path / "mountinfo")) == expected


def test_a_v1_node_is_told_the_cure(tmp_path):
    """On a v1-only node the message names what came and what to do."""
    (tmp_path / "mountinfo").write_text(_V1)

    with pytest.raises(CgroupMountError, match=r"cgroup v1 only.*mount -t cgroup2"):
        find_cgroup2_mount(str(tmp_path / "mountinfo"))


def test_a_part_of_the_tree_is_told_the_cure(tmp_path):
    """Inside a cgroup namespace the message asks for the host's."""
    (tmp_path / "mountinfo").write_text(_PART)

    with pytest.raises(CgroupMountError, match=r"/docker/abc.*cgroupns=host"):
        find_cgroup2_mount(str(tmp_path / "mountinfo"))


def test_a_walk_gives_ids_and_paths_parents_first(tmp_path):
    """Every folder below the mount is given once with its inode; files and links are not."""
    (tmp_path / "a/b/c").mkdir(parents=True)
    (tmp_path / "d").mkdir()
    (tmp_path / "a/cgroup.procs").write_text("")
    (tmp_path / "a/loop").symlink_to(tmp_path)

    found = list(walk(str(tmp_path)))

    paths = [path for _, path in found]
    assert sorted(paths) == ["/a", "/a/b", "/a/b/c", "/d"]
    assert paths.index("/a") < paths.index("/a/b") < paths.index("/a/b/c")
    assert all(Path(f"{tmp_path}{path}").stat().st_ino == cgroup_id for cgroup_id, path in found)


def test_an_id_without_cgroup_has_no_path(tmp_path):
    """Where there is no such mount, or no such cgroup below it, there is no path."""
    assert path_of(7, str(tmp_path / "gone")) is None
    assert path_of(2**63 - 1, str(tmp_path)) is None


@pytest.mark.parametrize(("populated", "empty"), [(0, True), (1, False)])
def test_a_cgroup_is_empty_where_the_kernel_says_so(tmp_path, populated, empty):
    """As cgroup.events tells it, of the cgroup and all below it."""
    (tmp_path / "pod").mkdir()
    (tmp_path / "pod/cgroup.events").write_text(f"populated {populated}\nfrozen 0\n")

    assert is_empty("/pod", str(tmp_path)) is empty


def test_a_cgroup_that_is_gone_is_empty(tmp_path):
    """What has no cgroup has no process; what merely cannot be read is not taken for that."""
    (tmp_path / "file").write_text("")

    assert is_empty("/pod", str(tmp_path))
    assert not is_empty("/file", str(tmp_path))
