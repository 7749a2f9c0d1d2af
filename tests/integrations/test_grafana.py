"""The dashboard for Grafana names metrics and labels that the service has."""

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from api.metrics import MANIFEST
from tests.service import Service

FILE = Path(__file__).parents[2] / "docs" / "integrations" / "grafana" / "dashboard.json"
DASHBOARD: dict[str, Any] = json.loads(FILE.read_text())
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
TARGETS = [target for panel in PANELS for target in panel.get("targets", [])]
SCRAPED = {"job", "instance"}
"""Labels that Prometheus adds."""


def metric_of(name: str) -> str:
    """Return the metric of the manifest that a series belongs to."""
    base = re.sub(r"_(bucket|sum|count)$", "", name)
    return base if base in MANIFEST and MANIFEST[base].kind == "histogram" else name


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target["expr"])
def test_a_query_names_a_metric_and_labels_of_the_manifest(target: dict[str, Any]) -> None:
    """One metric each; its legend and grouping use labels that are left."""
    (name,) = set(re.findall(r"nonself_\w+", target["expr"]))
    metric = MANIFEST[metric_of(name)]
    have = set(metric.labels) | SCRAPED | ({"le"} if name.endswith("_bucket") else set())
    grouped = {label for by in re.findall(r"by \(([^)]*)\)", target["expr"]) for label in by.split(", ")}
    matched = set(re.findall(r'(\w+)=~?"', target["expr"]))
    shown = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))

    assert grouped | matched <= have
    assert shown <= grouped
    assert ("rate(" in target["expr"] or "increase(" in target["expr"]) == (
        metric.kind in {"counter", "histogram"} or name == "nonself_node_lost_calls"
    )


def test_what_can_be_lost_queue_or_fail_is_on_it() -> None:
    """A metric that is added later and belongs there is not forgotten."""
    named = {metric_of(name) for target in TARGETS for name in re.findall(r"nonself_\w+", target["expr"])}
    wanted = {
        name
        for name in MANIFEST
        if re.search(r"_(pending|waiting|up|oldest_seconds|silent_seconds|lost_calls|open)$", name)
    }

    assert wanted - named <= {"nonself_kubernetes_up", "nonself_database_up"}


def test_levels_that_it_asks_for_are_those_of_the_metric(service: Service) -> None:
    """As the service shows them."""
    text = service.http.get("/metrics").text
    asked = {
        level for target in TARGETS for found in re.findall(r'level=~"([^"]+)"', target["expr"])
        for level in found.split("|")
    }  # fmt: skip

    assert asked
    assert asked <= set(re.findall(r'nonself_alerts_open\{level="(\w+)"\}', text))


def test_panels_have_ids_and_places_of_their_own() -> None:
    """Within the 24 columns of the grid, none over another."""
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    for panel in PANELS:
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
    for one, other in combinations([panel["gridPos"] for panel in PANELS], 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or above


def test_the_data_source_is_asked_for_at_import() -> None:
    """And each query goes to it."""
    assert [each["name"] for each in DASHBOARD["__inputs"]] == ["DS_PROMETHEUS"]
    assert {target["datasource"]["uid"] for target in TARGETS} == {"${DS_PROMETHEUS}"}
