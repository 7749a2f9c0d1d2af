"""A client that openapi-python-client generates from the document: all of it, and it works."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from api.tokens.service import Role
from tests.golden.make_openapi import GOLDEN
from tests.service import Service, a_match

GENERATOR: Final = Path(sys.executable).parent / "openapi-python-client"
CONFIG: Final = {
    "content_type_overrides": dict.fromkeys(
        ("application/zip", "application/yaml"), "application/octet-stream"
    ),
    "post_hooks": [],
}
"""Files are bytes to it under this name alone."""
USE: Final = """
import importlib, json, pkgutil, sys
import generated
from generated.api.alerts import list_alerts
from generated.api.baselines import import_baseline
from generated.api.workloads import get_workload

found = pkgutil.walk_packages(generated.__path__, "generated.")
modules = [importlib.import_module(each.name) for each in found]
client = generated.AuthenticatedClient(base_url=sys.argv[1], token=sys.argv[2])
page = list_alerts.sync(client=client, limit=10)
missing = get_workload.sync(99, client=client)
rules = [each.rule for each in page.items]
print(json.dumps([len(modules), rules, type(missing).__name__, missing.detail]))
"""


@pytest.mark.slow
def test_a_generated_client_works(service: Service, tmp_path: Path) -> None:
    """Nothing is left out with a warning, every module imports, an answer and a problem are read."""
    service.match(a_match())
    service.worker.drain()
    config = tmp_path / "config.json"
    config.write_text(json.dumps(CONFIG))
    command = [GENERATOR, "generate", "--path", GOLDEN, "--config", config, "--meta", "none", "--overwrite"]
    made = subprocess.run(
        [*command, "--output-path", tmp_path / "generated"], capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stderr
    assert "WARNING" not in made.stdout + made.stderr

    used = subprocess.run(
        [sys.executable, "-c", USE, service.url, service.secrets[Role.READ]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert used.returncode == 0, used.stderr
    modules, rules, kind, detail = json.loads(used.stdout)
    assert modules > 300
    assert (rules, kind, detail) == (["Shell spawned"], "Problem", "There is no workload 99.")
