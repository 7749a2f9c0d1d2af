"""`nonself alerts tail` and `nonself scores tail`: a live stream at a terminal, or as lines for scripts."""

import argparse
import json
import sys
from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from typing import Any, Final

from api.alerts.commands import change_line
from api.alerts.options import TAIL_FILTERS
from api.clock import SystemClock, to_datetime
from api.connection import Connection, to_json
from api.console import moment
from api.events.follow import GAP, Follower
from api.events.position import Topic
from api.workloads.client import Workloads
from api.workloads.remote import find_workload, name_of, read_time

_VERDICTS: Final = {"insufficient_evidence": "not enough evidence"}


def alerts(connection: Connection, options: argparse.Namespace) -> None:
    """Print what happens to alerts until Ctrl-C.

    Raises:
        ClientError: The service refuses, or an option is wrong.
    """
    query = {name: value for name in TAIL_FILTERS if (value := getattr(options, name)) is not None}
    if options.change:
        query["change"] = options.change
    _tail(connection, options, Topic.ALERTS, query, lambda data: change_line(data["change"], data["alert"]))


def scores(connection: Connection, options: argparse.Namespace) -> None:
    """Print each window as it is scored, until Ctrl-C.

    Raises:
        ClientError: The service refuses, or an option is wrong.
    """
    query = {"namespace": options.namespace, "score_verdict": options.verdict}
    workloads = Workloads(connection)
    known = {each.id: name_of(to_json(each)) for each in workloads.list()}

    def line(data: dict[str, Any]) -> str:
        name = known.get(data["workload_id"])
        if name is None:
            name = name_of(to_json(workloads.get(data["workload_id"])))
            known[data["workload_id"]] = name
        return score_line(data, name)

    _tail(connection, options, Topic.SCORES, query, line)


def score_line(score: dict[str, Any], workload: str) -> str:
    """Return one window as a person reads it.

    Examples:
        >>> score_line({"end": "2026-11-25T02:52:30Z", "verdict": "anomalous", "score": 1204.51,
        ...     "p_value": 2.1e-9, "calls": 40210}, "shop/cart/web")
        '2026-11-25 02:52:30  shop/cart/web  anomalous  1204.5 bits  p 2.1e-09  40,210 calls'
    """
    p_value = "" if score["p_value"] is None else f"  p {score['p_value']:.2g}"
    return (
        f"{moment(score['end'])}{score['end'][16:19]}  {workload}  "
        f"{_VERDICTS.get(score['verdict'], score['verdict'])}  {score['score']:.1f} bits{p_value}  "
        f"{score['calls']:,} calls"
    )


def _tail(
    connection: Connection,
    options: argparse.Namespace,
    topic: Topic,
    query: dict[str, Any],
    line: Callable[[dict[str, Any]], str],
) -> None:
    query = {"topic": topic.value} | {name: value for name, value in query.items() if value is not None}
    if options.workload is not None:
        query["workload"] = str(find_workload(connection, options.workload)["id"])
    if options.since is not None:
        now = to_datetime(SystemClock().now_ms())
        query["since"] = read_time(options.since, now, "--since").isoformat()
    follower = Follower(connection, query, after=options.after, say=_say)
    with suppress(KeyboardInterrupt):
        for event in islice(follower.events(), options.limit):
            if options.json:
                told = {"id": event.id, "event": event.event, "data": event.json()}
                print(json.dumps(told), flush=True)  # noqa: T201 - made for scripts
            elif event.event == GAP:
                _say(event.json()["text"])
            else:
                print(line(event.json()), flush=True)  # noqa: T201 - for people


def _say(sentence: str) -> None:
    print(f"nonself: {sentence}", file=sys.stderr, flush=True)  # noqa: T201 - for people
