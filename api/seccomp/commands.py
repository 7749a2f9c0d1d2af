"""`nonself workload seccomp`: prints what was learned as a profile."""

import argparse
import json
import sys

import yaml

from api.connection import Connection, build, to_json
from api.files import write
from api.seccomp.client import Seccomp
from api.seccomp.schemas import SeccompQuery
from api.workloads.remote import find_workload


def run_seccomp(connection: Connection, options: argparse.Namespace) -> None:
    """Print a profile, and on standard error what it lacks.

    Raises:
        ClientError: There is none, or the file cannot be written.
    """
    workload = find_workload(connection, options.workload)
    query = build(
        SeccompQuery, "query", format=options.format, also=options.also, incomplete=options.incomplete
    )
    found = to_json(Seccomp(connection).get(workload["id"], query))
    if options.json:
        text = json.dumps(found, indent=2) + "\n"
    elif options.format == "resource":
        text = yaml.safe_dump(found["profile"], sort_keys=False)
    else:
        text = json.dumps(found["profile"], indent=2) + "\n"
    for warning in found["warnings"]:
        print(f"nonself: warning: {warning}", file=sys.stderr)  # noqa: T201 - made for people
    if options.out:
        write(options.out, text.encode())
    else:
        sys.stdout.write(text)
