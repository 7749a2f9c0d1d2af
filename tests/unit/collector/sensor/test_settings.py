"""SensorSettings and the machine's numbers: sizes that fit the kernel's."""

import re
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from collector.errors import SettingsError
from collector.sensor.loader import Cpus, host_mount_namespace, possible_cpus
from collector.sensor.settings import EPOCHS, LINE_BYTES, SensorSettings


@given(st.integers(1, 1 << 40), st.integers(1, 8192))
def test_the_tables_fit_their_memory(memory: int, cpus: int) -> None:
    """Lines are a power of two from 16 to 65,536; beyond the least, they fit the budget."""
    lines = SensorSettings(memory_bytes=memory).lines(cpus)

    assert 16 <= lines <= 65536
    assert lines & (lines - 1) == 0
    assert lines == 16 or lines * LINE_BYTES * EPOCHS * cpus <= memory


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"memory_bytes": 0}, "--memory-bytes takes at least 1; got 0."),
        ({"quota": 0}, "--quota takes at least 1; got 0."),
        ({"containers": 0}, "--containers takes 1 to 1048576; got 0."),
        ({"containers": (1 << 20) + 1}, "--containers takes 1 to 1048576; got 1048577."),
        ({"seed": -1}, "--seed takes 0 to 2**63 - 1; got -1."),
        ({"seed": 1 << 63}, "--seed takes 0 to 2**63 - 1; got 9223372036854775808."),
    ],
)
def test_a_setting_that_means_nothing_is_named(wrong: dict[str, int], said: str) -> None:
    """The kernel is never asked for what it must refuse."""
    with pytest.raises(SettingsError, match=f"^{re.escape(said)}$"):
        SensorSettings(**wrong)


@pytest.mark.parametrize(
    ("text", "bound", "count"),
    [("0\n", 1, 1), ("0-1\n", 2, 2), ("0-3,8-11\n", 12, 8), ("0,5\n", 6, 2), ("0-1,4\n", 5, 3)],
)
def test_cpus_are_counted_with_and_without_holes(tmp_path: Path, text: str, bound: int, count: int) -> None:
    """The table has room for every number that may come; per-CPU maps have no room for the holes."""
    (tmp_path / "possible").write_text(text)

    assert possible_cpus(tmp_path / "possible") == Cpus(bound, count)


@pytest.mark.parametrize(("comm", "expected"), [("kthreadd\n", "2/ns/mnt"), ("bash\n", "self/ns/mnt")])
def test_the_hosts_mounts_are_those_of_kthreadd(tmp_path: Path, comm: str, expected: str) -> None:
    """In sight of the kernel's own threads theirs count; elsewhere our own are the best guess."""
    for process in ("2", "self"):
        (tmp_path / process / "ns").mkdir(parents=True)
        (tmp_path / process / "ns/mnt").touch()
    (tmp_path / "2/comm").write_text(comm)

    assert host_mount_namespace(tmp_path) == (tmp_path / expected).stat().st_ino
