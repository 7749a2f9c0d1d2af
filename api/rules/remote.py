"""`nonself rules`: what a person does with rules at a terminal, over the REST interface."""

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from rich.table import Table

from api.connection import Connection, build, to_json
from api.console import console, moment, new_table, plain, print_json, show
from api.errors import ClientError
from api.files import read_text
from api.rules.client import Rules
from api.rules.schemas import ReasonIn, RuleQuery, SelectionIn, TestIn, UploadIn
from api.workloads.remote import find_workload
from wire.bundle import wildcard


def run(connection: Connection, options: argparse.Namespace) -> None:
    """Do what was asked.

    Raises:
        ClientError: A file cannot be read, or the service refuses.
    """
    answer = _ASK[options.rules_command](connection, options)
    if options.json:
        print_json(answer)
    else:
        _SHOW[options.rules_command](answer)


def _list(connection: Connection, options: argparse.Namespace) -> Any:  # noqa: ANN401 - JSON
    wanted = {name: getattr(options, name) for name in ("state", "tag", "file", "level")}
    query = build(RuleQuery, "query", **{name: value for name, value in wanted.items() if value})
    return to_json(Rules(connection).list(query))


def _show(connection: Connection, options: argparse.Namespace) -> Any:  # noqa: ANN401 - JSON
    return to_json(Rules(connection).get(options.name))


def _upload(connection: Connection, options: argparse.Namespace) -> Any:  # noqa: ANN401 - JSON
    if options.position is not None and len(options.files) > 1:
        msg = f"--position: expected one file; got {len(options.files)}."
        raise ClientError(msg)
    bodies = []
    for path in options.files:
        body = {"name": path.name, "content": read_text(path), "comment": options.comment}
        bodies.append(body | ({} if options.position is None else {"position": options.position}))
    rules = Rules(connection)
    return [to_json(rules.upload(build(UploadIn, **body), dry_run=options.dry_run)) for body in bodies]


def _switch(connection: Connection, options: argparse.Namespace) -> Any:  # noqa: ANN401 - JSON
    places = {name: getattr(options, name) for name in ("rule", "tag", "namespace")}
    wish = {name: value for name, value in places.items() if value is not None}
    if options.workload is not None:
        wish["workload"] = find_workload(connection, options.workload)["id"]
    wish |= {"enable": options.rules_command == "enable", "reason": options.reason}
    rules = Rules(connection)
    made = to_json(rules.select(build(SelectionIn, **wish)))
    # It is kept for rules that come later; a name that was mistyped would look the same.
    if not any(_names(made, each) for each in to_json(rules.list())["items"]):
        print("nonself: warning: none of the active rules is called or tagged so.", file=sys.stderr)  # noqa: T201
    return made


def _names(selection: Mapping[str, Any], rule: Mapping[str, Any]) -> bool:
    if selection["rule"] is None:
        return selection["tag"] in rule["tags"]
    return wildcard(selection["rule"], rule["name"])


def _selections(connection: Connection, _options: argparse.Namespace) -> Any:  # noqa: ANN401 - JSON
    return to_json(Rules(connection).selections())


def _test(connection: Connection, options: argparse.Namespace) -> Any:  # noqa: ANN401 - JSON
    wish: dict[str, Any] = {"events": _events(options.events)}
    if options.rules is not None:
        wish |= {"rules": read_text(options.rules), "name": options.rules.name}
    return to_json(Rules(connection).test(build(TestIn, **wish)))


def _events(path: Path) -> list[dict[str, Any]]:
    text = read_text(path)
    try:
        found = json.loads(text) if text.lstrip().startswith("[") else _lines(text)
    except ValueError as error:
        msg = f"{path}: expected a JSON list of events, or one object a line; {error}."
        raise ClientError(msg) from error
    for at, each in enumerate(found):
        if not isinstance(each, dict):
            msg = f"{path}: expected each event to be an object; event {at} is {json.dumps(each)[:40]}."
            raise ClientError(msg)
    # An alert in Falco's JSON carries the fields of its event.
    return [each.get("output_fields", each) for each in found]


def _lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def _versions(connection: Connection, _options: argparse.Namespace) -> Any:  # noqa: ANN401 - JSON
    return [to_json(each) for each in Rules(connection).versions()]


def _rollback(connection: Connection, options: argparse.Namespace) -> Any:  # noqa: ANN401 - JSON
    wish = build(ReasonIn, reason=options.reason)
    return to_json(Rules(connection).activate(options.version, wish))


def _show_rules(answer: Any) -> None:  # noqa: ANN401 - JSON
    made = new_table("rule", "priority", "file", "enabled", "state", "nodes", wrap=("rule",))
    for each in answer["items"]:
        general, *places = each["enabled"]
        on = "yes" if general["enabled"] else "no"
        nodes = sum(len(state["nodes"]) for state in each["states"])
        made.add_row(
            plain(each["name"]),
            each["priority"],
            plain(each["file"]),
            f"{on}, but not everywhere" if places else on,
            each["state"],
            str(nodes),
        )
    show(made, "No rules of this kind.")
    version = f"version {answer['version']}" if answer["version"] else "no version yet"
    current = f"{answer['nodes_current']} of {answer['nodes']} nodes run it"
    console().print(f"{len(answer['items'])} rules, {version}, {current}.")


def _show_rule(rule: Any) -> None:  # noqa: ANN401 - JSON
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column()
    for name in ("name", "desc", "priority", "level", "source", "state", "condition", "output"):
        table.add_row(name, plain(rule[name].strip()))
    table.add_row("tags", plain(", ".join(rule["tags"])))
    table.add_row("file", plain(f"{rule['file']}:{rule['line']}"))
    for each in rule["enabled"]:
        table.add_row("on" if each["enabled"] else "off", plain(_place(each)))
    for each in rule["states"]:
        said = " ".join(each["reasons"])
        table.add_row(each["state"], plain(f"{', '.join(each['nodes'])}. {said}".strip()))
    console().print(table)


def _show_uploads(answers: Any) -> None:  # noqa: ANN401 - JSON
    for each in answers:
        version = each["version"]
        made = "would load" if each["dry_run"] else f"version {version['id']} is active"
        files = ", ".join(file["name"] for file in version["files"])
        console().print(plain(f"{made}: {version['rules']} rules of {files}"))
        for warning in each["warnings"]:
            place = f"{warning['file']}:{warning['line']}:{warning['column']}"
            console().print(plain(f"  {place}: {warning['code']}: {warning['message']}"))


def _show_selection(each: Any) -> None:  # noqa: ANN401 - JSON
    what = f"rule {each['rule']!r}" if each["rule"] else f"tag {each['tag']!r}"
    console().print(plain(f"{what} is {'on' if each['enable'] else 'off'} {_place(each)}"))


def _show_selections(answer: Any) -> None:  # noqa: ANN401 - JSON
    made = new_table(
        "id", "what", "switched", "where", "by", "reason", wrap=("what", "where", "by", "reason")
    )
    for each in answer["items"]:
        made.add_row(
            str(each["id"]),
            plain(each["rule"] or f"tag {each['tag']}"),
            "on" if each["enable"] else "off",
            plain(_place(each)),
            plain(each["actor"]),
            plain(each["reason"]),
        )
    show(made, "Nothing is switched on or off beside what the files say.")


def _show_test(answer: Any) -> None:  # noqa: ANN401 - JSON
    for warning in answer["warnings"]:
        console().print(plain(f"{warning['code']}: {warning['message']}"))
    for at, event in enumerate(answer["events"], start=1):
        if not event["matches"]:
            console().print(f"event {at}: no rule holds")
        for each in event["matches"]:
            off = "" if each["enabled"] else " (switched off)"
            console().print(
                plain(f"event {at}: {each['priority']} {each['rule']}{off}: {each['output']}"),
                soft_wrap=True,
            )
    console().print(f"{answer['rules']} rules tried on {len(answer['events'])} events.")


def _show_versions(rows: Any) -> None:  # noqa: ANN401 - JSON
    headings = ("version", "active", "rules", "files", "made (UTC)", "by", "comment")
    made = new_table(*headings, wrap=("files", "by", "comment"))
    for each in rows:
        made.add_row(
            str(each["id"]),
            "yes" if each["active"] else "",
            str(each["rules"]),
            plain(", ".join(file["name"] for file in each["files"])),
            moment(each["created_at"]),
            plain(each["actor"]),
            plain(each["comment"]),
        )
    show(made, "No versions.")


def _show_version(each: Any) -> None:  # noqa: ANN401 - JSON
    console().print(f"version {each['id']} is active: {each['rules']} rules")


def _place(each: Mapping[str, Any]) -> str:
    if each["workload"]:
        return f"for workload {each['workload']}"
    return f"in namespace {each['namespace']}" if each["namespace"] else "everywhere"


_ASK: Final[Mapping[str, Callable[[Connection, argparse.Namespace], Any]]] = {
    "list": _list,
    "show": _show,
    "upload": _upload,
    "enable": _switch,
    "disable": _switch,
    "selections": _selections,
    "test": _test,
    "versions": _versions,
    "rollback": _rollback,
}
_SHOW: Final[Mapping[str, Callable[[Any], None]]] = {
    "list": _show_rules,
    "show": _show_rule,
    "upload": _show_uploads,
    "enable": _show_selection,
    "disable": _show_selection,
    "selections": _show_selections,
    "test": _show_test,
    "versions": _show_versions,
    "rollback": _show_version,
}
