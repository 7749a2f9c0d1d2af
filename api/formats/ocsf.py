"""An alert as a Detection Finding of the Open Cybersecurity Schema Framework.

Class 2004 and its `anomaly_analyses` as of 1.5.0, the first version that has them
(https://schema.ocsf.io/1.5.0/classes/detection_finding).
"""

from typing import Any, Final

from api.formats import facts
from api.formats.facts import Alert, Told, milliseconds
from api.vocabulary import AlertChange, AlertKind, AlertVerdict, Level, Triage

VERSION: Final = "1.5.0"
_CLASS: Final = 2004
_ACTIVITIES: Final = {1: "Create", 2: "Update", 3: "Close"}
_SEVERITIES: Final = {
    Level.INFORMATIONAL: (1, "Informational"),
    Level.LOW: (2, "Low"),
    Level.MEDIUM: (3, "Medium"),
    Level.HIGH: (4, "High"),
    Level.CRITICAL: (5, "Critical"),
}
_STATUSES: Final = {Triage.NEW: (1, "New"), Triage.ACKNOWLEDGED: (2, "In Progress")}
_SUPPRESSED: Final = (3, "Suppressed")
_RESOLVED: Final = (4, "Resolved")
_RULE: Final = {"type_id": 1, "type": "Rule"}
_LEARNED: Final = {"type_id": 4, "type": "Learning (ML/DL)"}
_MOST: Final = 5
_CLOSING: Final = frozenset({AlertChange.CLOSED, AlertChange.MARKED_BENIGN})
_VERDICTS: Final = {
    AlertVerdict.FALSE_POSITIVE: (1, "False Positive"),
    AlertVerdict.TRUE_POSITIVE: (2, "True Positive"),
    AlertVerdict.BENIGN: (5, "Benign"),
}


def render(alert: Alert, told: Told | None = None) -> dict[str, Any]:
    """Return an event of an alert: created, updated, or closed by a person.

    Args:
        alert: As it is now.
        told: What happened, of which the activity follows; without it, it follows from the alert.
    """
    activity = _activity(alert, told)
    severity, severity_name = _SEVERITIES[facts.level(alert)]
    status, status_name = _status(alert)
    verdict, verdict_name = _verdict(alert)
    return facts.filled(
        {
            "metadata": {
                "version": VERSION,
                "uid": f"{alert['id']}:{told.id if told else alert['updated_at']}",
                "sequence": told.id if told else None,
                "profiles": ["container", "incident"],
                "product": {"name": "nonself", "vendor_name": facts.VENDOR},
            },
            "category_uid": 2,
            "category_name": "Findings",
            "class_uid": _CLASS,
            "class_name": "Detection Finding",
            "activity_id": activity,
            "activity_name": _ACTIVITIES[activity],
            "type_uid": _CLASS * 100 + activity,
            "type_name": f"Detection Finding: {_ACTIVITIES[activity]}",
            "time": milliseconds(told.at if told else alert["updated_at"]),
            "start_time": milliseconds(alert["start"]),
            "end_time": milliseconds(alert["end"]),
            "count": alert["findings"],
            "severity_id": severity,
            "severity": severity_name,
            "status_id": status,
            "status": status_name,
            "verdict_id": verdict,
            "verdict": verdict_name,
            "assignee": {"name": alert["assignee"]},
            "comment": told.comment if told else None,
            "is_alert": not facts.is_closed(alert) and activity != 3,
            "message": facts.message(alert),
            "finding_info": _info(alert),
            "resources": [_resource(alert)],
            "evidences": _evidences(alert),
            "anomaly_analyses": _analyses(alert),
            "unmapped": {
                "nonself": {name: alert[name] for name in ("url", "p_value", "score", "suppression")}
                | ({"change": told.change.value, "actor": told.actor} if told else {})
            },
        }
    )


def _activity(alert: Alert, told: Told | None) -> int:
    if told is None:
        return 3 if facts.is_closed(alert) else 1 if alert["findings"] == alert["revision"] == 1 else 2
    if told.change in _CLOSING:
        return 3
    return 1 if told.change is AlertChange.OPENED else 2


def _status(alert: Alert) -> tuple[int, str]:
    if not facts.is_closed(alert):
        return _STATUSES[Triage(alert["triage"])]
    return _RESOLVED if alert["verdict"] == AlertVerdict.TRUE_POSITIVE.value else _SUPPRESSED


def _verdict(alert: Alert) -> tuple[int, str] | tuple[None, None]:
    return _VERDICTS[AlertVerdict(alert["verdict"])] if alert["verdict"] else (None, None)


def _info(alert: Alert) -> dict[str, Any]:
    ruled = alert["kind"] == AlertKind.SIGNATURE.value
    name = alert["rule"] if ruled else "Learned order of system calls"
    analytic = {"uid": f"nonself:{alert['rule'] or 'order'}", "name": name, "category": alert["kind"]}
    return {
        "uid": str(alert["id"]),
        "title": facts.title(alert),
        "desc": facts.message(alert),
        "types": [alert["kind"]],
        "created_time": milliseconds(alert["created_at"]),
        "modified_time": milliseconds(alert["updated_at"]),
        "first_seen_time": milliseconds(alert["start"]),
        "last_seen_time": milliseconds(alert["end"]),
        "related_events_count": alert["findings"],
        "analytic": analytic | (_RULE if ruled else _LEARNED),
        "attacks": _attacks(alert),
    }


def _attacks(alert: Alert) -> list[dict[str, Any]]:
    """Return techniques that the rule names; an order of calls alone supports none (ADR 0095)."""
    attack = (alert["match"] or {}).get("attack") or {}
    version = f"v{attack['version']}" if attack.get("version") else None
    split = [facts.split_technique(each) for each in alert["techniques"]]
    return [
        facts.filled({"version": version, "technique": {"uid": parent}, "sub_technique": {"uid": sub}})
        for parent, sub in split
    ]


def _resource(alert: Alert) -> dict[str, Any]:
    workload = alert["workload"]
    return facts.filled(
        {
            "uid": str(workload["id"]),
            "name": facts.place(alert),
            "type": workload["kind"],
            "namespace": workload["namespace"],
            "group": {"name": workload["cluster"]},
            "hostname": (alert["match"] or {}).get("node"),
        }
    )


def _evidences(alert: Alert) -> list[dict[str, Any]]:
    match = alert["match"]
    if match is None:
        return []
    container = match["container"] or {}
    lineage = [
        {"pid": each["pid"], "name": each["name"], "path": each["exe"], "cmd_line": each["cmdline"]}
        for each in match["ancestors"] or []  # none are left of a match that is not kept whole
    ]
    process: dict[str, Any] = {}
    for each in reversed(lineage):
        process = facts.filled(each | {"parent_process": process})
    found = {
        "process": process,
        "container": {
            "uid": container.get("id"),
            "name": container.get("name"),
            "image": {"name": container.get("image"), "uid": container.get("image_digest")},
            "runtime": container.get("runtime"),
        },
        "data": match["output_fields"],
    }
    evidence = facts.filled(found)
    return [evidence] if evidence else []


def _analyses(alert: Alert) -> list[dict[str, Any]]:
    if alert["kind"] != AlertKind.ANOMALY.value:
        return []
    span = {"start_time": milliseconds(alert["start"]), "end_time": milliseconds(alert["end"])}
    carried = [each for each in alert["contributions"] if each["syscalls"]][:_MOST]
    known = [each for each in carried if each["nearest"]]
    return [
        facts.filled(
            {
                "analysis_target": {"name": facts.place(alert), "type": "workload"},
                "anomalies": [
                    {
                        "observation_parameter": "order of system calls",
                        "observation_type": "Sequence Analysis",
                        "observed_pattern": "RARE" if each["baseline_count"] else "UNSEEN",
                        "observations": [
                            {"value": _calls(each["syscalls"]), "count": each["count"], "timespan": span}
                        ],
                    }
                    for each in carried
                ]
                or [
                    {
                        "observation_parameter": "window",
                        "observation_type": "Deviation Analysis",
                        "observations": [{"value": facts.message(alert), "timespan": span}],
                    }
                ],
                "baselines": [
                    {
                        "observation_parameter": "order of system calls",
                        "observation_type": "Sequence Analysis",
                        "observed_pattern": "FREQUENT",
                        "observations": [{"value": _calls(each["nearest"])}],
                    }
                    for each in known
                ],
            }
        )
    ]


def _calls(names: list[str]) -> str:
    return " → ".join(names)
