"""`nonself alerts`: what a person reads of alerts at a terminal, over the REST interface."""

import argparse
import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from rich.text import Text

from api.client import Client
from api.console import console, moment, new_table, plain, show
from api.workloads.remote import find_workload, name_of

_FILTERS: Final = ("status", "kind", "level", "rule")
_SEQUENCES: Final = 5


def run(client: Client, options: argparse.Namespace) -> None:
    """List alerts, or show one.

    Raises:
        ClientError: There is no such alert or workload, or the service refuses.
    """
    one = options.alert is not None
    answer: Any = client.get(f"/v1/alerts/{options.alert}") if one else _list(client, options)
    if options.json:
        print(json.dumps(answer, indent=2))  # noqa: T201 - made for scripts
    elif one:
        _show_one(answer)
    else:
        _show_list(answer)


def _list(client: Client, options: argparse.Namespace) -> list[dict[str, Any]]:
    wanted = {name: value for name in _FILTERS if (value := getattr(options, name)) is not None}
    if options.workload is not None:
        wanted["workload"] = str(find_workload(client, options.workload)["id"])
    return list(client.list("/v1/alerts", **wanted))


def _show_list(found: Iterable[dict[str, Any]]) -> None:
    headings = ("id", "status", "workload", "from (UTC)", "to", "findings", "level or p", "why")
    made = new_table(*headings, wrap=("workload", "why"))
    for each in found:
        made.add_row(
            str(each["id"]),
            each["status"],
            Text(name_of(each["workload"])),
            moment(each["start"]),
            _end(each),
            str(each["findings"]),
            each["level"] or _p_value(each),
            plain(_why(each)),
        )
    show(made, "No alerts.")


def _end(alert: dict[str, Any]) -> str:
    start, end = moment(alert["start"]), moment(alert["end"])
    return end.removeprefix(start[: len("2026-11-25 ")])


def _why(alert: dict[str, Any]) -> str:
    carried = alert["contributions"]
    return str(alert["rule"] or (" → ".join(carried[0]["syscalls"]) if carried else ""))


def _p_value(alert: dict[str, Any]) -> str:
    return "" if alert["p_value"] is None else f"p {alert['p_value']:.2g}"


def _show_one(alert: dict[str, Any]) -> None:
    made = new_table("", " ", wrap=(" ",))
    made.show_header = False
    for name, text in _facts(alert):
        made.add_row(Text(name, style="bold"), plain(text))
    console().print(made)


def _facts(alert: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "alert", f"{alert['id']}, {alert['status']}, of kind {alert['kind']}"
    yield "workload", name_of(alert["workload"])
    yield "from, to", f"{moment(alert['start'])}, {_end(alert)} (UTC)"
    yield "findings", str(alert["findings"])
    if alert["suppression"] is not None:
        yield "benign", f"marked so by suppression {alert['suppression']}"
    if alert["p_value"] is not None:
        yield "p-value", f"{alert['p_value']:.2g}, {alert['score']:.1f} bits"
    for each in alert["contributions"][:_SEQUENCES]:
        yield f"{each['bits']:.1f} bits", " → ".join(each["syscalls"])
    if (match := alert["match"]) is None:
        return
    yield "rule", f"{alert['rule']} ({match['priority']}, level {alert['level']})"
    yield "attack", ", ".join((*match["attack"]["tactics"], *match["attack"]["techniques"])) or "none named"
    yield "newest", match["output"]
    for each in match["ancestors"]:
        yield f"pid {each['pid']}", each["cmdline"] or each["name"]
