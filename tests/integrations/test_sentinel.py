"""The template for Microsoft Sentinel, read as its reference describes it, against a real service."""

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.tokens.service import Role
from tests.contract.test_rest_read import enforcing, intrude
from tests.hooks import raise_alerts
from tests.integrations.conftest import Restartable
from tests.service import Service

FOLDER = Path(__file__).parents[2] / "docs" / "integrations" / "microsoft-sentinel"
TEMPLATE: dict[str, Any] = json.loads((FOLDER / "azuredeploy.json").read_text())
ALERTS, CHANGES = "Custom-NonselfAlerts", "Custom-NonselfChanges"

REQUIRED = {"auth", "request", "response", "paging", "dcrConfig", "connectorDefinitionName"}
KNOWN = {
    "auth": "type ApiKey ApiKeyName ApiKeyIdentifier",
    "request": "apiEndpoint httpMethod queryWindowInMin retryCount timeoutInSeconds rateLimitQPS headers",
    "paging": "pagingType nextPageParaName nextPageTokenJsonPath hasNextFlagJsonPath pageSizeParameterName "
    "pageSize",
    "response": "eventsJsonPaths format",
    "dcrConfig": "streamName dataCollectionEndpoint dataCollectionRuleImmutableId",
}
"""Fields of RestApiPoller, from learn.microsoft.com: data-connector-connection-rules-reference."""
TYPES: dict[str, Any] = {
    "long": int,
    "string": str,
    "real": (int, float),
    "dynamic": (dict, list),
    "datetime": str,
}


def of_type(ending: str) -> list[dict[str, Any]]:
    """Return the template's resources of one type."""
    return [each for each in TEMPLATE["resources"] if each["type"].endswith(ending)]


(DCR,) = of_type("/dataCollectionRules")
STREAMS: dict[str, dict[str, str]] = {
    name: {each["name"]: each["type"] for each in stream["columns"]}
    for name, stream in DCR["properties"]["streamDeclarations"].items()
}
FLOWS = {flow["streams"][0]: flow for flow in DCR["properties"]["dataFlows"]}
TABLES = {
    each["properties"]["schema"]["name"]: [
        column["name"] for column in each["properties"]["schema"]["columns"]
    ]
    for each in of_type("/tables")
}


class Poller:
    """One RestApiPoller, which asks as its configuration says and keeps its token over query windows."""

    def __init__(self, stream: str, service: Service, page_size: int) -> None:
        (resource,) = (
            each
            for each in of_type("/dataConnectors")
            if each["properties"]["dcrConfig"]["streamName"] == stream
        )
        self._config = resource["properties"]
        self._page_size = page_size
        self.parameters = {"serviceUrl": service.url, "token": service.secrets[Role.READ]}
        self.token: str | None = None
        self.requests = 0

    def value(self, text: str) -> str:
        """Return what an expression of ARM stands for: parameters, and their concatenation."""
        if not text.startswith("["):
            return text
        parts = re.findall(r"parameters\('(\w+)'\)|'([^']*)'", text)
        assert re.fullmatch(r"\[(concat\()?(parameters\('\w+'\)|'[^']*'|, )+\)?\]", text)
        return "".join(self.parameters[name] if name else literal for name, literal in parts)

    def window(self) -> list[dict[str, Any]]:
        """Return the events of one query window."""
        auth, request, paging = (self._config[each] for each in ("auth", "request", "paging"))
        events = []
        while True:
            query: dict[str, Any] = {paging["pageSizeParameterName"]: self._page_size}
            if self.token is not None:
                query[paging["nextPageParaName"]] = self.token
            headers = request["headers"] | {
                auth["ApiKeyName"]: f"{auth['ApiKeyIdentifier']} {self.value(auth['ApiKey'])}"
            }
            answer = httpx.request(
                request["httpMethod"], self.value(request["apiEndpoint"]), params=query, headers=headers
            )
            answer.raise_for_status()
            body = answer.json()
            self.requests += 1
            for path in self._config["response"]["eventsJsonPaths"]:
                events += at(body, path)
            self.token = at(body, paging["nextPageTokenJsonPath"])
            if not at(body, paging["hasNextFlagJsonPath"]):
                return events


def at(body: dict[str, Any], path: str) -> Any:
    """Return the member that a JSON path of the form `$.name` names."""
    assert re.fullmatch(r"\$\.\w+", path)
    return body[path[2:]]


def test_pollers_see_each_alert_and_change_once_past_a_restart(restartable: Restartable) -> None:
    """Their token outlives query windows and the service; a window ends where there is no more."""
    raise_alerts(restartable.service, *"ABCAD")
    alerts, changes = (Poller(each, restartable.service, 2) for each in (ALERTS, CHANGES))
    seen = [[each["id"] for each in poller.window()] for poller in (alerts, changes)]
    asked = (alerts.requests, changes.requests)
    quiet = alerts.window()
    restartable.stop()
    with pytest.raises(httpx.HTTPError):
        alerts.window()
    service = restartable.restart()
    alerts.parameters["serviceUrl"] = changes.parameters["serviceUrl"] = service.url
    raise_alerts(service, "E", first=6)
    service.request("POST", "/v1/alerts/1/triage", Role.TRIAGE, json={"action": "acknowledge"})

    assert seen == [[1, 2, 3, 4], [1, 2, 3, 4, 5]]
    assert (asked, quiet) == ((3, 3), [])
    assert [each["id"] for each in alerts.window()] == [5]
    assert [(each["alert"], each["change"]) for each in changes.window()] == [
        (5, "opened"),
        (1, "acknowledged"),
    ]


def test_columns_of_the_streams_are_members_of_what_is_polled(service: Service) -> None:
    """Of the declared type, in alerts of both kinds, wherever they have a value at all."""
    enforcing(service)
    intrude(service, 60)
    raise_alerts(service, "Shell")
    for stream in (ALERTS, CHANGES):
        events = Poller(stream, service, 100).window()
        assert len(events) == 2
        for name, kind in STREAMS[stream].items():
            values = [each[name] for each in events if each[name] is not None]
            assert all(isinstance(value, TYPES[kind]) for value in values), name
            assert kind != "datetime" or all(datetime.fromisoformat(value) for value in values)
            assert values or name == "actor"


@pytest.mark.parametrize("stream", [ALERTS, CHANGES])
def test_a_transformation_reads_what_comes_and_gives_what_the_table_has(stream: str) -> None:
    """Every name that it reads is a column of the stream; it projects the table's columns in their order."""
    flow = FLOWS[stream]
    assignments = split(flow["transformKql"].removeprefix("source | project "))
    given = [name for name, _ in assignments]
    read = {
        name
        for _, expression in assignments
        for name in re.findall(
            r"(?<![.\w'])[a-z_]+(?![\w(])", re.sub(r"\['(\w+)'\]", r" \1 ", without_texts(expression))
        )
    } - {"or"}

    assert given == TABLES[flow["outputStream"].removeprefix("Custom-")]
    assert given[0] == "TimeGenerated"
    assert read <= set(STREAMS[stream])
    assert set(STREAMS[stream]) - read <= {"status"}


def without_texts(expression: str) -> str:
    """Leave out what is in quotes, but for names in brackets."""
    return re.sub(r"(?<!\[)'[^']*'", "", expression)


def split(project: str) -> list[tuple[str, str]]:
    """Return the assignments of a `project`."""
    depth, start, parts = 0, 0, []
    for at_, letter in enumerate(project + ","):
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and depth == 0:
            name, _, expression = project[start:at_].partition(" = ")
            parts.append((name.strip(), expression))
            start = at_ + 1
    return parts


def test_pollers_have_the_fields_of_their_reference_and_a_stream_each() -> None:
    """No other fields, so that a misspelt one is found; the rule sends each stream to a table there is."""
    pollers = of_type("/dataConnectors")
    streams = {each["properties"]["dcrConfig"]["streamName"] for each in pollers}

    assert streams == set(STREAMS) == set(FLOWS)
    assert {flow["outputStream"] for flow in FLOWS.values()} == {f"Custom-{name}" for name in TABLES}
    for each in pollers:
        properties = each["properties"]
        assert each["kind"] == "RestApiPoller"
        assert properties.keys() >= REQUIRED
        for section, fields in KNOWN.items():
            assert set(properties[section]) <= set(fields.split())
        assert 1 <= properties["request"]["retryCount"] <= 6
        assert 1 <= properties["request"]["timeoutInSeconds"] <= 180
        assert properties["paging"]["pageSize"] <= 1000


def test_the_token_is_a_secret_parameter_and_each_parameter_is_declared() -> None:
    """It stands nowhere in the template."""
    used = set(re.findall(r"parameters\('(\w+)'\)", json.dumps(TEMPLATE)))

    assert used == set(TEMPLATE["parameters"])
    assert TEMPLATE["parameters"]["token"]["type"] == "securestring"
    assert "defaultValue" not in TEMPLATE["parameters"]["token"]


def test_the_analytics_rule_names_columns_that_there_are() -> None:
    """In its query, what it overrides, its details and its entities."""
    (rule,) = of_type("/alertRules")
    properties = rule["properties"]
    columns = {*TABLES["NonselfAlerts_CL"], "Place"}
    override = properties["alertDetailsOverride"]
    named = (
        set(re.findall(r"\{\{(\w+)\}\}", json.dumps(override)))
        | {override["alertSeverityColumnName"]}
        | set(properties["customDetails"].values())
        | {field["columnName"] for each in properties["entityMappings"] for field in each["fieldMappings"]}
        | set(re.findall(r"\b[A-Z]\w+\b", properties["query"])) - {"NonselfAlerts_CL"}
    )
    severities = set(re.findall(r"'([A-Z]\w+)'", FLOWS[ALERTS]["transformKql"].split("Rule =")[0]))

    assert named <= columns
    assert severities == {"High", "Medium", "Low", "Informational"}
