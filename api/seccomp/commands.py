"""`nonself workload seccomp`: prints what was learned as a profile."""

import argparse
import json
import sys

import yaml

from api.client import Client
from api.files import write
from api.workloads.remote import find_workload


def run_seccomp(client: Client, options: argparse.Namespace) -> None:
    """Print a profile, and on standard error what it lacks.

    Raises:
        ClientError: There is none, or the file cannot be written.
    """
    workload = find_workload(client, options.workload)
    found = client.get(
        f"/v1/workloads/{workload['id']}/seccomp",
        format=options.format,
        also=options.also,
        incomplete=str(options.incomplete).lower(),
    )
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
