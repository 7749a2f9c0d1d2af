"""Opening the sensor, and what is said where it cannot be opened."""

import subprocess
import sys
from pathlib import Path

import pytest

from collector.errors import SensorError
from collector.sensor import SensorSettings, bpf, open_sensor
from collector.sensor.btf import read_kernel_types

pytestmark = pytest.mark.kernel

OPEN = """
from collector.errors import RequirementError
from collector.sensor import SensorSettings, open_sensor
try:
    open_sensor(SensorSettings())
except RequirementError as error:
    print(error)
"""


def test_without_permission_one_sentence_says_so() -> None:
    """A process without capabilities is told which it needs, and nothing else."""
    bare = ["setpriv", "--inh-caps=-all", "--bounding-set=-all"]
    command = [*bare, sys.executable, "-c", OPEN]
    run = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True)

    sentence = "This process may not load BPF programs: run it as root, or with CAP_BPF and CAP_PERFMON.\n"
    assert run.stdout == sentence
    assert run.stderr == ""


def test_the_verifiers_last_words_are_in_the_message() -> None:
    """A program that returns without a value is refused, with the reason."""
    with pytest.raises(SensorError, match=r"refused the program broken.*R0 !read_ok"):
        bpf.load_program(
            "broken", bytes([0x95, 0, 0, 0, 0, 0, 0, 0]), read_kernel_types().typedef("btf_trace_sys_exit")
        )


def test_opening_and_closing_leaves_no_descriptor_behind() -> None:
    """Also when it is done again: an agent may reopen its sensor."""
    open_sensor(SensorSettings()).close()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(2):
        open_sensor(SensorSettings()).close()

    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_the_compiler_leaves_this_process_small() -> None:
    """LLVM is mapped by the process that compiles and ends, never by the one that opens the sensor."""
    code = (
        "from collector.sensor import *; open_sensor(SensorSettings()); print(open('/proc/self/maps').read())"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )

    assert "numpy" in run.stdout
    assert "libbcc" not in run.stdout
    assert "LLVM" not in run.stdout
