"""An alert as a line of ArcSight's Common Event Format, revision 0.

`CEF:0|vendor|product|version|event class|name|severity|extension`; keys and escaping as of the
implementation standard, version 25.
"""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, Final

from api.formats import facts
from api.formats.facts import Alert, Told, milliseconds
from api.vocabulary import AlertKind, Level

_SEVERITIES: Final = {
    Level.INFORMATIONAL: 1,
    Level.LOW: 3,
    Level.MEDIUM: 5,
    Level.HIGH: 8,
    Level.CRITICAL: 10,
}
_LONGEST: Final = 1023
"""Characters of `msg` and of the strings of devices."""


def render(alert: Alert, told: Told | None = None) -> str:
    """Return one line, without an end of line.

    Args:
        alert: As it is now.
        told: What happened to it, where that is why it is sent.
    """
    match = alert["match"] or {}
    container, workload = match.get("container") or {}, alert["workload"]
    signature = alert["kind"] == AlertKind.SIGNATURE.value
    name = alert["rule"] if signature else "Unusual order of system calls"
    head = (
        "CEF:0",
        facts.VENDOR,
        "nonself",
        version("nonself"),
        alert["kind"],
        name,
        str(_SEVERITIES[facts.level(alert)]),
    )
    process = (match.get("ancestors") or [{}])[0]
    calls = alert["contributions"][0]["syscalls"] if alert["contributions"] else []
    fields: dict[str, Any] = {
        "externalId": alert["id"],
        "rt": milliseconds(told.at if told else alert["updated_at"]),
        "act": told.change.value if told else None,
        "suser": told.actor if told else None,
        "start": milliseconds(alert["start"]),
        "end": milliseconds(alert["end"]),
        "cnt": alert["findings"],
        "msg": facts.message(alert),
        "dvchost": match.get("node"),
        "dproc": process.get("name"),
        "dpid": process.get("pid"),
        "filePath": process.get("exe"),
        "cs1": facts.place(alert),
        "cs1Label": "workload",
        "cs2": container.get("id"),
        "cs2Label": "container" if container.get("id") else None,
        "cs3": container.get("image"),
        "cs3Label": "image" if container.get("image") else None,
        "cs4": " ".join(alert["techniques"]),
        "cs4Label": "attackTechniques" if alert["techniques"] else None,
        "cs5": " ".join(calls),
        "cs5Label": "systemCalls" if calls else None,
        "cs6": workload["cluster"],
        "cs6Label": "cluster" if workload["cluster"] else None,
        "cfp1": alert["p_value"],
        "cfp1Label": "pValue" if alert["p_value"] is not None else None,
        "outcome": alert["verdict"],
        "reason": alert["triage"],
        "flexString1": alert["assignee"],
        "flexString1Label": "assignee" if alert["assignee"] else None,
        "flexString2": told.comment if told else None,
        "flexString2Label": "comment" if told and told.comment else None,
    }
    extension = " ".join(f"{key}={_value(value)}" for key, value in facts.filled(fields).items())
    return "|".join([head[0], *(_header(each) for each in head[1:]), extension])


def render_trouble(trouble: Mapping[str, Any], change: str) -> str:
    """Return one line of a trouble of nonself itself; its event class is `trouble`.

    Args:
        trouble: As REST lists it.
        change: `opened` or `closed`.
    """
    head = (
        facts.VENDOR,
        "nonself",
        version("nonself"),
        "trouble",
        f"Trouble {trouble['kind']}",
        str(_SEVERITIES[Level(trouble["level"])]),
    )
    fields: dict[str, Any] = {
        "externalId": trouble["id"],
        "rt": milliseconds(trouble["closed_at"] or trouble["opened_at"]),
        "act": change,
        "start": milliseconds(trouble["opened_at"]),
        "end": milliseconds(trouble["closed_at"]) if trouble["closed_at"] else None,
        "msg": trouble["said"],
        "cs1": trouble["subject"],
        "cs1Label": "subject",
        "cs6": trouble["cluster"],
        "cs6Label": "cluster" if trouble["cluster"] else None,
    }
    extension = " ".join(f"{key}={_value(value)}" for key, value in facts.filled(fields).items())
    return "|".join(["CEF:0", *map(_header, head), extension])


def _header(text: str) -> str:
    r"""Return a part of the header.

    Examples:
        >>> _header("a|b\\c\nd=e")
        'a\\|b\\\\c d=e'
    """
    flat = " ".join(text.splitlines())
    return flat.replace("\\", "\\\\").replace("|", "\\|")


def _value(value: object) -> str:
    r"""Return the value of a key.

    Examples:
        >>> _value("a=b|c\\d\ne")
        'a\\=b|c\\\\d\\ne'
    """
    text = str(value)[:_LONGEST]
    return "\\n".join(text.replace("\\", "\\\\").replace("=", "\\=").splitlines())
