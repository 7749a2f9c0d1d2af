"""`nonself token`: asks a service by REST, or works on the database itself, which needs no first token."""

import argparse
import secrets
from datetime import datetime
from typing import Any

from api.clock import to_datetime
from api.console import console, moment, new_table, plain, print_json, show
from api.errors import ClientError
from api.token_admin.places import Place
from api.workloads.remote import read_time


def run(place: Place, options: argparse.Namespace, now_ms: int) -> None:
    """Create, list, rotate or revoke tokens.

    Raises:
        ClientError: An option cannot be used, or a service refused.
        ProblemError: The database refused: the name is taken or unknown, or limits do not fit the role.
    """
    now = to_datetime(now_ms)
    if options.action == "list":
        _list(place.list(), as_json=options.json)
        return
    if options.command == "enrol":
        options.name = f"enrol-{secrets.token_hex(4)}"
    if not options.name:
        msg = f"Expected the name of a token: nonself token {options.action} NAME."
        raise ClientError(msg)
    match options.action:
        case "create":
            wish = {
                "name": options.name,
                "role": options.role,
                "expires_at": _time(options.expires, now),
                "namespaces": sorted(set(options.namespace)),
                "workloads": sorted({place.find_workload(each) for each in options.workload}),
                "node": options.node,
            }
            _secret(place.create(wish), as_json=options.json)
        case "rotate":
            overlap_s = round((now - read_time(options.overlap, now, "--overlap")).total_seconds())
            _secret(place.rotate(options.name, overlap_s), as_json=options.json)
        case _:
            ended = place.revoke(options.name, options.reason)
            if options.json:
                print_json(ended)
            else:
                console().print(f"The token {options.name!r} is revoked.", highlight=False)


def _time(text: str | None, now: datetime) -> str | None:
    """Return the end that was asked for: a time, or a time from now."""
    if text is None or text == "never":
        return None
    at = read_time(text, now, "--expires")
    if text[-1:].isalpha():
        at = now + (now - at)
    return at.isoformat().replace("+00:00", "Z")


def _secret(made: dict[str, Any], *, as_json: bool) -> None:
    # The secret alone, so that it can be sent into a file.
    if as_json:
        print_json(made)
    else:
        print(made["token"])  # noqa: T201 - see above


def _list(found: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    headings = ("name", "role", "state", "limited to", "expires (UTC)", "last used (UTC)", "created (UTC)")
    table = new_table(*headings, wrap=("name", "limited to"))
    for each in found:
        times = (moment(each[name]) for name in ("expires_at", "last_used_at", "created_at"))
        table.add_row(plain(each["name"]), each["role"], each["state"], plain(_limits(each)), *times)
    show(table, "No tokens.")


def _limits(token: dict[str, Any]) -> str:
    parts = [f"namespace {each}" for each in token["namespaces"]]
    parts += [f"workload {each}" for each in token["workloads"]]
    parts += [f"node {token['node']}"] if token["node"] else []
    return ", ".join(parts)
