"""`nonself workload`: what a person asks of one workload at a terminal, over the REST interface."""

import argparse
import json
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from rich.table import Table

from api.client import Client
from api.clock import Clock, SystemClock, to_datetime
from api.console import console, full_name
from api.errors import ClientError

_HISTORY: Final = (
    "from (UTC)",
    "windows",
    "anomalous",
    "no evidence",
    "ranked",
    "p ≤ 5 %",
    "p ≤ 1 %",
    "p ≤ 0.1 %",
    "lost",
)
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def run(client: Client, options: argparse.Namespace, clock: Clock | None = None) -> None:
    """Do what was asked.

    Raises:
        ClientError: There is no such workload, or the service refuses.
    """
    now = to_datetime((clock or SystemClock()).now_ms())
    answer = _ASK[options.workload_command](client, options, now)
    if options.json:
        print(json.dumps(answer, indent=2))  # noqa: T201 - made for scripts
    else:
        _SHOW[options.workload_command](answer)


def find(client: Client, wanted: str) -> dict[str, Any]:
    """Return the one workload of an id or name.

    Raises:
        ClientError: There is none, or there are several.
    """
    found = [
        each
        for each in client.list("/v1/workloads")
        if wanted in {str(each["id"]), each["name"], name_of(each), f"{each['namespace']}/{each['name']}"}
    ]
    if len(found) != 1:
        known = ", ".join(f"{name_of(each)} (id {each['id']})" for each in found) or "none"
        msg = f"Expected one workload called {wanted!r}; found {known}."
        raise ClientError(msg)
    return found[0]


def name_of(workload: Mapping[str, Any]) -> str:
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


def _history(client: Client, options: argparse.Namespace, now: datetime) -> Any:  # noqa: ANN401 - JSON
    workload = find(client, options.workload)
    path = f"/v1/workloads/{workload['id']}/history"
    return client.get(path, step=options.step, **times(options, now))


def _show_history(answer: Mapping[str, Any]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for place, heading in enumerate(
        (
            "from (UTC)",
            "windows",
            "anomalous",
            "no evidence",
            "ranked",
            "p ≤ 5 %",
            "p ≤ 1 %",
            "p ≤ 0.1 %",
            "lost",
        )
    ):
        table.add_column(heading, justify="right" if place else "left")
    for each in answer["items"]:
        low = [_share(each, answer["edges"], edge) for edge in (0.05, 0.01, 0.001)]
        table.add_row(
            each["start"][:16].replace("T", " "),
            str(each["windows"]),
            str(each["verdicts"]["anomalous"]),
            str(each["verdicts"]["insufficient_evidence"]),
            str(each["ranked"]),
            *low,
            str(sum(each["lost"].values())),
        )
    console().print(table)
    if answer["windows_since"]:
        console().print(f"Single windows are kept since {answer['windows_since'][:19]}.", highlight=False)


def _share(entry: Mapping[str, Any], edges: Sequence[float], edge: float) -> str:
    if not entry["ranked"]:
        return ""
    below = sum(entry["p_values"][: bisect_left(edges, edge) + 1])
    return f"{below / entry['ranked']:.2%}"


_ASK: Final[Mapping[str, Callable[[Client, argparse.Namespace, datetime], Any]]] = {"history": _history}
_SHOW: Final[Mapping[str, Callable[[Any], None]]] = {"history": _show_history}
