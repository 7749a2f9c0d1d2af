"""An alert in the Elastic Common Schema, with the names that Elastic's own rules give.

Fields as of ECS 8.17 (https://www.elastic.co/guide/en/ecs/8.17/); what has no name there is under `nonself`.
"""

from typing import Any, Final

from api.formats import facts
from api.formats.facts import Alert
from api.vocabulary import AlertKind, Level

VERSION: Final = "8.17.0"
_SEVERITIES: Final = {
    Level.INFORMATIONAL: 0,
    Level.LOW: 21,
    Level.MEDIUM: 47,
    Level.HIGH: 73,
    Level.CRITICAL: 99,
}
"""Numbers that Elastic's detection engine gives to these words."""


def render(alert: Alert) -> dict[str, Any]:
    """Return an alert as it is now; its id stays, so that a later one replaces it."""
    match = alert["match"] or {}
    container, workload = match.get("container") or {}, alert["workload"]
    signature = alert["kind"] == AlertKind.SIGNATURE.value
    severity = _SEVERITIES[facts.level(alert)]
    return facts.filled(
        {
            "@timestamp": alert["end"],
            "ecs": {"version": VERSION},
            "message": facts.message(alert),
            "event": {
                "kind": "alert",
                "category": ["intrusion_detection"],
                "type": ["info"],
                "module": "nonself",
                "dataset": "nonself.alert",
                "provider": "nonself",
                "id": str(alert["id"]),
                "created": alert["created_at"],
                "start": alert["start"],
                "end": alert["end"],
                "severity": severity,
                "risk_score": float(severity),
                "reason": facts.title(alert),
                "url": alert["url"],
            },
            "rule": {
                "name": alert["rule"] if signature else "Unusual order of system calls",
                "category": alert["kind"],
                "ruleset": match.get("ruleset") if signature else None,
            },
            "threat": {
                "framework": "MITRE ATT&CK" if alert["techniques"] else None,
                "technique": {"id": list(alert["techniques"])},
            },
            "host": {"name": match.get("node")},
            "container": {
                "id": container.get("id"),
                "name": container.get("name") or workload["container"],
                "runtime": container.get("runtime"),
                "image": {"name": container.get("image"), "hash": {"all": _digests(container)}},
            },
            "orchestrator": {
                "cluster": {"name": workload["cluster"]},
                "namespace": workload["namespace"],
                "resource": {"name": container.get("pod") or workload["name"], "type": workload["kind"]},
            },
            "process": _process(match.get("ancestors") or []),
            "tags": sorted(match.get("tags") or []),
            "nonself": {
                "alert": {
                    name: alert[name]
                    for name in ("status", "triage", "verdict", "assignee", "findings", "p_value", "score")
                },
                "level": facts.level(alert).value,
                "workload": facts.place(alert),
                "syscalls": [" ".join(each["syscalls"]) for each in alert["contributions"][:5]],
            },
        }
    )


def _digests(container: dict[str, Any]) -> list[str]:
    return [container["image_digest"]] if container.get("image_digest") else []


def _process(ancestors: list[dict[str, Any]]) -> dict[str, Any]:
    shown = [
        {
            "pid": each["pid"],
            "name": each["name"],
            "executable": each["exe"],
            "command_line": each["cmdline"],
        }
        for each in ancestors[:2]
    ]
    if not shown:
        return {}
    # ECS has one generation of parents.
    return shown[0] | ({"parent": shown[1]} if len(shown) > 1 else {})
