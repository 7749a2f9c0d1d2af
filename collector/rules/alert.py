"""A match as Falco prints it: one JSON object, or one line for people."""

import json
from typing import Any

from collector.rules.fields.events import iso_time
from wire.match import SignatureMatch


def to_falco(match: SignatureMatch) -> dict[str, Any]:
    """Return the object that falcosidekick and its like read; texts are text, missing values null."""
    return {
        "hostname": match.node,
        "output": as_line(match),
        "output_fields": {**match.output_fields, "evt.time": match.time},
        "priority": match.priority.value,
        "rule": match.rule,
        "source": match.source,
        "tags": list(match.tags),
        "time": iso_time(match.time),
    }


def as_json(match: SignatureMatch) -> str:
    """Return the object on one line."""
    return json.dumps(to_falco(match), separators=(",", ":"))


def as_line(match: SignatureMatch) -> str:
    """Return time, priority and text."""
    clock = iso_time(match.time)[11:-1]
    return f"{clock}: {match.priority.value} {match.output}"
