"""The integration for Cortex XSOAR, run as the one file that is uploaded, against a real service."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.hooks import raise_alerts
from tests.integrations.conftest import Restartable
from tests.service import Service, a_match
from tests.xsoar import Died, Platform, ReturnedError
from wire.match import Priority

FOLDER = Path(__file__).parents[2] / "docs" / "integrations" / "cortex-xsoar"
INTEGRATION: dict[str, Any] = yaml.safe_load((FOLDER / "integration-nonself.yml").read_text())
SCRIPT: str = INTEGRATION["script"]["script"]


def xsoar(service: Service, role: str = "triage", **params: Any) -> Platform:
    """Return XSOAR with an instance of the integration, with the defaults of its YAML."""
    defaults = {
        each["name"]: each["defaultvalue"] for each in INTEGRATION["configuration"] if "defaultvalue" in each
    }
    return Platform(
        defaults
        | {"url": service.url + "/", "credentials": {"password": service.secrets[role]}}  # type: ignore[index]
        | {"first_fetch": "9999 days"}
        | params
    )


def fetched(platform: Platform) -> list[int]:
    """Return the ids of the alerts that became incidents, in order."""
    return [json.loads(each["rawJSON"])["id"] for each in platform.incidents_]


def test_what_is_uploaded_is_made_of_the_files_beside_it() -> None:
    """`unify.py` was run after the last change of either."""
    source = (FOLDER / "nonself.py").read_text()
    imports = "import demistomock as demisto\nfrom CommonServerPython import *\n"
    plain = yaml.safe_load((FOLDER / "nonself.yml").read_text())
    plain["script"]["script"] = SCRIPT

    assert plain == INTEGRATION
    assert source.count(imports) == 1
    assert source.replace(imports, "") == SCRIPT


def test_each_command_and_parameter_of_the_yaml_is_one_of_the_script() -> None:
    """And the other way round."""
    commands = [each["name"] for each in INTEGRATION["script"]["commands"]]
    parameters = {each["name"] for each in INTEGRATION["configuration"]}
    read = set(re.findall(r"params(?:\.get\(|\[)['\"](\w+)", SCRIPT))

    assert set(re.findall(r'"(nonself-[\w-]+)"', SCRIPT)) == set(commands)
    assert read | {"isFetch", "incidentType"} == parameters


def test_alerts_become_incidents_each_once_past_a_restart(restartable: Restartable) -> None:
    """With pages smaller than what waits; what is raised while nobody polls is fetched afterwards."""
    raise_alerts(restartable.service, *"ABCDE")
    platform = xsoar(restartable.service, max_fetch="2")
    runs = []
    for _ in range(2):
        platform.run(SCRIPT, "fetch-incidents")
        runs.append(fetched(platform))
    restartable.stop()
    with pytest.raises(ReturnedError, match="fetch-incidents failed: Connection error"):
        platform.run(SCRIPT, "fetch-incidents")
    service = restartable.restart()
    platform.params_["url"] = service.url
    raise_alerts(service, "F", first=6)
    for _ in range(3):
        platform.run(SCRIPT, "fetch-incidents")

    assert runs == [[1, 2], [1, 2, 3, 4]]
    assert fetched(platform) == [1, 2, 3, 4, 5, 6]


def test_a_run_that_dies_before_its_last_run_is_kept_repeats_its_incidents(service: Service) -> None:
    """At least once: they come again under the same mirror id, by which XSOAR can tell."""
    raise_alerts(service, *"ABC")
    platform = xsoar(service, max_fetch="2")
    platform.dies_before_last_run = True
    with pytest.raises(Died):
        platform.run(SCRIPT, "fetch-incidents")
    platform.dies_before_last_run = False
    platform.run(SCRIPT, "fetch-incidents")
    platform.run(SCRIPT, "fetch-incidents")

    assert fetched(platform) == [1, 2, 1, 2, 3]
    assert [each["dbotMirrorId"] for each in platform.incidents_] == ["1", "2", "1", "2", "3"]


def test_an_incident_says_what_was_seen_where_and_how_bad_it_is(service: Service) -> None:
    """With a link back, and the alert whole for the mapper."""
    service.match(a_match(1, priority=Priority.CRITICAL))
    service.worker.drain()
    platform = xsoar(service)
    platform.run(SCRIPT, "fetch-incidents")
    (incident,) = platform.incidents_
    alert = json.loads(incident["rawJSON"])

    assert incident["name"] == "nonself: Shell spawned in shop/cart/web"
    assert (incident["severity"], incident["occurred"]) == (4, alert["start"])
    assert incident["details"] == "A shell (user=root command=sh -i)"
    assert (alert["place"], alert["techniques"]) == ("shop/cart/web", ["T1059"])
    assert alert["link"] == f"{service.url}/v1/alerts/1"


def test_the_first_fetch_goes_back_as_far_as_it_is_told(service: Service) -> None:
    """Older alerts are never fetched, also where there was none to begin with; every later one is."""
    raise_alerts(service, "Old")
    platform = xsoar(service, first_fetch="1 days")
    platform.run(SCRIPT, "fetch-incidents")
    nothing = fetched(platform)
    # Beyond the machine's clock, from which XSOAR counts its days.
    service.core.clock.at_ms += 10**12  # type: ignore[attr-defined]
    raise_alerts(service, "New", first=2)
    platform.run(SCRIPT, "fetch-incidents")
    service.core.clock.at_ms -= 10**12  # type: ignore[attr-defined]
    raise_alerts(service, "Clock set back", first=3)
    platform.run(SCRIPT, "fetch-incidents")

    assert (nothing, fetched(platform)) == ([], [2, 3])


def test_a_least_level_passes_over_what_is_below_it(service: Service) -> None:
    """A run goes on to later pages until it has enough."""
    for number in range(1, 7):
        priority = Priority.CRITICAL if number in {5, 6} else Priority.NOTICE
        service.match(a_match(number, rule=f"R{number}", priority=priority))
    service.worker.drain()
    platform = xsoar(service, min_level="high", max_fetch="2")
    platform.run(SCRIPT, "fetch-incidents")

    assert fetched(platform) == [5, 6]


def test_a_run_ends_however_many_alerts_it_passes_over(service: Service) -> None:
    """It keeps its cursor, and the next one goes on from there."""
    for number in range(1, 23):
        priority = Priority.CRITICAL if number == 22 else Priority.NOTICE
        service.match(a_match(number, rule=f"R{number}", priority=priority))
    service.worker.drain()
    platform = xsoar(service, min_level="high", max_fetch="1")
    found = []
    for _ in range(2):
        platform.run(SCRIPT, "fetch-incidents")
        found.append(fetched(platform))

    assert found == [[], [22]]


def test_commands_list_show_acknowledge_and_close_alerts(service: Service) -> None:
    """Their outputs are those that the YAML promises."""
    raise_alerts(service, "Shell", "Miner")
    platform = xsoar(service)
    tested = platform.run(SCRIPT, "test-module")
    listed = platform.run(SCRIPT, "nonself-alert-list", limit="1", namespace="shop")
    shown = platform.run(SCRIPT, "nonself-alert-get", alert_id="1")
    looked = platform.run(SCRIPT, "nonself-alert-acknowledge", alert_id="1", comment="mine")
    closed = platform.run(SCRIPT, "nonself-alert-close", alert_id="1", verdict="benign", comment="a drill")

    assert tested == "ok"
    assert [each["id"] for each in listed.outputs] == [2]
    assert "2|Miner|medium|shop/cart/web|new|1" in listed.readable_output
    assert shown.outputs[0]["matches"]
    assert looked.outputs[0]["triage"] == "acknowledged"
    assert (closed.outputs[0]["triage"], closed.outputs[0]["verdict"]) == ("closed", "benign")
    assert (
        service.get("/v1/alerts/changes", change="closed").json()["items"][0]["detail"]["comment"]
        == "a drill"
    )
    for command in INTEGRATION["script"]["commands"]:
        for path in (each["contextPath"].split(".") for each in command["outputs"]):
            assert path[:2] == ["Nonself", "Alert"]
            inner = closed.outputs[0]
            for name in path[2:]:
                inner = inner[name]


def test_what_went_wrong_is_one_message(service: Service) -> None:
    """The sentence of our problem is in it."""
    raise_alerts(service, "Shell")
    reader = xsoar(service, role="read")
    with pytest.raises(ReturnedError, match=r"nonself-alert-close failed: .*403"):
        reader.run(SCRIPT, "nonself-alert-close", alert_id="1", verdict="benign")
    with pytest.raises(ReturnedError, match='Invalid number: "alert_id"="x"'):
        reader.run(SCRIPT, "nonself-alert-get", alert_id="x")
