"""What Prometheus is given is judged by Prometheus' own tool: the alerting rules, and our metrics."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.service import Service, a_delta, a_match

RULES = Path(__file__).parents[2] / "docs" / "integrations" / "prometheus-rules.yaml"
JOB = 'job="nonself", instance="a"'


def promtool(*arguments: str, given: str = "") -> str:
    """Run Debian's promtool; return what it says."""
    if shutil.which("promtool") is None:
        pytest.skip("promtool is missing: deploy/install.sh lab")
    done = subprocess.run(["promtool", *arguments], input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_alerting_rules_can_be_loaded() -> None:
    """Prometheus takes the file as it is."""
    assert "SUCCESS" in promtool("check", "rules", str(RULES))


def test_the_metrics_keep_the_customs_of_prometheus(service: Service) -> None:
    """Names, units and help of a service that has done something of everything."""
    service.send(a_delta())
    service.match(a_match())
    service.worker.drain()
    service.get("/v1/alerts")

    assert promtool("check", "metrics", given=service.http.get("/metrics").text) == ""


@pytest.mark.parametrize(
    ("series", "at", "alert", "expected"),
    [
        (
            # It never scored since its start: there is no series of windows.
            {"nonself_database_up": "1x30", "nonself_inbox_pending": "5x30"},
            "25m",
            "NonselfWorkerStuck",
            [("critical", "Deltas wait and none was scored for ten minutes.")],
        ),
        (
            {
                "nonself_database_up": "1x30",
                "nonself_inbox_pending": "5x30",
                "nonself_worker_windows_total": "0+6x30",
            },
            "25m",
            "NonselfWorkerStuck",
            [],
        ),
        (
            {"nonself_database_up": "0x30"},
            "10m",
            "NonselfDown",
            [("critical", "nonself is not scraped, or its database does not answer.")],
        ),
        ({"nonself_database_up": "1x30"}, "10m", "NonselfDown", []),
    ],
    ids=["never scored", "scores", "no database", "well"],
)
def test_a_rule_fires_where_it_should(
    tmp_path: Path, series: dict[str, str], at: str, alert: str, expected: list[tuple[str, str]]
) -> None:
    """By Prometheus' own engine over made-up series, a minute apart."""
    labels = {"job": "nonself", "instance": "a"}
    found = [
        {
            "exp_labels": {"severity": severity, **labels},
            "exp_annotations": {"summary": summary},
        }
        for severity, summary in expected
    ]
    tests = {
        "rule_files": [str(RULES)],
        "tests": [
            {
                "interval": "1m",
                "input_series": [
                    {"series": f"{name}{{{JOB}}}", "values": _values(values)}
                    for name, values in series.items()
                ],
                "alert_rule_test": [{"eval_time": at, "alertname": alert, "exp_alerts": found}],
            }
        ],
    }
    file = tmp_path / "tests.yaml"
    file.write_text(yaml.safe_dump(tests))

    assert "SUCCESS" in promtool("test", "rules", str(file))


def _values(short: str) -> str:
    return short if "+" in short else short.replace("x", "+0x")
