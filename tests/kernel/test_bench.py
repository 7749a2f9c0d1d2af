"""The benchmark runs; its figures are judged by people, what it counted is judged here."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.kernel, pytest.mark.slow]

DEPLOY = Path(__file__).parents[2] / "deploy"


def test_a_quick_run_measures_the_sensor_and_keeps_the_neighbour_of_a_flood_exact(tmp_path):
    """A quick run gives a figure for each contender, and a flood costs its neighbour no call."""
    if not shutil.which("gcc"):
        pytest.skip("needs gcc to build the workloads")
    path = tmp_path / "figures.json"
    command = [sys.executable, "-m", "bench", "--quick", "--only", "sensor,flood", "--json", str(path)]

    done = subprocess.run(command, cwd=DEPLOY, capture_output=True, text=True, check=False, timeout=300)

    if "Others trace system calls here" in done.stderr:
        pytest.skip("needs a machine on which nobody else traces system calls meanwhile")
    assert done.returncode == 0, done.stderr
    sections = json.loads(path.read_text())["sections"]
    assert {"none", "floor", "ours", "hash", "ring"} <= sections["sensor"]["figures"]["getppid"].keys()
    flood = sections["flood"]["figures"]
    assert flood["neighbour_calls_counted"] == flood["neighbour_calls_made"] > 0
    assert flood["neighbour_windows_marked"] == 0
    assert flood["offender_windows_marked"] == flood["rounds"]
    assert flood["offender_calls_counted_or_reported_lost"] == flood["offender_calls_made"]
