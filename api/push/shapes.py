"""Gives an event in the format of its channel. Pure."""

import json
from typing import Any

from api.formats import cef, ecs, ocsf
from api.formats.facts import Told
from api.push.events import Event
from api.push.trouble_events import is_trouble
from api.push.words import Shape
from api.vocabulary import AlertChange


def shaped(event: Event, shape: Shape) -> dict[str, Any]:
    """Return an event in a format; what is no single alert (a trouble, a digest, a test) keeps its own."""
    if "alert" not in event["data"]:
        return event
    match shape:
        case Shape.OCSF:
            return ocsf.render(event["data"]["alert"], _told(event))
        case Shape.ECS:
            return ecs.render(event["data"]["alert"], _told(event))
        case Shape.NONSELF | Shape.CEF:
            return event


def as_text(event: Event, shape: Shape) -> str:
    """Return an event as one line: of CEF, where the channel wants that, or of JSON in ASCII."""
    if shape is Shape.CEF and "alert" in event["data"]:
        return cef.render(event["data"]["alert"], _told(event))
    if shape is Shape.CEF and is_trouble(event):
        return cef.render_trouble(event["data"]["trouble"], event["data"]["change"]["change"])
    return json.dumps(shaped(event, shape), separators=(",", ":"))


def _told(event: Event) -> Told:
    change = event["data"]["change"]
    detail = change["detail"]
    return Told(
        id=change["id"],
        change=AlertChange(change["change"]),
        at=event["timestamp"],
        actor=change["actor"],
        comment=detail.get("comment") or detail.get("reason"),
    )
