"""OpenTelemetry: alerts as log records, over OTLP/HTTP in JSON."""

import json
from collections.abc import Mapping
from datetime import datetime
from importlib.metadata import version
from typing import Any, Final

from api.push.events import DIGEST, TEST, Event, level_of_event, text, title
from api.push.filters import techniques_of
from api.push.http import Http
from api.push.kinds.base import Message, OneWay, bearer
from api.push.outcome import Outcome, Verdict
from api.push.shapes import shaped
from api.push.trouble_events import is_trouble
from api.vocabulary import Level

PATH: Final = "/v1/logs"
_SEVERITY: Final = {
    Level.INFORMATIONAL: 9,
    Level.LOW: 10,
    Level.MEDIUM: 13,
    Level.HIGH: 17,
    Level.CRITICAL: 21,
}
"""SeverityNumber: INFO, INFO2, WARN, ERROR, FATAL."""


class Otlp(OneWay):
    """Posts each message as one log record of the workload, or of nonself itself, that it is about."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def send(self, message: Message) -> Outcome:
        url = message.secrets.address.rstrip("/")
        if not url.endswith(PATH):
            url += PATH
        headers = {"Content-Type": "application/json", **bearer(message.secrets)}
        body = json.dumps(request(message)).encode()
        answer = self._http.post(url, body, headers, now_ms=message.now_ms)
        if answer.outcome.verdict is Verdict.DELIVERED and (why := _rejected(answer.body)):
            return Outcome(Verdict.REFUSED, why)
        return answer.outcome


def request(message: Message) -> dict[str, Any]:
    """Return the body of an ExportLogsServiceRequest."""
    event = message.event
    level = level_of_event(event)
    record = {
        "timeUnixNano": _nanoseconds(event["timestamp"]),
        "observedTimeUnixNano": str(message.now_ms * 1_000_000),
        "severityNumber": _SEVERITY[level],
        "severityText": level.value,
        "eventName": event["type"],
        "body": {"stringValue": f"{title(event)}\n{text(event)}"},
        "attributes": _attributes(
            {
                "nonself.message.id": message.id,
                "nonself.event": json.dumps(shaped(event, message.shape), separators=(",", ":")),
                **_of_alert(event),
            }
        ),
    }
    scope = {"name": "nonself", "version": version("nonself")}
    return {
        "resourceLogs": [
            {
                "resource": {"attributes": _attributes(_resource(event))},
                "scopeLogs": [{"scope": scope, "logRecords": [record]}],
            }
        ]
    }


def _of_alert(event: Event) -> dict[str, str]:
    if event["type"] in {DIGEST, TEST}:
        return {}
    if is_trouble(event):
        trouble = event["data"]["trouble"]
        return {
            "nonself.trouble.id": str(trouble["id"]),
            "nonself.trouble.kind": trouble["kind"],
            "nonself.trouble.subject": trouble["subject"],
        }
    alert = event["data"]["alert"]
    return {
        "nonself.alert.id": str(alert["id"]),
        "nonself.alert.kind": alert["kind"],
        "nonself.alert.status": alert["status"],
        "nonself.alert.findings": str(alert["findings"]),
        "security_rule.name": alert["rule"] or "",
        "threat.technique.id": ",".join(techniques_of(alert)),
    }


def _resource(event: Event) -> dict[str, str]:
    if event["type"] in {DIGEST, TEST}:
        return {"service.name": "nonself"}
    if is_trouble(event):
        return {"service.name": "nonself", "k8s.cluster.name": event["data"]["trouble"]["cluster"]}
    alert = event["data"]["alert"]
    workload = alert["workload"]
    container = (alert["match"] or {}).get("container") or {}
    kind = workload["kind"].lower()
    owner = {f"k8s.{kind}.name": workload["name"]} if workload["namespace"] else {}
    return {
        "service.name": "nonself",
        "k8s.cluster.name": workload["cluster"],
        "k8s.namespace.name": workload["namespace"],
        "k8s.container.name": workload["container"] if workload["namespace"] else "",
        "k8s.pod.name": container.get("pod", ""),
        "container.id": container.get("id", ""),
        "container.image.name": container.get("image", ""),
        "nonself.workload": workload["name"],
        **owner,
    }


def _attributes(values: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"key": name, "value": {"stringValue": value}} for name, value in values.items() if value]


def _nanoseconds(timestamp: str) -> str:
    # 64-bit integers are text in the JSON of protobuf.
    return str(round(datetime.fromisoformat(timestamp).timestamp() * 1000) * 1_000_000)


def _rejected(body: bytes) -> str:
    try:
        said = json.loads(body or b"{}")
        partial = said.get("partialSuccess") or {}
        rejected = int(partial.get("rejectedLogRecords") or 0)
    except (ValueError, AttributeError, TypeError):
        return ""  # taken, by a receiver that answers in another form
    return f"it rejected the record: {partial.get('errorMessage', '')}" if rejected else ""
