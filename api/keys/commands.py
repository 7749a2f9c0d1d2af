"""`nonself keys`: whose bundles a service takes, over the REST interface."""

import argparse
from pathlib import Path
from typing import Any

from api.connection import Connection, build, to_json
from api.console import moment, new_table, plain, print_json, show
from api.errors import ClientError
from api.keys.client import Keys
from api.keys.schemas import KeyIn, RevokeIn


def run(connection: Connection, options: argparse.Namespace) -> None:
    """Do what was asked.

    Raises:
        ClientError: There is no such key, or the service refuses.
    """
    answer = _ask(connection, options)
    if options.json:
        print_json(answer)
    elif options.keys_command == "own":
        print(answer["public_key"])  # noqa: T201 - to be copied
    else:
        _show(answer["items"] if options.keys_command == "list" else [answer])


def _ask(connection: Connection, options: argparse.Namespace) -> Any:  # noqa: ANN401 - JSON
    keys = Keys(connection)
    if options.keys_command == "list":
        return {"items": [to_json(each) for each in keys.list()]}
    if options.keys_command == "own":
        return to_json(keys.own())
    if options.keys_command == "revoke":
        found = [each for each in keys.list() if each.name == options.name]
        if not found:
            msg = f"No key is named {options.name!r}."
            raise ClientError(msg)
        return to_json(keys.revoke(found[0].id, build(RevokeIn, reason=options.reason)))
    path = Path(options.key)
    try:
        text = path.read_text() if len(options.key) < 255 and path.is_file() else options.key
    except (OSError, UnicodeDecodeError) as error:
        msg = f"The file {path} cannot be read as text: {error}."
        raise ClientError(msg) from error
    wish = {"name": options.name, "public_key": text, "expires_at": options.expires, "reason": options.reason}
    return to_json(keys.trust(build(KeyIn, **wish)))


def _show(rows: list[dict[str, Any]]) -> None:
    made = new_table("name", "state", "public key", "since (UTC)", "expires", "revoked", wrap=("name",))
    for each in rows:
        times = (moment(each[name]) for name in ("created_at", "expires_at", "revoked_at"))
        made.add_row(plain(each["name"]), each["state"], each["public_key"], *times)
    show(made, "No keys are trusted; no bundle can be imported.")
