"""A match or an anomaly in the shape of a Falco alert, as falcosidekick and SOCs read it. Pure."""

import json
from datetime import UTC, datetime
from typing import Any

from api.falco.anomaly import RULE, SOURCE, TAGS, Anomaly
from wire.match import SignatureMatch

_TEXTS = ("k8s.ns.name", "k8s.pod.name")
"""Fields that falcosidekick casts to text without a look: anything else ends its request."""


Alert = SignatureMatch | Anomaly
"""What is told outside, once for each finding that is part of an alert."""


def to_falco(alert: Alert) -> dict[str, Any]:
    """Return the JSON object of Falco's `json_output`; the `uuid` is left to who forwards it.

    The time of an anomaly is the end of its window.

    Examples:
        >>> from wire.match import Priority
        >>> match = SignatureMatch(node="n", boot_id="b", time=1_790_000_003_123_456_789, sequence=1,
        ...     rule="Shell", priority=Priority.NOTICE, output="A shell (user=root)", ruleset="")
        >>> alert = to_falco(match)
        >>> alert["time"], alert["output"]
        ('2026-09-21T14:13:23.123456789Z', '14:13:23.123456789: Notice A shell (user=root)')
    """
    if isinstance(alert, Anomaly):
        time, fields = alert.end * 1_000_000, alert.fields
        rule, source, tags = RULE, SOURCE, TAGS
    else:
        time, fields = alert.time, dict(alert.output_fields)
        rule, source, tags = alert.rule, alert.source, alert.tags
    seconds, nanoseconds = divmod(time, 1_000_000_000)
    at = datetime.fromtimestamp(seconds, UTC)
    fields["evt.time"] = time
    for name in _TEXTS:
        if fields.get(name) is not None:
            fields[name] = str(fields[name])
    return {
        "hostname": alert.node,
        "output": f"{at:%H:%M:%S}.{nanoseconds:09d}: {alert.priority.value} {alert.output}",
        "output_fields": fields,
        "priority": alert.priority.value,
        "rule": rule,
        "source": source,
        "tags": sorted(tags),
        "time": f"{at:%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}Z",
    }


def to_line(alert: Alert) -> str:
    """Return the alert as one line of JSON, with its end of line."""
    return json.dumps(to_falco(alert), sort_keys=True) + "\n"
