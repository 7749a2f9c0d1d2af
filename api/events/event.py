"""One event as all streams share it: rendered once, sent to whoever wants it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi.sse import format_sse_event

from api.events.position import Topic


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An entry of a sequence."""

    topic: Topic
    id: int
    """Of its row; grows in the order of commits (ADR 0015)."""
    recorded_at: int
    """Unix milliseconds."""
    workload: int
    namespace: str
    cluster: str
    facts: Mapping[str, Any]
    """The JSON that is sent."""
    text: bytes
    """The fields `event` and `data`; the id is that of the stream."""

    def numbered(self, position: str) -> bytes:
        r"""Return the event as it is sent.

        Examples:
            >>> event = Event(topic=Topic.SCORES, id=7, recorded_at=0, workload=1, namespace="", cluster="",
            ...     facts={}, text=render("score", {"id": 7}))
            >>> event.numbered("s7")
            b'event: score\ndata: {"id":7}\nid: s7\n\n'
        """
        return self.text + f"id: {position}\n\n".encode()


def render(name: str, data: Mapping[str, Any]) -> bytes:
    """Return the lines `event` and `data`, without the end of the event."""
    return format_sse_event(event=name, data_str=json.dumps(data, separators=(",", ":")))[:-1]
