"""`nonself alerts`: what a person reads of alerts at a terminal, over the REST interface."""

import argparse
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from rich.text import Text

from api.alerts.client import Alerts
from api.alerts.options import FILTERS
from api.alerts.schemas import AlertFilter, AlertQuery
from api.alerts.statistics_schemas import CountQuery
from api.alerts.triage_schemas import ChangeQuery, TriageIn
from api.connection import Connection, build, to_json
from api.console import console, moment, new_table, plain, print_json, show
from api.errors import ClientError
from api.figures import count
from api.suppressions.commands import show_preview
from api.workloads.remote import find_workload, name_of

_SEQUENCES: Final = 5
_ACTIONS: Final = {"ack": "acknowledge"}


def run(connection: Connection, options: argparse.Namespace) -> None:
    """Do what was asked for.

    Raises:
        ClientError: There is no such alert or workload, or the service refuses.
    """
    alerts = Alerts(connection)
    match options.alerts_command:
        case None | "list":
            order = {"order": "newest"} if options.newest else {}
            query = build(AlertQuery, "query", **_filters(connection, options), **order)
            _print([to_json(each) for each in alerts.list(query)], options, _show_list)
        case "counts":
            counted = build(CountQuery, "query", by=options.by, **_filters(connection, options))
            _print(to_json(alerts.counts(counted)), options, _show_counts)
        case "show":
            alert = to_json(alerts.get(options.alert))
            changes = alerts.changes(ChangeQuery(alert=options.alert))
            alert["changes"] = [to_json(each) for each in changes]
            _print(alert, options, _show_one)
        case _:
            _step(connection, options)


def _print(answer: Any, options: argparse.Namespace, show_it: Callable[[Any], None]) -> None:  # noqa: ANN401
    if options.json:
        print_json(answer)
    else:
        show_it(answer)


def _filters(connection: Connection, options: argparse.Namespace) -> dict[str, Any]:
    wanted = {name: value for name in FILTERS if (value := getattr(options, name)) is not None}
    if options.workload is not None:
        wanted["workload"] = find_workload(connection, options.workload)["id"]
    return wanted


def _step(connection: Connection, options: argparse.Namespace) -> None:
    alerts = Alerts(connection)
    action = _ACTIONS.get(options.alerts_command, options.alerts_command)
    body: dict[str, Any] = {"action": action, "comment": options.comment, "dry_run": options.dry_run}
    if action == "close":
        body |= {"verdict": options.judged, "suppress": _silence(options)}
    if action == "assign":
        body["assignee"] = options.to
    wanted = _filters(connection, options)
    if options.all == bool(options.alerts) or (wanted and not options.all):
        msg = "Which alerts? Give ids, or --all with filters."
        raise ClientError(msg)
    if not options.all:
        wish = build(TriageIn, **body)
        _print([to_json(alerts.triage(each, wish)) for each in options.alerts], options, _show_done)
        return
    answer = alerts.triage_all(build(AlertFilter, "query", **wanted), build(TriageIn, **body))
    _print(to_json(answer), options, _show_bulk)


def _silence(options: argparse.Namespace) -> dict[str, Any] | None:
    if options.suppress is None:
        if options.owner or options.by or options.calls or options.everywhere:
            msg = "Expected --owner, --by, --calls and --everywhere with --suppress DAYS alone."
            raise ClientError(msg)
        return None
    if not options.owner:
        msg = "Expected --owner with --suppress: who answers for it."
        raise ClientError(msg)
    return {
        "by": options.by,
        "everywhere": options.everywhere,
        "calls": [each.strip() for each in options.calls.split(",") if each.strip()],
        "owner": options.owner,
        "days": options.suppress,
    }


def change_line(change: dict[str, Any], alert: dict[str, Any]) -> str:
    """Return what happened to an alert as a person reads it."""
    who = f" by {change['actor']}" if change["actor"] else ""
    return (
        f"{moment(change['created_at'])}  alert {alert['id']} {change['change']}{who}  "
        f"{name_of(alert['workload'])}  {alert['level'] or _p_value(alert)}  {_why(alert)}"
    )


def _show_counts(found: dict[str, Any]) -> None:
    made = new_table(found["by"], "alerts")
    for each in found["counts"]:
        made.add_row(plain(each["value"] or "none"), str(each["alerts"]))
    show(made, "No alerts.")


def _show_done(done: list[dict[str, Any]]) -> None:
    _show_list(done)
    for each in done:
        _show_silenced(each["suppressions"])
    if any(each["dry_run"] for each in done):
        print("Nothing was changed.")  # noqa: T201 - for people


def _show_silenced(made: Iterable[dict[str, Any]]) -> None:
    for each in made:
        of = "everywhere" if each["workload"] is None else f"of workload {each['workload']}"
        what = f"by {each['by']} {each['rule'] or ''}".strip()
        if each["preview"] is None:
            print(f"Suppression {each['suppression']} silences {what}, {of}.")  # noqa: T201 - for people
            continue
        print(f"Silenced {what}, {of}:")  # noqa: T201 - for people
        show(show_preview(each["preview"]), "No alerts.")
        others = count(each["others"], "other alert")
        print(f"Without this step's own, {others} would not have been raised.")  # noqa: T201 - for people


def _show_bulk(answer: dict[str, Any]) -> None:
    _show_list(answer["sample"])
    _show_silenced(answer["suppressions"])
    named = count(answer["alerts"], "alert")
    said = f"The filters name {named}, of which {answer['changed']} would change; nothing was changed."
    if not answer["dry_run"]:
        said = f"The filters name {named}, of which {answer['changed']} changed; they are shown as they were."
    print(said)  # noqa: T201 - for people


def _show_list(found: Iterable[dict[str, Any]]) -> None:
    headings = ("id", "triage", "workload", "from (UTC)", "to", "findings", "level or p", "why")
    made = new_table(*headings, wrap=("workload", "why"))
    for each in found:
        made.add_row(
            str(each["id"]),
            each["verdict"] or each["triage"],
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
    owner = f", of {alert['assignee']}" if alert["assignee"] else ""
    yield "triage", f"{alert['triage']}{owner}" + (f": {alert['verdict']}" if alert["verdict"] else "")
    yield "workload", name_of(alert["workload"])
    yield "from, to", f"{moment(alert['start'])}, {_end(alert)} (UTC)"
    yield "findings", str(alert["findings"])
    if alert["suppression"] is not None:
        yield "benign", f"marked so by suppression {alert['suppression']}"
    if alert["p_value"] is not None:
        yield "p-value", f"{alert['p_value']:.2g}, {alert['score']:.1f} bits"
    for each in alert["contributions"][:_SEQUENCES]:
        yield f"{each['bits']:.1f} bits", " → ".join(each["syscalls"])
    yield from _history(alert["changes"])
    if (match := alert["match"]) is None:
        return
    yield "rule", f"{alert['rule']} ({match['priority']}, level {alert['level']})"
    yield "attack", ", ".join((*match["attack"]["tactics"], *match["attack"]["techniques"])) or "none named"
    yield "newest", match["output"]
    for each in match["ancestors"]:
        yield f"pid {each['pid']}", each["cmdline"] or each["name"]


def _history(changes: Iterable[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for each in changes:
        if each["actor"] is not None:
            said = ", ".join(str(value) for value in each["detail"].values() if value)
            done = f"{each['change']} by {each['actor']}"
            yield moment(each["created_at"]), f"{done}: {said}" if said else done
