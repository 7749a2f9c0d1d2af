"""`nonself upgrade`: asks a running service, and prints for people or for scripts."""

import argparse
from typing import Any, Final

from api.connection import Connection, build, to_json
from api.console import console, moment, new_table, plain, print_json, show
from api.upgrades.client import Upgrades
from api.upgrades.schemas import DecisionIn, UpgradeQuery
from api.workloads.remote import find_workload, name_of

_DIGEST_CHARACTERS: Final = 19


def run(connection: Connection, options: argparse.Namespace) -> None:
    """Do what was asked for.

    Raises:
        ClientError: The service refused; the message is its reason.
    """
    if options.upgrade_command == "list":
        _list(connection, options)
        return
    upgrades = Upgrades(connection)
    match options.upgrade_command:
        case "show":
            answer = upgrades.get(options.upgrade)
        case "approve":
            answer = upgrades.approve(options.upgrade, build(DecisionIn, reason=options.reason))
        case _:
            answer = upgrades.reject(options.upgrade, build(DecisionIn, reason=options.reason))
    found = to_json(answer)
    if options.json:
        print_json(found)
    else:
        _show(found)


def _list(connection: Connection, options: argparse.Namespace) -> None:
    wanted: dict[str, Any] = {} if options.all else {"open": True}
    if options.workload:
        wanted["workload"] = find_workload(connection, options.workload)["id"]
    query = build(UpgradeQuery, "query", **wanted)
    found = [to_json(each) for each in Upgrades(connection).list(query)]
    if options.json:
        print_json(found)
        return
    table = new_table("id", "workload", "image", "digest", "state", "since (UTC)", "windows", wrap=("image",))
    for each in found:
        table.add_row(
            str(each["id"]),
            plain(name_of(each["workload"])),
            plain(each["image"]),
            plain(each["digest"][:_DIGEST_CHARACTERS]),
            each["state"],
            moment(each["opened_at"]),
            str(each["windows"]),
        )
    show(table, "No upgrades." if options.all else "No upgrade waits for a decision.")


def _show(found: dict[str, Any]) -> None:
    say = console().print
    say(f"Upgrade {found['id']} of {name_of(found['workload'])}: {found['state']}", highlight=False)
    say(f"image {found['image']} ({found['digest']})", highlight=False)
    say(
        f"judged by version {found['version_id']}, which began as {found['predecessor_id']}; "
        f"since {moment(found['opened_at'])} UTC",
        highlight=False,
    )
    if found["closed_at"]:
        say(
            f"decided by {found['closed_by']} at {moment(found['closed_at'])}: {found['reason']}",
            highlight=False,
        )
    if known := found["confidence"]:
        say(
            f"{known['windows_learned']} of its windows were learned, of {known['replicas']} replicas, "
            f"beside {known['windows_inherited']} inherited; {known['unseen']:.1%} of those to come hold "
            f"something unseen ({known['low']:.1%} to {known['high']:.1%}).",
            highlight=False,
        )
    if found["held"]:
        say(
            f"{found['held']} windows are held out, and raise an alert unless their like returns.",
            highlight=False,
        )
    if (told := found["difference"]) is None:
        return
    for word in ("new", "vanished"):
        calls = ", ".join(told[f"{word}_syscalls"]) or "none"
        say(f"{word}: {told[word]['count']} n-grams; syscalls: {calls}", highlight=False)
        for each in told[word]["first"]:
            say(f"  {' → '.join(each)}", highlight=False)
