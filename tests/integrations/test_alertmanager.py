"""The configuration for Alertmanager, held by Debian's amtool."""

import shutil
import subprocess
from pathlib import Path

import pytest

FILE = Path(__file__).parents[2] / "docs" / "integrations" / "alertmanager" / "alertmanager.yml"


def amtool(*arguments: str) -> str:
    """Run amtool; return what it says."""
    if shutil.which("amtool") is None:
        pytest.skip("amtool is missing: deploy/install.sh lab")
    done = subprocess.run(["amtool", *arguments], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_amtool_takes_the_file() -> None:
    """With its route, its inhibition and its four receivers."""
    said = amtool("check-config", str(FILE))

    assert "SUCCESS" in said
    assert " - 1 inhibit rules" in said
    assert " - 4 receivers" in said


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        (["alertname=Shell", "kind=signature", "severity=critical", "namespace=shop"], "soc-pager"),
        (["alertname=Shell", "kind=signature", "severity=low", "namespace=shop"], "soc"),
        (["alertname=nonself anomaly", "kind=anomaly", "severity=medium"], "soc"),
        (["alertname=NonselfDown", "severity=critical"], "platform"),
        (["alertname=SomethingElse", "severity=critical"], "default"),
    ],
)
def test_an_alert_goes_to_the_receiver_that_it_is_for(labels: list[str], receiver: str) -> None:
    """By the labels that we post; others are left alone."""
    said = amtool(
        "config",
        "routes",
        "test",
        f"--config.file={FILE}",
        *(f'{n}="{v}"' for n, v in (each.split("=") for each in labels)),
    )

    assert said.strip() == receiver
