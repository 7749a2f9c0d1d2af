"""`nonself workload`: what each of its commands leads to."""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from api.baselines.client import Baselines
from api.baselines.report_schemas import Outcome
from api.baselines.schemas import VersionQuery
from api.clock import Clock, SystemClock, to_datetime
from api.connection import Connection, build, to_json
from api.console import print_json
from api.retention.remote import history, show_history
from api.seccomp.commands import run_seccomp
from api.vocabulary import Mode
from api.what_if.remote import show_snapshot, show_what_if, take_snapshot, what_if
from api.workloads.client import Workloads
from api.workloads.remote import find_workload, name_of
from api.workloads.schemas import ModeIn


def run(connect: Callable[[], Connection], options: argparse.Namespace, clock: Clock | None = None) -> None:
    """Do what was asked; `connect` is called only where a service is needed.

    Raises:
        ClientError: There is no such workload, or the service refuses.
        DataError: A file cannot be used.
    """
    if options.workload_command == "seccomp":
        run_seccomp(connect(), options)
        return
    now = to_datetime((clock or SystemClock()).now_ms())
    answer = _ASK[options.workload_command](connect, options, now)
    if options.json:
        print_json(answer)
    else:
        _SHOW[options.workload_command](answer)


def set_mode(connection: Connection, options: argparse.Namespace) -> None:
    """Switch a workload's mode, and say what speaks against it; a mode is a person's decision, so it stays.

    Raises:
        ClientError: There is no such workload, or the service refuses.
    """
    workload = find_workload(connection, options.workload)
    wish = build(ModeIn, mode=options.mode, reason=options.reason)
    changed = to_json(Workloads(connection).set_mode(workload["id"], wish))
    if options.json:
        print_json(changed)
    else:
        said = f"{name_of(changed)} is in mode {changed['mode']}, its baseline is {changed['state']}."
        print(said)  # noqa: T201 - made for people
    if changed["mode"] == Mode.ENFORCEMENT:
        for text in _failed_checks(connection, workload["id"]):
            print(f"nonself: warning: {text}", file=sys.stderr)  # noqa: T201 - made for people


def _failed_checks(connection: Connection, workload: int) -> Iterator[str]:
    baselines = Baselines(connection)
    for version in baselines.list(VersionQuery(workload=workload)):
        checks = baselines.report(version.id).checks if version.live else ()
        yield from (f"{each.name}: {each.text}" for each in checks if each.outcome is Outcome.FAIL)


_ASK: Final[Mapping[str, Callable[[Callable[[], Connection], argparse.Namespace, datetime], Any]]] = {
    "history": history,
    "what-if": what_if,
    "snapshot": take_snapshot,
}
_SHOW: Final[Mapping[str, Callable[[Any], None]]] = {
    "history": show_history,
    "what-if": show_what_if,
    "snapshot": show_snapshot,
}
