"""`nonself rules what-if`: what it asks, and what it shows."""

import argparse
import json
from collections.abc import Mapping
from typing import Any, Final

from api.client import Client
from api.clock import Clock, SystemClock, to_datetime
from api.console import console, new_table, plain
from api.errors import ClientError
from api.workloads.remote import times

_HEADINGS: Final = (
    "rule",
    "change",
    "matches",
    "alerts",
    "would be raised",
    "dropped",
    "undecided",
    "would-be alerts",
)


def run(client: Client, options: argparse.Namespace, clock: Clock | None = None) -> None:
    """Ask what other rules would have raised, and show it.

    Raises:
        ClientError: The file cannot be read, or the service refuses.
    """
    now = to_datetime((clock or SystemClock()).now_ms())
    wish: dict[str, Any] = {"disable": options.disable, "enable": options.enable} | times(options, now)
    if options.version is not None:
        wish["version"] = options.version
    if options.file is not None:
        wish["file"] = {"name": options.file.name, "content": _read(options)}
    answer = client.post("/v1/rules/what-if", wish)
    if options.json:
        print(json.dumps(answer, indent=2))  # noqa: T201 - made for scripts
    else:
        _show(answer)


def _read(options: argparse.Namespace) -> str:
    try:
        text: str = options.file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        msg = f"The file {options.file} cannot be read: {reason}."
        raise ClientError(msg) from error
    return text


def _show(answer: Mapping[str, Any]) -> None:
    table = new_table(*_HEADINGS, numbers=_HEADINGS[2:])
    for each in answer["rules"]:
        without, beside = each["would_be_alerts"].values()
        table.add_row(
            plain(each["rule"]),
            each["change"],
            *(str(each[name]) for name in ("matches", "alerts", "raised", "dropped", "undecided")),
            str(without) if without == beside else f"{without}, or {beside} with the undecided",
        )
    out = console()
    if answer["rules"]:
        out.print(table)
    was = sum(each["alerts"] for each in answer["rules"])
    would = sum(each["would_be_alerts"]["without_undecided"] for each in answer["rules"])
    since, until = (answer[name][:16].replace("T", " ") for name in ("since", "until"))
    out.print(f"From {since} to {until}: {was} alerts as it was, {would} as it would be.", highlight=False)
    if answer["untold"]:
        names = ", ".join(answer["untold"])
        out.print(plain(f"New or changed, so what else they would match is in no stored match: {names}."))
    out.print("Exact." if answer["exact"] else "Not exact.")
