"""Alerts in the shapes of other products: held against published models, golden files and escaping."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, strategies as st
from py_ocsf_models.events.findings.detection_finding import DetectionFinding

from api.formats import cef, ecs, ocsf
from api.formats.facts import Alert
from api.tokens.service import Role
from tests.contract.test_rest_read import enforcing, intrude
from tests.service import Service, a_match, serving

GOLDEN: Final = Path(__file__).parents[1] / "golden" / "formats"
RENDER: Final[dict[str, Callable[[Alert], Any]]] = {
    "ocsf": ocsf.render,
    "ecs": ecs.render,
    "cef": cef.render,
}
ECS_ROOTS: Final = frozenset(
    ("@timestamp", "container", "ecs", "event", "host", "message", "orchestrator")
) | {"process", "rule", "tags", "threat"}
"""Top-level names of ECS 8.17 that are used; `nonself` is ours, as the schema asks of custom fields."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with an anomaly, a match, and a match that a person judged."""
    with serving(tmp_path_factory.mktemp("formats")) as service:
        enforcing(service)
        intrude(service, 60)
        service.match(a_match(1), a_match(2, rule="Older | = \\ rule"))
        service.worker.drain()
        judged = {"action": "close", "verdict": "false_positive", "comment": "a drill"}
        last = service.get("/v1/alerts").json()["items"][-1]["id"]
        service.request("POST", f"/v1/alerts/{last}/triage", Role.TRIAGE, json=judged)
        yield service


@pytest.fixture(scope="module")
def alerts(shared: Service) -> list[dict[str, Any]]:
    """The alerts as REST lists them."""
    return shared.get("/v1/alerts").json()["items"]


@pytest.mark.parametrize("name", RENDER)
def test_the_golden_alert_looks_as_it_did(name: str) -> None:
    """What receivers parse stays as it is, for both kinds of alert."""
    for kind in ("anomaly", "signature"):
        alert = json.loads((GOLDEN / f"alert-{kind}.json").read_text("utf-8"))
        shaped = RENDER[name](alert)
        stored = (GOLDEN / f"{kind}.{name}").read_text("utf-8")
        if name == "cef":
            # The release stands in the header.
            shaped = re.sub(r"nonself\|nonself\|[^|]*", "nonself|nonself|VERSION", shaped) + "\n"
            assert shaped == stored
        else:
            assert shaped == json.loads(stored)


def test_ocsf_is_what_a_published_model_takes(alerts: list[dict[str, Any]]) -> None:
    """py-ocsf-models reads it once techniques have names; ids fit; what a person closed is closed."""
    shaped = [ocsf.render(each) for each in alerts]

    for each in shaped:
        attacks = each["finding_info"].get("attacks", [])
        for attack in attacks:
            # The model asks for what the schema recommends; names of techniques are not ours to give.
            attack["technique"]["name"] = attack["technique"]["uid"]
        DetectionFinding.model_validate(each)
        assert each["type_uid"] == 2004 * 100 + each["activity_id"]
        assert each["metadata"]["version"] == "1.5.0"
        assert each["finding_info"]["uid"]
    assert {each["kind"] for each in alerts} == {"anomaly", "signature"}
    assert (shaped[-1]["activity_name"], shaped[-1]["status"]) == ("Close", "Suppressed")
    assert (shaped[-1]["verdict"], shaped[-1]["is_alert"]) == ("False Positive", False)


def test_an_anomaly_tells_ocsf_what_was_seen_and_what_was_known(alerts: list[dict[str, Any]]) -> None:
    """Required members of `anomaly_analysis`, `anomaly`, `observation` and `baseline`, as of OCSF 1.5.0."""
    shaped = [ocsf.render(each) for each in alerts if each["kind"] == "anomaly"]
    (analysis,) = shaped[0]["anomaly_analyses"]

    assert analysis["analysis_target"]["name"] == "shop/cart/web"
    for each in (*analysis["anomalies"], *analysis.get("baselines", [])):
        assert each["observation_parameter"]
        assert all(seen["value"] for seen in each["observations"])
    assert analysis["anomalies"][0]["observed_pattern"] in {"UNSEEN", "RARE"}
    assert "attacks" not in shaped[0]["finding_info"]


def test_a_match_brings_its_process_container_and_technique(alerts: list[dict[str, Any]]) -> None:
    """With the parent, and the version of ATT&CK that its tags name."""
    alert = next(each for each in alerts if each["kind"] == "signature")
    found, elastic = ocsf.render(alert), ecs.render(alert)

    (evidence,) = found["evidences"]
    assert evidence["process"]["parent_process"]["name"] == "nginx"
    assert evidence["container"]["image"]["name"] == elastic["container"]["image"]["name"]
    assert found["finding_info"]["attacks"] == [{"version": "v18", "technique": {"uid": "T1059"}}]
    assert elastic["threat"] == {"framework": "MITRE ATT&CK", "technique": {"id": ["T1059"]}}
    assert elastic["process"]["parent"]["name"] == "nginx"


def test_ecs_uses_names_of_the_schema(alerts: list[dict[str, Any]]) -> None:
    """What has no name there stands under one of ours."""
    for each in map(ecs.render, alerts):
        assert set(each) - {"nonself"} <= ECS_ROOTS
        assert each["event"]["kind"] == "alert"


@given(text=st.text(max_size=60))
def test_cef_keeps_any_text_in_its_place(text: str) -> None:
    """One line, seven unescaped bars, and the value is read back."""
    alert = json.loads((GOLDEN / "alert-signature.json").read_text("utf-8"))
    line = cef.render(alert | {"rule": text or "r", "assignee": text})

    assert len(line.splitlines()) == 1
    assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", line.split(" externalId=")[0].split("externalId=")[0])) == 7
    if text.strip() and text == " ".join(text.split()):
        value = line.split(" flexString1=")[1].split(" flexString1Label=")[0]
        assert re.sub(r"\\(.)", r"\1", value) == text


@pytest.mark.parametrize("name", ["ocsf", "ecs", "cef"])
def test_a_list_is_given_in_each_format_with_the_same_cursors(shared: Service, name: str) -> None:
    """Page by page, with the filters of the list."""
    first = shared.get("/v1/alerts", format=name, limit=2)
    cursor = re.search(r"cursor=([^&>]+)", first.headers["Link"])
    assert cursor
    rest = shared.get("/v1/alerts", format=name, cursor=cursor[1])
    native = shared.get("/v1/alerts").json()["items"]

    if name == "cef":
        shaped = first.text.splitlines() + rest.text.splitlines()
        assert first.headers["Content-Type"].startswith("text/plain")
        assert [int(re.search(r"externalId=(\d+)", each)[1]) for each in shaped] == [  # type: ignore[index]
            each["id"] for each in native
        ]
    else:
        shaped = first.json()["items"] + rest.json()["items"]
        assert shaped == [RENDER[name](each) for each in native]


def test_lines_of_json_are_given_to_who_asks(shared: Service) -> None:
    """The format that is named, one object a line."""
    answer = shared.request(
        "GET", "/v1/alerts", Role.READ, headers={"Accept": "application/x-ndjson"}, format="ecs"
    )

    lines = [json.loads(each) for each in answer.text.splitlines()]
    assert [each["ecs"]["version"] for each in lines] == ["8.17.0"] * len(lines)
    assert len(lines) == 3
