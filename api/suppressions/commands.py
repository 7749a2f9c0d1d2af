"""`nonself suppression`: asks a running service, and prints for people or for scripts."""

import argparse
from collections.abc import Callable, Iterable
from typing import Any

from rich.table import Table

from api.connection import Connection, build, to_json
from api.console import console, moment, new_table, plain, print_json
from api.suppressions.client import Suppressions
from api.suppressions.schemas import EndSuppressionIn, ScopeIn, SuppressionIn, SuppressionQuery
from api.workloads.remote import find_workload


def run(connection: Connection, options: argparse.Namespace) -> None:
    """Do what was asked for.

    Raises:
        ClientError: The service refused; the message is its reason.
    """
    suppressions = Suppressions(connection)
    match options.suppression_command:
        case "list":
            query = SuppressionQuery() if options.all else SuppressionQuery(active=True)
            listed = [to_json(each) for each in suppressions.list(query)]
            _show(listed, _suppressions, as_json=options.json)
        case "preview":
            found = suppressions.preview(build(ScopeIn, **_scope(connection, options)))
            _show(to_json(found), show_preview, as_json=options.json)
        case "create":
            wish = {"reason": options.reason, "owner": options.owner, "days": options.days}
            made = suppressions.create(build(SuppressionIn, **_scope(connection, options), **wish))
            _show(to_json(made), lambda one: _suppressions([one]), as_json=options.json)
        case _:
            ended = suppressions.end(options.suppression, build(EndSuppressionIn, reason=options.reason))
            _show(to_json(ended), lambda one: _suppressions([one]), as_json=options.json)


def _scope(connection: Connection, options: argparse.Namespace) -> dict[str, Any]:
    body: dict[str, Any] = {"by": options.by, "rule": options.rule, "everywhere": options.everywhere}
    if options.alert is not None:
        body["alert"] = options.alert
    if options.workload:
        body["workload"] = find_workload(connection, options.workload)["id"]
    body["calls"] = [each.strip() for each in options.calls.split(",") if each.strip()]
    return body


def _suppressions(found: Iterable[dict[str, Any]]) -> Table:
    shown = new_table(
        "id",
        "by",
        "of",
        "what",
        "until (UTC)",
        "silenced",
        "owner",
        "reason",
        wrap=("what", "owner", "reason"),
    )
    for each in found:
        what = each["rule"] or ", ".join(each["calls"]) or f"{len(each['sequences'])} sequences"
        shown.add_row(
            str(each["id"]),
            each["by"],
            "everywhere" if each["workload"] is None else f"workload {each['workload']}",
            plain("all anomalies" if each["by"] == "workload" else what),
            moment(each["expires_at"]) if each["active"] else "ended",
            str(each["suppressed"]),
            plain(each["owner"]),
            plain(each["reason"]),
        )
    return shown


def show_preview(found: dict[str, Any]) -> Table:
    """Print how much would be silent, and return which alerts that concerns as a table."""
    more = ", of the newest that are kept" if found["cut"] else ""
    console().print(
        f"{found['silenced']} of {found['findings']} findings{more} would raise no alert; "
        f"{found['alerts_silenced']} alerts would not have been raised at all.",
        highlight=False,
    )
    shown = new_table("alert", "workload", "status", "from (UTC)", "to", "findings", "silenced")
    for each in found["alerts"]:
        words = (each["id"], each["workload"], each["status"], moment(each["start"]), moment(each["end"]))
        shown.add_row(*map(str, words), str(each["findings"]), str(each["silenced"]))
    return shown


def _show(found: Any, draw: Callable[[Any], Table], *, as_json: bool) -> None:  # noqa: ANN401 - JSON
    if as_json:
        print_json(found)
        return
    shown = draw(found)
    if shown.row_count:
        console().print(shown)
    elif isinstance(found, list):
        console().print("No suppressions.")
