"""`nonself upgrade`: asks a running service, and prints for people or for scripts."""

import argparse
import json
from typing import Any, Final

from api.client import Client
from api.console import console, moment, new_table, plain, show
from api.workloads.remote import find_workload, name_of

_PATH: Final = "/v1/upgrades"
_DIGEST_CHARACTERS: Final = 19


def run(client: Client, options: argparse.Namespace) -> None:
    """Do what was asked for.

    Raises:
        ClientError: The service refused; the message is its reason.
    """
    if options.upgrade_command == "list":
        _list(client, options)
        return
    if options.upgrade_command == "show":
        found = client.get(f"{_PATH}/{options.upgrade}")
    else:
        body = {"reason": options.reason}
        found = client.post(f"{_PATH}/{options.upgrade}/{options.upgrade_command}", body)
    if options.json:
        print(json.dumps(found, indent=2))  # noqa: T201 - made for scripts
    else:
        _show(found)


def _list(client: Client, options: argparse.Namespace) -> None:
    wanted: dict[str, Any] = {} if options.all else {"open": "true"}
    if options.workload:
        wanted["workload"] = find_workload(client, options.workload)["id"]
    found = list(client.list(_PATH, **wanted))
    if options.json:
        print(json.dumps(found, indent=2))  # noqa: T201 - made for scripts
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
