"""Finds the workload and the times that a person names at a terminal."""

import argparse
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from api.connection import Connection, to_json
from api.console import full_name
from api.errors import ClientError
from api.workloads.client import Workloads

_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def find_workload(connection: Connection, wanted: str) -> dict[str, Any]:
    """Return the one workload that a person means; what is shown of one names it whatever else is like it.

    Raises:
        ClientError: There is none, or several.
    """
    known = [to_json(each) for each in Workloads(connection).list()]
    found = [each for each in known if wanted in {str(each["id"]), name_of(each)}] or [
        each for each in known if wanted in {each["name"], f"{each['namespace']}/{each['name']}"}
    ]
    if len(found) != 1:
        came = ", ".join(f"{name_of(each)} (id {each['id']})" for each in found) or "none"
        msg = f"Expected one workload called {wanted!r}; found {came}."
        raise ClientError(msg)
    return dict(found[0])


def name_of(workload: dict[str, Any]) -> str:
    """Return the name under which a person knows a workload."""
    return full_name(workload["namespace"], workload["name"], workload["container"])


def read_time(text: str, now: datetime, option: str) -> datetime:
    """Return a time that was given as such, or as an age.

    Raises:
        ClientError: It is neither.

    Examples:
        >>> now = datetime(2026, 11, 25, tzinfo=UTC)
        >>> read_time("14d", now, "--since").isoformat(), read_time("2026-11-24T08:00", now, "").isoformat()
        ('2026-11-11T00:00:00+00:00', '2026-11-24T08:00:00+00:00')
    """
    unit = _UNITS.get(text[-1:])
    try:
        if unit and text[:-1].isdigit():
            return now - timedelta(**{unit: int(text[:-1])})
        read = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        msg = f"{option}: expected a time as 2026-11-24T08:00, or an age as 14d, 36h or 90m; got {text!r}."
        raise ClientError(msg) from error
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def times(options: argparse.Namespace, now: datetime) -> dict[str, str]:
    """Return the range of time that was asked for, as REST takes it.

    Raises:
        ClientError: One is no time.
    """
    given = {"since": options.since, "until": options.until}
    return {
        name: read_time(text, now, f"--{name}").isoformat().replace("+00:00", "Z")
        for name, text in given.items()
        if text
    }
