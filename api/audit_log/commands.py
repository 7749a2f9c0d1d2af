"""`nonself audit`: asks a running service, and prints for people or for scripts."""

import argparse
import json

from api.audit_log.client import AuditLog
from api.audit_log.schemas import AuditQuery
from api.clock import SystemClock, to_datetime
from api.connection import Connection, build, to_json
from api.console import moment, new_table, plain, print_json, show
from api.workloads.remote import times


def run(connection: Connection, options: argparse.Namespace) -> None:
    """List entries of the audit log.

    Raises:
        ClientError: The service refused, or an option is no time.
    """
    wanted = {name: getattr(options, name) for name in ("actor", "action", "target")}
    wanted = {name: value for name, value in wanted.items() if value is not None}
    now = to_datetime(SystemClock().now_ms())
    query = build(AuditQuery, "query", **wanted, **times(options, now))
    found = [to_json(each) for each in AuditLog(connection).list(query)]
    if options.json:
        print_json(found)
        return
    table = new_table("id", "at (UTC)", "actor", "action", "target", "detail", wrap=("target", "detail"))
    for each in found:
        detail = ", ".join(f"{name}: {_said(value)}" for name, value in each["detail"].items())
        words = (plain(each[name]) for name in ("actor", "action", "target"))
        table.add_row(str(each["id"]), moment(each["at"]), *words, plain(detail))
    show(table, "No such entries.")


def _said(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
