"""Stimuli on the host and in a container make upstream's stable rules fire, on the running kernel."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RULES = ROOT.parent / "shared/rules/falco/falco_rules.yaml"


@pytest.mark.kernel
@pytest.mark.containers
@pytest.mark.slow
@pytest.mark.skipif(not RULES.exists(), reason="needs upstream's falco_rules.yaml in ../shared/rules/falco")
def test_rules_without_an_official_stimulus_fire_on_ours() -> None:
    """Terminal shell, API server, modules, ptrace, fileless execution, debugfs: each alert as expected."""
    command = [sys.executable, "-m", "rules_e2e", "deploy/rules_e2e/stable.json", "--rules", str(RULES)]
    env = os.environ | {"PYTHONPATH": "deploy"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)

    assert done.stdout.splitlines()[-1:] == ["9 passed, 0 failed"], done.stdout + done.stderr
