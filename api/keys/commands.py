"""`nonself keys`: whose bundles a service takes, over the REST interface."""

import argparse
import json
from pathlib import Path
from typing import Any

from api.client import Client
from api.console import console, new_table
from api.errors import ClientError


def run(client: Client, options: argparse.Namespace) -> None:
    """Do what was asked.

    Raises:
        ClientError: There is no such key, or the service refuses.
    """
    answer = _ask(client, options)
    if options.json:
        print(json.dumps(answer, indent=2))  # noqa: T201 - made for scripts
    elif options.keys_command == "own":
        print(answer["public_key"])  # noqa: T201 - to be copied
    else:
        _show(answer["items"] if options.keys_command == "list" else [answer])


def _ask(client: Client, options: argparse.Namespace) -> Any:  # noqa: ANN401 - JSON
    if options.keys_command in {"list", "own"}:
        return client.get("/v1/keys" + ("/own" if options.keys_command == "own" else ""))
    if options.keys_command == "revoke":
        found = [each for each in client.get("/v1/keys")["items"] if each["name"] == options.name]
        if not found:
            msg = f"No key is named {options.name!r}."
            raise ClientError(msg)
        return client.post(f"/v1/keys/{found[0]['id']}/revoke", {"reason": options.reason})
    path = Path(options.key)
    try:
        text = path.read_text() if len(options.key) < 255 and path.is_file() else options.key
    except (OSError, UnicodeDecodeError) as error:
        msg = f"The file {path} cannot be read as text: {error}."
        raise ClientError(msg) from error
    wish = {"name": options.name, "public_key": text, "expires_at": options.expires, "reason": options.reason}
    return client.post("/v1/keys", wish)


def _show(rows: list[dict[str, Any]]) -> None:
    table = new_table("name", "state", "public key", "since", "expires", "revoked")
    for each in rows:
        times = (each["created_at"], each["expires_at"] or "", each["revoked_at"] or "")
        table.add_row(each["name"], each["state"], each["public_key"], *times)
    console().print(table)
