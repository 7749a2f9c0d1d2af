"""`nonself baseline`: what a person does with baselines at a terminal, over the REST interface."""

import argparse
from collections.abc import Callable, Mapping
from typing import Any, Final

from rich.text import Text

from api.baselines.client import Baselines
from api.baselines.schemas import (
    ImportQuery,
    RelearnIn,
    ReleaseIn,
    RollbackIn,
    TransitionIn,
    UnlearnIn,
    VersionQuery,
)
from api.clock import SystemClock, to_datetime
from api.connection import Connection, build, to_json
from api.console import console, moment, new_table, plain, print_json, show
from api.errors import ClientError
from api.files import read, write
from api.workloads.remote import find_workload, name_of, read_time, times

_Json = Any
_GATE: Final = ("max_unseen", "max_loss", "max_alerts_per_week", "cycle")
_STYLES: Final = {"pass": "green", "warn": "yellow", "fail": "red"}


def run(connection: Connection, options: argparse.Namespace) -> bool:
    """Do what was asked; return whether all is well.

    Raises:
        ClientError: There is no such baseline, a file cannot be used, or the service refuses.
    """
    answer = _ASK[options.baseline_command](connection, options)
    if options.json:
        print_json(answer)
    else:
        _SHOW[options.baseline_command](answer)
    return not (options.baseline_command == "report" and options.gate and answer["verdict"] != "pass")


def find_version(connection: Connection, wanted: str) -> dict[str, Any]:
    """Return the version that a person means: an id, a workload, or a workload with `@` and a number.

    Raises:
        ClientError: There is none, or there are several.
    """
    if wanted.isdecimal():
        return dict(to_json(Baselines(connection).get(int(wanted))))
    name, _, number = wanted.rpartition("@") if "@" in wanted else (wanted, "", "")
    workload = find_workload(connection, name)
    versions = _versions(connection, workload=workload["id"])
    found = [each for each in versions if (str(each["number"]) == number if number else each["live"])]
    if len(found) != 1:
        known = ", ".join(f"@{each['number']} ({each['state']})" for each in versions) or "none yet"
        meant = f"of number {number}" if number else "that is live"
        msg = f"Expected a version of {name_of(workload)} {meant}; it has {known}." + (
            "" if number or not versions else f" Name one as {name_of(workload)}@{versions[-1]['number']}."
        )
        raise ClientError(msg)
    return found[0]


def _list(connection: Connection, options: argparse.Namespace) -> _Json:
    wanted: dict[str, Any] = {"state": options.state} if options.state else {}
    if options.workload:
        wanted["workload"] = find_workload(connection, options.workload)["id"]
    return _versions(connection, **wanted)


def _versions(connection: Connection, **wanted: object) -> list[dict[str, Any]]:
    query = build(VersionQuery, "query", **wanted)
    return [to_json(each) for each in Baselines(connection).list(query)]


def _show(connection: Connection, options: argparse.Namespace) -> _Json:
    return find_version(connection, options.baseline)


def _history(connection: Connection, options: argparse.Namespace) -> _Json:
    version = find_version(connection, options.baseline)
    return to_json(Baselines(connection).history(version["id"]))["items"]


def _report(connection: Connection, options: argparse.Namespace) -> _Json:
    baselines, version = Baselines(connection), find_version(connection, options.baseline)["id"]
    asked = {name: getattr(options, name) for name in _GATE}
    if options.html:
        write(options.html, baselines.report_page(version, asked))
    return to_json(baselines.report(version, asked))


def _promote(connection: Connection, options: argparse.Namespace) -> _Json:
    version = find_version(connection, options.baseline)
    wish = {"to": "active", "reason": options.reason, "gate": options.gate}
    return to_json(Baselines(connection).move(version["id"], build(TransitionIn, **wish)))


def _retire(connection: Connection, options: argparse.Namespace) -> _Json:
    version = find_version(connection, options.baseline)
    wish = {"to": "retired", "reason": options.reason}
    return to_json(Baselines(connection).move(version["id"], build(TransitionIn, **wish)))


def _rollback(connection: Connection, options: argparse.Namespace) -> _Json:
    version = find_version(connection, options.baseline)
    if version["live"]:
        stale = _versions(connection, workload=version["workload"]["id"], state="stale")
        before = max(stale, key=lambda each: (each["changed_at"], each["number"]), default=None)
        if before is None:
            msg = f"{name_of(version['workload'])} has no stale version to return to."
            raise ClientError(msg)
        version = before
    wish = build(RollbackIn, reason=options.reason)
    return to_json(Baselines(connection).roll_back(version["id"], wish))


def _export(connection: Connection, options: argparse.Namespace) -> _Json:
    version = find_version(connection, options.baseline)
    bundle = Baselines(connection).export(version["id"])
    write(options.out, bundle)
    return {"file": str(options.out), "bytes": len(bundle), "baseline": version}


def _import(connection: Connection, options: argparse.Namespace) -> _Json:
    bundle = read(options.file)
    wish: dict[str, Any] = {"reason": options.reason, "promote": options.promote}
    wish |= {name: value for name in ("namespace", "name") if (value := getattr(options, name)) is not None}
    return to_json(Baselines(connection).take_in(bundle, build(ImportQuery, "query", **wish)))


def _diff(connection: Connection, options: argparse.Namespace) -> _Json:
    before, after = (find_version(connection, each)["id"] for each in (options.before, options.after))
    return to_json(Baselines(connection).compare(before, after))


def _unlearn(connection: Connection, options: argparse.Namespace) -> _Json:
    version = find_version(connection, options.baseline)
    span = times(options, to_datetime(SystemClock().now_ms()))
    wish = {"container": options.container, "reason": options.reason} | span
    return to_json(Baselines(connection).unlearn(version["id"], build(UnlearnIn, **wish)))


def _release(connection: Connection, options: argparse.Namespace) -> _Json:
    version = find_version(connection, options.baseline)
    span = times(options, to_datetime(SystemClock().now_ms()))
    wish = {"at": options.at, "container": options.container, "reason": options.reason} | span
    return to_json(Baselines(connection).release(version["id"], build(ReleaseIn, **wish)))


def _relearn(connection: Connection, options: argparse.Namespace) -> _Json:
    version = find_version(connection, options.baseline)
    since = read_time(options.since, to_datetime(SystemClock().now_ms()), "--from")
    wish = {"since": since.isoformat(), "reason": options.reason, "dry_run": options.dry_run}
    return to_json(Baselines(connection).relearn(version["id"], build(RelearnIn, **wish)))


def _show_list(rows: _Json) -> None:
    headings = ("id", "workload", "version", "state", "live", "origin", "windows", "completeness")
    made = new_table(*headings, "since (UTC)", wrap=("workload",))
    for each in rows:
        made.add_row(
            str(each["id"]),
            Text(name_of(each["workload"])),
            str(each["number"]),
            each["state"],
            "yes" if each["live"] else "",
            each["origin"],
            str(each["windows_learned"]),
            each["completeness"] or "",
            moment(each["changed_at"]),
        )
    show(made, "No baselines.")


def _show_one(each: _Json) -> None:
    _show_list([each])


def _show_moves(moves: _Json) -> None:
    made = new_table("at (UTC)", "by", "from", "to", "why", wrap=("by", "why"))
    for each in moves:
        words = (Text(each["actor"]), each["before"], each["after"], plain(each["reason"]))
        made.add_row(moment(each["at"]), *words)
    show(made, "It has not been moved yet.")


def _show_report(report: _Json) -> None:
    made = new_table("check", "outcome", "why", wrap=("why",))
    for each in report["checks"]:
        outcome = Text(each["outcome"], style=_STYLES[each["outcome"]])
        made.add_row(each["name"], outcome, plain(each["text"]))
    baseline = report["baseline"]
    name = f"{name_of(baseline['workload'])} version {baseline['number']}, {baseline['state']}"
    said = "can be promoted" if report["verdict"] == "pass" else "should not be promoted yet"
    console().print(made)
    console().print(Text(f"{name}: {said}.", style=_STYLES[report["verdict"]]))


def _show_moved(each: _Json) -> None:
    mode = each["workload"]["mode"]
    text = f"{name_of(each['workload'])} version {each['number']} is {each['state']}; mode {mode}."
    console().print(Text(text))


def _show_unlearned(answer: _Json) -> None:
    version = answer["baseline"]
    left = f"{version['windows_learned']} windows are learned"
    console().print(
        Text(f"{name_of(version['workload'])}: {answer['windows']} windows were unlearned; {left}.")
    )


def _show_released(answer: _Json) -> None:
    version = answer["baseline"]
    left = f"{version['windows_learned']} windows are learned"
    console().print(
        Text(f"{name_of(version['workload'])}: {answer['windows']} windows were released; {left}.")
    )


def _show_relearned(answer: _Json) -> None:
    version, difference = answer["baseline"], answer["difference"]
    _show_diff(difference)
    console().print(Text(answer["text"]))
    learned = f"{answer['windows']} windows, completeness {answer['completeness']}"
    name = name_of(version["workload"])
    if answer["dry_run"]:
        said = f"{name}: a new version would be learned from {learned}; nothing was changed."
    else:
        said = f"{name} version {version['number']} is {version['state']}, learned from {learned}."
    console().print(Text(said))


def _show_exported(answer: _Json) -> None:
    version = answer["baseline"]
    name = f"{name_of(version['workload'])} version {version['number']}"
    console().print(Text(f"{name}: {answer['bytes']} bytes in {answer['file']}."))


def _show_diff(diff: _Json) -> None:
    made = new_table("", "n-grams", "system calls", wrap=("system calls",))
    for name in ("new", "vanished"):
        calls = ", ".join(diff[f"{name}_syscalls"]) or "none"
        made.add_row(name, str(diff[name]["count"]), Text(calls))
    made.add_row("common", str(diff["common"]), "")
    console().print(made)
    for name in ("new", "vanished"):
        for each in diff[name]["first"]:
            console().print(Text(f"{name}: {' → '.join(each)}"))


_ASK: Final[Mapping[str, Callable[[Connection, argparse.Namespace], _Json]]] = {
    "list": _list,
    "show": _show,
    "history": _history,
    "report": _report,
    "promote": _promote,
    "retire": _retire,
    "rollback": _rollback,
    "export": _export,
    "import": _import,
    "diff": _diff,
    "unlearn": _unlearn,
    "release": _release,
    "relearn": _relearn,
}
_SHOW: Final[Mapping[str, Callable[[_Json], None]]] = {
    "list": _show_list,
    "show": _show_one,
    "history": _show_moves,
    "report": _show_report,
    "promote": _show_moved,
    "retire": _show_moved,
    "rollback": _show_moved,
    "export": _show_exported,
    "import": _show_moved,
    "diff": _show_diff,
    "unlearn": _show_unlearned,
    "release": _show_released,
    "relearn": _show_relearned,
}
