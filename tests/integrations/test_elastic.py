"""The configuration for Elastic: Filebeat's program evaluated against a real service, its events indexed."""

import json
import re
from pathlib import Path
from typing import Any

import yaml

from api.tokens.service import Role
from tests.contract.test_rest_read import enforcing, intrude
from tests.hooks import raise_alerts
from tests.integrations.conftest import Restartable
from tests.mito import evaluate
from tests.service import Service

FOLDER = Path(__file__).parents[2] / "docs" / "integrations" / "elastic"
FILEBEAT: dict[str, Any] = yaml.safe_load((FOLDER / "filebeat.yml").read_text())
(INPUT,) = FILEBEAT["filebeat.inputs"]
PIPELINE: dict[str, Any] = json.loads((FOLDER / "ingest-pipeline.json").read_text())


class Filebeat:
    """Runs the program as the reference says: again while it wants more, and with its cursor kept."""

    def __init__(self, service: Service, page: int = 500) -> None:
        self.environment = {"NONSELF_URL": service.url, "NONSELF_TOKEN": service.secrets[Role.READ]}
        self.page = page
        self.cursor: dict[str, Any] | None = None
        self.runs = 0

    def interval(self, *, published: bool = True) -> list[dict[str, Any]]:
        """Return the events of one interval; where they are not published, their cursor is not kept."""
        state = {name: self._filled(value) for name, value in INPUT["state"].items()}
        state |= {"url": self._filled(INPUT["resource.url"]), "page": float(self.page)}
        if self.cursor is not None:
            state["cursor"] = self.cursor
        events: list[dict[str, Any]] = []
        while True:
            state = evaluate(INPUT["program"], state)
            self.runs += 1
            found = state.pop("events")
            if isinstance(found, dict):
                return [*events, found]
            events += found
            if published:
                self.cursor = state["cursor"]
            if not (state["want_more"] and found):
                return events

    def _filled(self, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return re.sub(r"\$\{(\w+)\}", lambda found: self.environment[found[1]], value)


def index(event: dict[str, Any]) -> dict[str, Any]:
    """Put an event through the processors of the pipeline."""
    document = dict(event)
    for processor in PIPELINE["processors"]:
        ((kind, options),) = processor.items()
        if "if" in options and not holds(options["if"], document):
            continue
        field = options["field"]
        if kind == "rename":
            document[options["target_field"]] = document.pop(field)
        elif kind == "json":
            assert (options["add_to_root"], options["add_to_root_conflict_strategy"]) == (True, "replace")
            document |= json.loads(document[field])
        elif kind == "remove":
            assert field in document or options["ignore_missing"]
            document.pop(field, None)
        elif kind == "set" and "copy_from" in options:
            assert (field, options["copy_from"]) == ("event.ingested", "_ingest.timestamp")
        else:
            assert kind == "set"
            document[field] = filled(options["value"], document)
    return document


def filled(template: str, document: dict[str, Any]) -> str:
    """Return a template with the fields that it names."""
    return re.sub(r"\{\{\{([\w.]+)\}\}\}", lambda found: str(at(document, found[1])), template)


def holds(condition: str, document: dict[str, Any]) -> bool:
    """Tell whether a condition of the two forms that the pipeline has is true."""
    found = re.fullmatch(r"ctx\.([\w.?]+) (!=|==) (null|'\w+')", condition)
    assert found is not None
    value = None if found[3] == "null" else found[3].strip("'")
    return (at(document, found[1].replace("?", "")) == value) == (found[2] == "==")


def at(document: dict[str, Any], path: str) -> Any:
    """Return the field at a path."""
    value: Any = document
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def ids(events: list[dict[str, Any]]) -> list[str]:
    """Return the ids under which events are indexed."""
    return [index(each)["_id"] for each in events]


def test_each_alert_becomes_a_document_once_past_a_restart(restartable: Restartable) -> None:
    """Pages follow one another while there is more; the cursor outlives both sides."""
    raise_alerts(restartable.service, *"ABC")
    filebeat = Filebeat(restartable.service, page=2)
    first, runs, nothing = ids(filebeat.interval()), filebeat.runs, filebeat.interval()
    service = restartable.restart()
    filebeat.environment["NONSELF_URL"] = service.url
    raise_alerts(service, "D", first=4)
    last = filebeat.interval()

    assert (first, runs, nothing) == (["nonself-1", "nonself-2", "nonself-3"], 2, [])
    assert ids(last) == ["nonself-4"]


def test_what_was_not_published_is_read_again_under_the_same_id(service: Service) -> None:
    """At least once, and once in the index."""
    raise_alerts(service, "A", "B")
    filebeat = Filebeat(service)
    lost = ids(filebeat.interval(published=False))

    assert lost == ids(filebeat.interval()) == ["nonself-1", "nonself-2"]


def test_a_document_is_the_alert_in_ecs(service: Service) -> None:
    """Nothing of the way there is left in it, for alerts of either kind."""
    enforcing(service)
    intrude(service, 60)
    raise_alerts(service, "Shell")
    documents = [index(each) for each in Filebeat(service).interval()]
    expected = service.get("/v1/alerts", format="ecs").json()["items"]

    assert [each.pop("_id") for each in documents] == ["nonself-1", "nonself-2"]
    assert documents == expected
    assert {each["rule"]["category"] for each in documents} == {"anomaly", "signature"}


def test_a_refusal_is_an_event_that_tells_of_it(service: Service) -> None:
    """The cursor stays, nothing more is asked for, and the pipeline lets it pass."""
    filebeat = Filebeat(service)
    filebeat.environment["NONSELF_TOKEN"] = "wrong"
    (event,) = filebeat.interval()

    assert index(event)["error"]["code"] == "401"
    assert "/problems/" in event["error"]["message"]
    assert filebeat.cursor is None


def test_the_input_names_the_pipeline_and_hides_the_token() -> None:
    """In logs of its state; the data stream has the three parts that its name needs."""
    assert INPUT["redact.fields"] == ["token"]
    assert INPUT["pipeline"] == "nonself-alerts"
    assert re.fullmatch(r"logs-[a-z.]+-[a-z]+", INPUT["index"])
    assert "nonself-alerts" in (FOLDER / "README.md").read_text()
