"""A match in the shape of a Falco alert, as falcosidekick and the pipelines of SOCs read it. Pure."""

import json
from datetime import UTC, datetime
from typing import Any

from wire.match import SignatureMatch

_TEXTS = ("k8s.ns.name", "k8s.pod.name")
"""Fields that falcosidekick casts to text without a look: anything else ends its request."""


def to_falco(match: SignatureMatch) -> dict[str, Any]:
    """Return the JSON object of Falco's `json_output`; the `uuid` is left to who forwards it.

    Examples:
        >>> from wire.match import Priority
        >>> match = SignatureMatch(node="n", boot_id="b", time=1_790_000_003_123_456_789, sequence=1,
        ...     rule="Shell", priority=Priority.NOTICE, output="A shell (user=root)", ruleset="")
        >>> alert = to_falco(match)
        >>> alert["time"], alert["output"]
        ('2026-09-21T14:13:23.123456789Z', '14:13:23.123456789: Notice A shell (user=root)')
    """
    seconds, nanoseconds = divmod(match.time, 1_000_000_000)
    at = datetime.fromtimestamp(seconds, UTC)
    fields = dict(match.output_fields) | {"evt.time": match.time}
    for name in _TEXTS:
        if fields.get(name) is not None:
            fields[name] = str(fields[name])
    return {
        "hostname": match.node,
        "output": f"{at:%H:%M:%S}.{nanoseconds:09d}: {match.priority.value} {match.output}",
        "output_fields": fields,
        "priority": match.priority.value,
        "rule": match.rule,
        "source": match.source,
        "tags": sorted(match.tags),
        "time": f"{at:%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}Z",
    }


def to_line(match: SignatureMatch) -> str:
    """Return the alert as one line of JSON, with its end of line."""
    return json.dumps(to_falco(match), sort_keys=True) + "\n"
