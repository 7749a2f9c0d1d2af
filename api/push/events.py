"""What a message says: one thing that happened to an alert, or a digest of several. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from api.clock import to_datetime
from api.push import trouble_events
from api.push.filters import level_of
from api.vocabulary import Level

DIGEST: Final = "alert.digest"
TEST: Final = "channel.test"
Event = dict[str, Any]
"""`type`, `timestamp` and `data`, as Standard Webhooks recommends."""

_MOST_LINES: Final = 20
_LEVELS: Final = list(Level)


def of_change(
    change_id: int,
    change: str,
    *,
    created_at: int,
    actor: str | None,
    detail: Mapping[str, Any],
    alert: Mapping[str, Any],
) -> Event:
    """Return the event of one change; `alert` is as REST lists it."""
    told = {"id": change_id, "change": change, "actor": actor, "detail": dict(detail)}
    return {
        "type": f"alert.{change}",
        "timestamp": to_datetime(created_at).isoformat(),
        "data": {"change": told, "alert": dict(alert)},
    }


def of_test(channel: str, *, now_ms: int, actor: str) -> Event:
    """Return the event that a person sends to see whether a channel works."""
    return {
        "type": TEST,
        "timestamp": to_datetime(now_ms).isoformat(),
        "data": {
            "channel": channel,
            "actor": actor,
            "message": "This is a test of nonself; no alert is meant.",
        },
    }


def digest(events: Sequence[Event], *, now_ms: int, most: int) -> Event:
    """Return one event for several that were held back.

    Args:
        events: In the order in which they happened.
        now_ms: The time of the digest.
        most: Of each alert and each trouble the newest is given, the worst first; no more than these.
    """
    newest = {_subject(event): event for event in events}
    ranked = sorted(newest.values(), key=lambda event: -_LEVELS.index(level_of_event(event)))
    troubles = [event for event in ranked if trouble_events.is_trouble(event)]
    alerts = [event for event in ranked if not trouble_events.is_trouble(event)]
    made: Event = {
        "type": DIGEST,
        "timestamp": to_datetime(now_ms).isoformat(),
        "data": {
            "held": len(events),
            "alerts": len(alerts),
            "since": events[0]["timestamp"],
            "items": [{"type": event["type"], **event["data"]} for event in alerts[:most]],
        },
    }
    if troubles:
        made["data"] |= {
            "troubles": len(troubles),
            "trouble_items": [{"type": event["type"], **event["data"]} for event in troubles[:most]],
        }
    return made


def level_of_event(event: Event) -> Level:
    """Return how bad it is: of a digest, its worst alert."""
    data = event["data"]
    if event["type"] == DIGEST:
        levels = [level_of(each["alert"]) for each in data["items"]]
        levels += [Level(each["trouble"]["level"]) for each in data.get("trouble_items", ())]
        return max(levels, key=_LEVELS.index)
    if trouble_events.is_trouble(event):
        return Level(data["trouble"]["level"])
    return level_of(data["alert"]) if "alert" in data else Level.INFORMATIONAL


def title(event: Event) -> str:
    """Return one line for people."""
    data = event["data"]
    match event["type"]:
        case "channel.test":
            return f"nonself: test of channel {data['channel']}"
        case "alert.digest":
            about = [f"{data['alerts']} alerts"] if data["alerts"] else []
            about += [f"{data['troubles']} troubles of nonself itself"] if "troubles" in data else []
            return f"nonself: {data['held']} changes of {' and '.join(about)} were held back"
        case trouble_events.OPENED | trouble_events.CLOSED:
            return trouble_events.title(event)
        case _:
            alert = data["alert"]
            what, verb = _what(alert), _verb(event["type"])
            return f"nonself {level_of(alert).value}: {what} in {name_of(alert)} ({verb})"


def text(event: Event) -> str:
    """Return some lines for people, without markup."""
    data = event["data"]
    if event["type"] == TEST:
        return str(data["message"])
    if trouble_events.is_trouble(event):
        return trouble_events.text(event)
    if event["type"] == DIGEST:
        shown = data["items"][:_MOST_LINES]
        lines = [
            f"alert {each['alert']['id']}, {level_of(each['alert']).value}, {_verb(each['type'])}: "
            f"{_what(each['alert'])} in {name_of(each['alert'])}"
            for each in shown
        ]
        if (rest := data["alerts"] - len(shown)) > 0:
            lines.append(f"and {rest} more alerts; GET /v1/alerts has all of them")
        told = data.get("trouble_items", ())[:_MOST_LINES]
        lines += [
            f"{trouble_events.name_of(each['trouble'])}, {each['trouble']['level']}, "
            f"{each['change']['change']}: {each['trouble']['said']}"
            for each in told
        ]
        if (rest := data.get("troubles", 0) - len(told)) > 0:
            lines.append(f"and {rest} more troubles; GET /v1/troubles has all of them")
        return "\n".join(lines)
    return "\n".join(_lines(event))


def name_of(alert: Mapping[str, Any]) -> str:
    """Return the name of an alert's workload."""
    workload = alert["workload"]
    parts = (workload["namespace"], workload["name"], workload["container"])
    return "/".join(dict.fromkeys(each for each in parts if each))


def _subject(event: Event) -> tuple[str, int]:
    about = "trouble" if trouble_events.is_trouble(event) else "alert"
    return about, event["data"][about]["id"]


def _lines(event: Event) -> list[str]:
    alert, change = event["data"]["alert"], event["data"]["change"]
    grown = f"{alert['findings']} findings from {alert['start']} to {alert['end']}"
    lines = [f"Alert {alert['id']}, {alert['status']}, {grown}"]
    if alert["match"] and alert["match"]["output"]:
        lines.append(alert["match"]["output"])
    if alert["p_value"] is not None:
        lines.append(f"p-value {alert['p_value']:.2g}, {alert['score']:.1f} bits")
    if alert["contributions"]:
        lines.append("Strangest: " + " → ".join(alert["contributions"][0]["syscalls"]))
    if change["actor"]:
        lines.append(f"By {change['actor']}")
    return lines


def _what(alert: Mapping[str, Any]) -> str:
    return alert["rule"] or "anomaly"


def _verb(type_: str) -> str:
    return type_.removeprefix("alert.").replace("_", " ")
