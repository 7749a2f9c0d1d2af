"""`nonself troubles`: asks a running service what is wrong with it."""

import argparse

from api.connection import Connection, build, to_json
from api.console import moment, new_table, plain, print_json, show
from api.troubles.client import Troubles
from api.troubles.schemas import TroubleQuery


def run(connection: Connection, options: argparse.Namespace) -> bool:
    """List troubles; return whether none is open.

    Raises:
        ClientError: The service refuses.
    """
    wanted = {name: getattr(options, name) for name in ("kind", "subject") if getattr(options, name)}
    if not options.all:
        wanted["open"] = "true"
    found = [to_json(each) for each in Troubles(connection).list(build(TroubleQuery, "query", **wanted))]
    if options.json:
        print_json(found)
    else:
        table = new_table("since (UTC)", "until", "kind", "subject", "what is wrong", wrap=("what is wrong",))
        for each in found:
            times = (moment(each["opened_at"]), moment(each["closed_at"]) or "goes on")
            table.add_row(*times, each["kind"], plain(each["subject"]), plain(each["said"]))
        show(table, "Nothing is wrong." if not options.all else "Nothing was ever wrong.")
    return not any(each["open"] for each in found)
