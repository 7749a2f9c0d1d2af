"""What a message says of a trouble of nonself itself that opened or closed. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from api.vocabulary import TroubleChange

OPENED: Final = f"trouble.{TroubleChange.OPENED.value}"
CLOSED: Final = f"trouble.{TroubleChange.CLOSED.value}"


def of_change(change: Mapping[str, Any]) -> dict[str, Any]:
    """Return the event of a change, as `GET /v1/troubles/changes` lists it."""
    return {
        "type": f"trouble.{change['change']}",
        "timestamp": change["at"],
        "data": {
            "change": {"id": change["id"], "change": change["change"]},
            "trouble": dict(change["trouble"]),
        },
    }


def is_trouble(event: Mapping[str, Any]) -> bool:
    """Tell whether an event is about a trouble, and not about an alert."""
    return event["type"] in {OPENED, CLOSED}


def title(event: Mapping[str, Any]) -> str:
    """Return one line for people."""
    trouble = event["data"]["trouble"]
    where = f" of {trouble['cluster']}" if trouble["cluster"] else ""
    return f"nonself{where} {trouble['level']}: {name_of(trouble)} ({event['data']['change']['change']})"


def text(event: Mapping[str, Any]) -> str:
    """Return some lines for people."""
    trouble = event["data"]["trouble"]
    if event["type"] == CLOSED:
        over = f"This is over since {trouble['closed_at']}"
        return f"{over}. It began at {trouble['opened_at']}: {trouble['said']}"
    since = f"Since {trouble['opened_at']}"
    return f"{trouble['said']}\n{since}. This is about nonself itself, not about a workload."


def name_of(trouble: Mapping[str, Any]) -> str:
    """Return what is in trouble, and how.

    Examples:
        >>> name_of({"kind": "node_silent", "subject": "worker-1"})
        'trouble node_silent of worker-1'
    """
    return f"trouble {trouble['kind']} of {trouble['subject']}"
