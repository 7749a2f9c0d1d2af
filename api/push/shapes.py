"""Gives an event in the format of its channel. Pure."""

from typing import Any

from api.formats import ecs, ocsf
from api.push.events import Event
from api.push.words import Shape


def shaped(event: Event, shape: Shape) -> dict[str, Any]:
    """Return an event in a format; what is no single alert (a digest, a test) keeps its own form."""
    match shape:
        case Shape.NONSELF:
            return event
        case Shape.OCSF | Shape.ECS if "alert" in event["data"]:
            render = ocsf.render if shape is Shape.OCSF else ecs.render
            return render(event["data"]["alert"])
        case _:
            return event
