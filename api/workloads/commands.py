"""`nonself mode` and `nonself workload`: what a person does with one workload of a running service."""

import argparse
import json
import sys
from typing import Any

import yaml

from api.client import Client
from api.console import full_name
from api.errors import ClientError
from api.files import write


def find_workload(client: Client, wanted: str) -> dict[str, Any]:
    """Return the one workload that a person means; what is shown of one names it whatever else is like it.

    Raises:
        ClientError: There is none, or several.
    """
    known = list(client.list("/v1/workloads"))
    found = [each for each in known if wanted in {str(each["id"]), name_of(each)}] or [
        each for each in known if wanted in {each["name"], f"{each['namespace']}/{each['name']}"}
    ]
    if len(found) != 1:
        came = ", ".join(f"{name_of(each)} (id {each['id']})" for each in found) or "none"
        msg = f"Expected one workload called {wanted!r}; found {came}."
        raise ClientError(msg)
    return found[0]


def name_of(workload: dict[str, Any]) -> str:
    """Return the name under which a person knows a workload."""
    return full_name(workload["namespace"], workload["name"], workload["container"])


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
