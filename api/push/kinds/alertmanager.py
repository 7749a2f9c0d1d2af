"""Prometheus Alertmanager, API v2: what is open fires, and is resolved by its end."""

import json
from collections.abc import Mapping
from typing import Any, Final

from api.clock import to_datetime
from api.push.events import TEST, Event, name_of
from api.push.filters import level_of, techniques_of
from api.push.http import Http
from api.push.kinds.base import RESEND_S, Message, bearer
from api.push.outcome import DELIVERED, Outcome, Verdict
from api.push.seal import Secrets
from api.push.still_open import Open
from api.push.trouble_events import OPENED, is_trouble, name_of as name_of_trouble
from api.vocabulary import AlertStatus

PATH: Final = "/api/v2/alerts"
_FIRES_MS: Final = round(RESEND_S * 1000) * 5
"""An alert that is not sent again for so long resolves by itself: the service is gone, or its way is cut."""
_AT_ONCE: Final = 100


class Alertmanager:
    """Posts alerts with labels that stay the same while the alert is open."""

    resend_s: float | None = RESEND_S

    def __init__(self, http: Http) -> None:
        self._http = http

    def send(self, message: Message) -> Outcome:
        return self._post([entry_of(message.event, message.now_ms)], message.secrets, message.now_ms)

    def resend(self, told: Open, secrets: Secrets, now_ms: int) -> Outcome:
        entries = [entry(each, now_ms) for each in told.alerts]
        entries += [trouble_entry(each, now_ms, fires=True) for each in told.troubles]
        for first in range(0, len(entries), _AT_ONCE):
            outcome = self._post(entries[first : first + _AT_ONCE], secrets, now_ms)
            if outcome.verdict is not Verdict.DELIVERED:
                return outcome
        return DELIVERED

    def close(self) -> None:
        """Let go of nothing: each message has a connection of its own."""

    def _post(self, entries: list[dict[str, Any]], secrets: Secrets, now_ms: int) -> Outcome:
        url = secrets.address.rstrip("/")
        if not url.endswith(PATH):
            url += PATH
        headers = {"Content-Type": "application/json", **bearer(secrets)}
        return self._http.post(url, json.dumps(entries).encode(), headers, now_ms=now_ms).outcome


def entry_of(event: Event, now_ms: int) -> dict[str, Any]:
    """Return what Alertmanager is told by an event."""
    if event["type"] == TEST:
        labels = {"alertname": "nonself test", "severity": "informational"}
        ends = to_datetime(now_ms + _FIRES_MS).isoformat()
        note = {"summary": event["data"]["message"]}
        return {"labels": labels, "annotations": note, "startsAt": event["timestamp"], "endsAt": ends}
    if is_trouble(event):
        return trouble_entry(event["data"]["trouble"], now_ms, fires=event["type"] == OPENED)
    return entry(event["data"]["alert"], now_ms)


def trouble_entry(trouble: Mapping[str, Any], now_ms: int, *, fires: bool) -> dict[str, Any]:
    """Return a trouble of nonself itself for Alertmanager; its labels are the same each time it opens."""
    labels = {
        "alertname": "nonself trouble",
        "severity": trouble["level"],
        "kind": "trouble",
        "trouble": trouble["kind"],
        "subject": trouble["subject"],
        "cluster": trouble["cluster"],
    }
    notes = {
        "summary": name_of_trouble(trouble),
        "description": trouble["said"],
        "trouble": str(trouble["id"]),
    }
    return {
        "labels": {name: value for name, value in labels.items() if value},
        "annotations": notes,
        "startsAt": trouble["opened_at"],
        "endsAt": to_datetime(now_ms + _FIRES_MS if fires else now_ms).isoformat(),
    }


def entry(alert: Mapping[str, Any], now_ms: int) -> dict[str, Any]:
    """Return an alert for Alertmanager.

    The labels are the workload and the cause, and never a pod or a number: Alertmanager knows an alert by
    them, groups, routes and silences it.
    """
    workload = alert["workload"]
    labels = {
        "alertname": alert["rule"] or "nonself anomaly",
        "severity": level_of(alert).value,
        "kind": alert["kind"],
        "cluster": workload["cluster"],
        "namespace": workload["namespace"],
        "workload": workload["name"],
        "container": workload["container"],
    }
    match = alert["match"] or {}
    notes = {
        "summary": f"{alert['rule'] or 'anomaly'} in {name_of(alert)}",
        "description": match.get("output") or "",
        "alert": str(alert["id"]),
        "findings": str(alert["findings"]),
        "p_value": "" if alert["p_value"] is None else f"{alert['p_value']:.3g}",
        "techniques": ",".join(techniques_of(alert)),
    }
    fires = alert["status"] == AlertStatus.OPEN.value
    # Not the end of its last window: Alertmanager forgets an end that is long past without telling anybody.
    ends = to_datetime(now_ms + _FIRES_MS if fires else now_ms)
    return {
        # Empty labels are the same as none.
        "labels": {name: value for name, value in labels.items() if value},
        "annotations": {name: value for name, value in notes.items() if value},
        "startsAt": alert["start"],
        "endsAt": ends.isoformat(),
    }
