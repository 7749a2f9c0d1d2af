"""`nonself workload history`: what it asks, and what it shows."""

import argparse
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from api.connection import Connection, build, to_json
from api.console import console, moment, new_table
from api.retention.client import Retention
from api.retention.schemas import HistoryQuery
from api.workloads.remote import find_workload, times

_HEADINGS: Final = (
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


def history(connect: Callable[[], Connection], options: argparse.Namespace, now: datetime) -> Any:  # noqa: ANN401 - JSON
    """Return the sums over a workload's windows.

    Raises:
        ClientError: There is no such workload, or the service refuses.
    """
    connection = connect()
    workload = find_workload(connection, options.workload)
    query = build(HistoryQuery, "query", step=options.step, **times(options, now))
    return to_json(Retention(connection).history(workload["id"], query))


def show_history(answer: Mapping[str, Any]) -> None:
    """Show them as a table."""
    table = new_table(*_HEADINGS, numbers=_HEADINGS[1:])
    for each in answer["items"]:
        low = [_share(each, answer["edges"], edge) for edge in (0.05, 0.01, 0.001)]
        table.add_row(
            moment(each["start"]),
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
