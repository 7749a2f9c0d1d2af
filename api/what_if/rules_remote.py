"""`nonself rules what-if`: what it asks, and what it shows."""

import argparse
from collections.abc import Mapping
from typing import Any, Final

from api.clock import Clock, SystemClock, to_datetime
from api.connection import Connection, build, to_json
from api.console import console, moment, new_table, plain, print_json
from api.files import read_text
from api.what_if.client import WhatIf
from api.what_if.rule_schemas import RulesWhatIfIn
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


def run(connection: Connection, options: argparse.Namespace, clock: Clock | None = None) -> None:
    """Ask what other rules would have raised, and show it.

    Raises:
        ClientError: The file cannot be read, or the service refuses.
    """
    now = to_datetime((clock or SystemClock()).now_ms())
    wish: dict[str, Any] = {"disable": options.disable, "enable": options.enable} | times(options, now)
    if options.version is not None:
        wish["version"] = options.version
    if options.file is not None:
        wish["file"] = {"name": options.file.name, "content": read_text(options.file)}
    answer = to_json(WhatIf(connection).rules(build(RulesWhatIfIn, **wish)))
    if options.json:
        print_json(answer)
    else:
        _show(answer)


def _show(answer: Mapping[str, Any]) -> None:
    # Headings of several words are folded, so that names of rules have room.
    table = new_table(*_HEADINGS, numbers=_HEADINGS[2:], wrap=_HEADINGS)
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
    since, until = (moment(answer[name]) for name in ("since", "until"))
    out.print(f"From {since} to {until}: {was} alerts as it was, {would} as it would be.", highlight=False)
    if answer["untold"]:
        names = ", ".join(answer["untold"])
        out.print(plain(f"New or changed, so what else they would match is in no stored match: {names}."))
    out.print("Exact." if answer["exact"] else "Not exact.")
