"""requirements: each thing that is missing is named with its cure, in one sentence."""

from pathlib import Path

import pytest

from collector.errors import RequirementError
from collector.sensor.compiler import load_bcc
from collector.sensor.requirements import requirements

V1 = "31 25 0:27 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids\n"


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A machine with cgroups of version 1 and nothing else."""
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/mountinfo").write_text(V1)
    return tmp_path


def test_a_bare_machine_hears_every_cure(bare: Path) -> None:
    """Missing BTF, cgroup2 and bcc are all told at once, in sentences."""
    missing = {each.name: each.cure for each in requirements(bare) if not each.ok}

    assert {"kernel type information", "cgroup version 2", "bcc", "tracepoints"} <= missing.keys()
    assert "CONFIG_DEBUG_INFO_BTF" in missing["kernel type information"]
    assert "python3-bpfcc" in missing["bcc"]
    assert "cgroup v1 only" in missing["cgroup version 2"]
    assert all(cure.endswith(".") and "\n" not in cure for cure in missing.values())


def test_the_other_package_named_bcc_is_told_apart(tmp_path: Path) -> None:
    """A package without the class BPF is the unrelated one of that name."""
    (tmp_path / "__init__.py").write_text("lattice = True\n")

    with pytest.raises(RequirementError, match="not the BPF compiler collection"):
        load_bcc(tmp_path)


def test_a_bcc_that_cannot_be_imported_says_why(tmp_path: Path) -> None:
    """As where its library is gone."""
    (tmp_path / "__init__.py").write_text("raise OSError('libbcc.so.0: cannot open shared object file')\n")

    with pytest.raises(RequirementError, match=r"libbcc\.so\.0.*python3-bpfcc"):
        load_bcc(tmp_path)


@pytest.mark.kernel
def test_this_machine_lacks_nothing() -> None:
    """Where the kernel tests run, every requirement is met."""
    assert [each for each in requirements() if not each.ok] == []
