"""Alerts in the shapes of other products: held against published models, golden files and escaping."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, strategies as st
from py_ocsf_models.events.findings.detection_finding import DetectionFinding

from api.formats import cef, ecs, ocsf
from api.formats.facts import Alert, Told
from api.push.events import of_change
from api.push.shapes import as_text, shaped as pushed
from api.push.words import Shape
from api.tokens.service import Role
from api.vocabulary import AlertChange
from tests.contract.test_rest_read import enforcing, intrude
from tests.service import Service, a_match, serving

GOLDEN: Final = Path(__file__).parents[1] / "golden" / "formats"
RENDER: Final[dict[str, Callable[[Alert], Any]]] = {
    "ocsf": ocsf.render,
    "ecs": ecs.render,
    "cef": cef.render,
}
_TEXTS: Final = """
    @timestamp message ecs.version event.kind event.module event.dataset event.provider event.id event.action
    event.created event.start event.end event.reason event.url rule.name rule.category rule.ruleset
    threat.framework host.name container.id container.name container.runtime orchestrator.cluster.name
    orchestrator.namespace orchestrator.resource.name orchestrator.resource.type process.name
    process.executable process.command_line process.parent.name process.parent.executable
    process.parent.command_line container.image.name
"""
_NUMBERS: Final = "event.severity event.sequence process.pid process.parent.pid"
_ARRAYS: Final = """
    event.category event.type tags container.image.hash.all threat.technique.id
    threat.technique.subtechnique.id
"""
"""Their reference says that they should be arrays of values."""
ECS_FIELDS: Final[dict[str, type]] = {
    **dict.fromkeys(_TEXTS.split(), str),
    **dict.fromkeys(_NUMBERS.split(), int),
    **dict.fromkeys(_ARRAYS.split(), list),
    "event.risk_score": float,
}
"""Fields of the ECS 8.17 reference (elastic.co/guide/en/ecs/8.17) that may be used, with their types in JSON,
written down by hand; `nonself` is ours, as the schema asks of custom fields."""
OPENED, COMMENTED, CLOSED = (
    Told(id=number, change=change, at="2026-11-23T13:10:00.412Z", actor=actor, comment=comment)
    for number, change, actor, comment in (
        (7, AlertChange.OPENED, None, None),
        (8, AlertChange.COMMENTED, "ann", "a | drill = \\ yes"),
        (9, AlertChange.MARKED_BENIGN, "ann", None),
    )
)


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


def golden(kind: str) -> dict[str, Any]:
    """Return a stored alert of this kind, as REST listed it."""
    alert: dict[str, Any] = json.loads((GOLDEN / f"alert-{kind}.json").read_text("utf-8"))
    return alert


def leaves(record: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield what a document holds by its dotted name."""
    for name, value in record.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


@pytest.mark.parametrize("name", RENDER)
def test_the_golden_alert_looks_as_it_did(name: str) -> None:
    """What receivers parse stays as it is, for both kinds of alert."""
    for kind in ("anomaly", "signature"):
        alert = golden(kind)
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


def test_ecs_uses_names_and_types_of_the_schema(alerts: list[dict[str, Any]]) -> None:
    """Down to the last level; what has no name there stands under one of ours."""
    nested = golden("signature") | {"techniques": ["T1059.004", "T1059"]}
    for each in [ecs.render(one, told) for one in (*alerts, nested) for told in (None, COMMENTED)]:
        for name, value in leaves({key: part for key, part in each.items() if key != "nonself"}):
            assert name in ECS_FIELDS, name
            assert isinstance(value, ECS_FIELDS[name]), name
        assert each["event"]["kind"] == "alert"


@pytest.mark.parametrize("name", RENDER)
def test_a_match_that_is_not_kept_whole_is_shown_with_what_is_left(name: str) -> None:
    """Retention drops what only the event knew; the list goes on."""
    alert = golden("signature")
    left = dict.fromkeys(("output", "output_fields", "ancestors", "truncated", "ruleset"))
    alert["match"] |= left | {"whole": False}

    assert "cart" in json.dumps(RENDER[name](alert))


def test_a_sub_technique_stands_beside_its_technique() -> None:
    """Each in the place that the schema has for it; CEF has one place for both."""
    alert = golden("signature") | {"techniques": ["T1059.004"]}

    (attack,) = ocsf.render(alert)["finding_info"]["attacks"]
    assert attack == {"version": "v18", "technique": {"uid": "T1059"}, "sub_technique": {"uid": "T1059.004"}}
    assert ecs.render(alert)["threat"]["technique"] == {
        "id": ["T1059"],
        "subtechnique": {"id": ["T1059.004"]},
    }
    assert " cs4=T1059.004 " in cef.render(alert)


@pytest.mark.parametrize(
    ("change", "activity"),
    [(each, 2) for each in AlertChange if each not in {"opened", "closed", "marked_benign"}]
    + [(AlertChange.OPENED, 1), (AlertChange.CLOSED, 3), (AlertChange.MARKED_BENIGN, 3)],
)
def test_the_change_that_is_told_decides_on_the_activity(change: AlertChange, activity: int) -> None:
    """Even where the alert has moved on since: what is pushed late is what happened then."""
    found = ocsf.render(golden("signature") | {"findings": 9}, replace(OPENED, change=change))

    assert (found["activity_id"], found["type_uid"]) == (activity, 200400 + activity)
    assert found["unmapped"]["nonself"]["change"] == change.value
    DetectionFinding.model_validate(found | {"finding_info": {**found["finding_info"], "attacks": []}})


def test_an_alert_that_a_suppression_closed_is_closed_as_benign() -> None:
    """In a list, and as the change that closed it."""
    closed = {"status": "closed", "suppression": 4, "triage": "closed", "verdict": "benign"}
    alert = golden("anomaly") | closed

    for found in (ocsf.render(alert), ocsf.render(alert, CLOSED)):
        assert (found["activity_id"], found["status"], found["verdict"]) == (3, "Suppressed", "Benign")
        assert found["is_alert"] is False


def test_a_channel_tells_who_did_what_and_why() -> None:
    """Two changes of one moment are two records, in order."""
    told = {"created_at": 1_795_439_400_412, "actor": "ann", "detail": {"comment": "a drill"}}
    events = [of_change(number, "commented", alert=golden("signature"), **told) for number in (7, 8)]
    first, second = (pushed(each, Shape.OCSF) for each in events)
    elastic, line = pushed(events[0], Shape.ECS), as_text(events[0], Shape.CEF)

    assert (first["comment"], first["unmapped"]["nonself"]["actor"]) == ("a drill", "ann")
    assert first["metadata"]["uid"] != second["metadata"]["uid"]
    assert first["metadata"]["sequence"] < second["metadata"]["sequence"]
    assert first["time"] == 1_795_439_400_412
    assert (elastic["event"]["action"], elastic["event"]["sequence"]) == ("alert-commented", 7)
    assert elastic["nonself"]["change"] == {"actor": "ann", "comment": "a drill"}
    assert line.startswith("CEF:0|nonself|")
    assert " rt=1795439400412 act=commented suser=ann " in line
    assert " flexString2=a drill flexString2Label=comment" in line


@given(text=st.text(max_size=60))
def test_cef_keeps_any_text_in_its_place(text: str) -> None:
    """One line, seven unescaped bars, and the value is read back."""
    alert = golden("signature")
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
