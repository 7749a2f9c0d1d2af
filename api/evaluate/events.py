"""Reads what was done to recorded containers when: one JSON object a line (docs/recordings.md)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from api.errors import DataError

INTRUSION: Final = "intrusion"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that was done; times are Unix time in milliseconds."""

    start: int
    end: int
    kind: str
    name: str
    namespace: str
    pod: str
    pod_uid: str = ""
    delivery: str = ""
    tactic: str = ""
    ok: bool = True

    def happened_in(self, *, namespace: str, pod: str, pod_uid: str) -> bool:
        """Tell whether it was done in this pod; where the event has the pod's uid, only that counts."""
        if self.pod_uid:
            return self.pod_uid == pod_uid
        return (self.namespace, self.pod) == (namespace, pod)


_TIMES: Final = ("start", "end")
_NEEDED: Final = ("kind", "name", "namespace", "pod")
_OPTIONAL: Final = ("pod_uid", "delivery", "tactic")


def read_events(path: Path) -> Sequence[Event]:
    """Return the events of a file in order of their start.

    Raises:
        DataError: A line is not what the format says; the message names it.
        OSError: The file cannot be read.
    """
    lines = path.read_text(errors="replace").splitlines()
    events = [_event(path, number, line) for number, line in enumerate(lines, 1) if line.strip()]
    return sorted(events, key=lambda each: each.start)


def _event(path: Path, number: int, line: str) -> Event:
    try:
        plain: dict[str, Any] = dict(json.loads(line))
        times = {name: int(plain[name]) for name in _TIMES}
        texts = {name: str(plain[name]) for name in _NEEDED}
    except (ValueError, TypeError, KeyError) as error:
        needed = ", ".join((*_TIMES, *_NEEDED))
        msg = f"{path}, line {number}: expected an object with {needed}; got {line[:60]!r}."
        raise DataError(msg) from error
    more: dict[str, Any] = {name: str(plain[name]) for name in _OPTIONAL if name in plain}
    fields: dict[str, Any] = {**times, **texts, **more, "ok": bool(plain.get("ok", True))}
    return Event(**fields)
